"""Several services on one PostgreSQL and one Redis: one collects, all answer, any may die."""

from __future__ import annotations

import json
import signal
import urllib.request
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.actors.harness import Query, as_url, eventually, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.feed_server import FeedServer
from tests.process import Process, started
from tests.several_nodes import (
    KEY,
    TURNS,
    collector_among,
    collects,
    kill_whole,
    name_of,
    nodes,
    seen_by,
    stopped,
    timed,
)
from vatwatch.feed.times import parse_time

SAME = (
    "/api/flights",
    "/api/controllers",
    "/api/atis",
    "/api/prefiles",
    "/api/network",
    "/api/airports",
    "/api/frequency-matches",
    "/api/events?limit=20",
    "/api/config",
    "/api/supervision/faults",
)


def ordered(process: Process, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        process.base + path,
        data=b"" if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, json.load(answer)


def next_is_stored(sql: Query, feeds: FeedServer) -> datetime:
    """The network goes on by one snapshot, which is stored by whoever collects."""
    moment = parse_time(feeds.advance().counts.update_timestamp)
    until(lambda: moment in sql.snapshots(), f"{moment} is stored")
    return moment


def test_one_collects_and_both_give_the_same_answers(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with (
        FeedServer(pilots=20) as feeds,
        nodes(tmp_path, database_url, redis_url, feeds) as both,
    ):
        collector = collector_among(both)
        (follower,) = (one for one in both if one is not collector)
        assert not collects(follower)
        moment = next_is_stored(Query(database_url), feeds)

        def both_serve_it() -> None:
            for one in both:
                shown = one.get("/api/network")[1]["updated_at"]
                assert parse_time(shown) == moment

        eventually(both_serve_it)
        for path in SAME:

            def both_say_the_same(path: str = path) -> None:
                here, there = (one.get(path) for one in both)
                assert here[0] == 200
                assert here == there, path

            eventually(both_say_the_same)


def test_any_node_answers_for_any_other(tmp_path: Path, database_url: str, redis_url: str) -> None:
    with (
        FeedServer(pilots=5) as feeds,
        nodes(tmp_path, database_url, redis_url, feeds) as both,
    ):
        collector = collector_among(both)
        (follower,) = (one for one in both if one is not collector)
        names = [name_of(collector), name_of(follower)]
        for asked in both:
            told = {names[0]: "collector", names[1]: "follower"}
            until(
                lambda asked=asked, told=told: (  # type: ignore[misc]
                    {one["node"]: one["role"] for one in seen_by(asked)} == told
                )
            )
            for name, state in zip(names, ("running", "standby"), strict=True):
                code, pipeline = asked.get(f"/api/supervision/vatwatch/pipeline?node={name}")
                assert (code, pipeline["state"]) == (200, state)
        code, problem = follower.get("/api/status?node=nobody")
        assert (code, problem["parameter"]) == (400, "node")
        path = "/api/supervision/vatwatch/data/cache/restart"
        for asked, name in ((follower, names[0]), (collector, names[1])):
            tree = f"/api/supervision/vatwatch/data/cache?node={name}"
            before = asked.get(tree)[1]["restarts_total"]
            assert ordered(asked, f"{path}?node={name}")[0] == 202
            until(
                lambda tree=tree, asked=asked, before=before: (  # type: ignore[misc]
                    asked.get(tree)[1]["restarts_total"] > before
                )
            )


@pytest.mark.parametrize("turn", TURNS)
def test_another_one_collects_when_the_collector_is_killed(
    turn: int, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    sql = Query(database_url)
    with (
        FeedServer(pilots=5) as feeds,
        nodes(tmp_path, database_url, redis_url, feeds) as both,
    ):
        for _ in range(turn):
            next_is_stored(sql, feeds)
        collector = collector_among(both)
        (other,) = (one for one in both if one is not collector)
        kill_whole(collector)
        with timed("killed: the next snapshot is stored"):
            next_is_stored(sql, feeds)
        until(lambda: collects(other), "the other one collects")
        until(lambda: [one["role"] for one in seen_by(other)] == ["collector"], "it is alone")


@pytest.mark.parametrize("turn", TURNS)
def test_another_one_collects_when_the_collector_stands_still_which_then_follows(
    turn: int, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    sql = Query(database_url)
    with (
        FeedServer(pilots=5) as feeds,
        nodes(tmp_path, database_url, redis_url, feeds) as both,
    ):
        for _ in range(turn):
            next_is_stored(sql, feeds)
        collector = collector_among(both)
        (other,) = (one for one in both if one is not collector)
        with stopped(collector):
            with timed("stopped: the next snapshot is stored"):
                next_is_stored(sql, feeds)
            until(lambda: collects(other), "the other one collects")
        until(lambda: collector.get("/healthz")[0] == 200)
        until(lambda: not collects(collector), "the one that is awake again follows")
        assert collects(other)
        next_is_stored(sql, feeds)
        stored = sql.snapshots()
        assert len(stored) == len(set(stored))


@pytest.mark.parametrize("turn", TURNS)
def test_another_one_collects_when_the_collector_is_cut_off_which_then_follows(
    turn: int, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    sql = Query(database_url)
    with (
        TemporaryDirectory(prefix="cut-", dir="/tmp") as short,
        PostgresProxy(Path(short), database_url) as cable,
        FeedServer(pilots=5) as feeds,
        nodes(tmp_path, database_url, redis_url, feeds, first_database=cable.dsn) as both,
    ):
        collector, other = both
        for _ in range(turn):
            next_is_stored(sql, feeds)
        assert collects(collector)
        cable.stall()
        with timed("cut off: the next snapshot is stored"):
            next_is_stored(sql, feeds)
        until(lambda: collects(other), "the other one collects")
        # It sees the other one through Redis.
        until(lambda: not collects(collector), "the one that is cut off follows")
        next_is_stored(sql, feeds)
        cable.cut()
        cable.mend()
        moment = next_is_stored(sql, feeds)

        def both_serve_it() -> None:
            for one in both:
                assert parse_time(one.get("/api/network")[1]["updated_at"]) == moment

        eventually(both_serve_it)
        stored = sql.snapshots()
        assert len(stored) == len(set(stored))
        # What it has fetched meanwhile, and could not store, is handed over.
        pending = f"/api/status?node={name_of(collector)}"
        until(lambda: collector.get(pending)[1]["journal"]["pending"] == 0, "nothing is left")


def test_settings_are_read_again_at_all_nodes_by_a_request_and_by_a_signal(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    def interval_at(process: Process) -> str:
        shown = process.get(f"/api/config?node={name_of(process)}")[1]["settings"]
        return next(one["value"] for one in shown if one["name"] == "VATWATCH_ALERT_INTERVAL")

    with (
        FeedServer(pilots=5) as feeds,
        nodes(tmp_path, database_url, redis_url, feeds) as both,
    ):
        workers = [one.worker().pid for one in both]
        for value, order in (
            ("7", lambda: ordered(both[1], "/api/config/reload")),
            ("8", lambda: both[0].popen.send_signal(signal.SIGHUP)),
        ):
            for one in both:
                (one.log.parent / ".env").write_text(f"VATWATCH_ALERT_INTERVAL={value}\n")
            order()
            for one in both:
                until(lambda one=one, value=value: interval_at(one) == value)  # type: ignore[misc]
        assert [one.worker().pid for one in both] == workers


def test_a_second_service_without_redis_is_refused_with_the_reason(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer(pilots=5) as feeds:
        environment = {
            "DATABASE_URL": as_url(database_url),
            "VATSIM_API_URL": feeds.url,
            "VATSIM_POLL_INTERVAL": 0.2,
        }
        with started(tmp_path / "first", tmp_path / "first.log", **environment) as first:
            first.until_ready()
            with started(tmp_path / "second", tmp_path / "second.log", **environment) as second:
                assert second.wait() != 0
                assert "REDIS_URL" in second.said()
            next_is_stored(Query(database_url), feeds)


def test_workers_come_and_go_and_one_of_them_collects(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    sql = Query(database_url)
    with (
        FeedServer(pilots=5) as feeds,
        started(
            tmp_path / "home",
            tmp_path / "log",
            DATABASE_URL=as_url(database_url),
            REDIS_URL=redis_url,
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL=0.2,
            VATWATCH_WORKERS=2,
            SERVICE_MAX_WORKERS=3,
        ) as process,
    ):

        def there_are(count: int) -> None:
            def so_many() -> bool:
                roles = sorted(one["role"] for one in seen_by(process))
                return roles == ["collector", *["follower"] * (count - 1)]

            until(so_many, f"{count} workers, one of which collects")
            next_is_stored(sql, feeds)

        process.until_ready()
        there_are(2)
        process.popen.send_signal(signal.SIGTTIN)
        there_are(3)
        process.popen.send_signal(signal.SIGTTIN)
        until(lambda: "SERVICE_MAX_WORKERS allows 3" in process.said())
        for left in (2, 1):
            process.popen.send_signal(signal.SIGTTOU)
            there_are(left)
        process.popen.send_signal(signal.SIGTTOU)
        until(lambda: "SIGTTOU: ignored" in process.said())
        process.popen.send_signal(signal.SIGUSR2)
        until(lambda: "SIGUSR2: ignored" in process.said())
        there_are(1)
        homes = sorted(mark.parent.name for mark in process.home.glob("*/node"))
        assert len(homes) == 3
        assert not (process.home / "journal").exists()
        # Who is killed is replaced by one that takes its home.
        process.worker().kill()
        there_are(1)
        assert sorted(mark.parent.name for mark in process.home.glob("*/node")) == homes
