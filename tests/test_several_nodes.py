"""Several services on one PostgreSQL and one Redis: one collects, all answer, any may die."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.actors.harness import Query, as_url, eventually, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.feed_server import START, FeedServer
from tests.process import Process, started
from tests.same import assert_same
from tests.several_nodes import (
    KEY,
    TURNS,
    a_pair,
    collects,
    kill_whole,
    name_of,
    next_is_stored,
    seen_by,
    stopped,
    timed,
)
from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.feed.times import parse_time
from vatwatch.storage.journal import Journal

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


def test_one_collects_and_both_give_the_same_answers(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with a_pair(tmp_path, database_url, redis_url) as pair:
        assert not collects(pair.other)
        pair.until_both_serve(pair.next_is_stored())
        for path in SAME:

            def both_say_the_same(path: str = path) -> None:
                here, there = pair.collector.get(path), pair.other.get(path)
                assert here[0] == 200
                assert_same(here, there, path)

            eventually(both_say_the_same)


def test_any_node_answers_for_any_other(tmp_path: Path, database_url: str, redis_url: str) -> None:
    with a_pair(tmp_path, database_url, redis_url) as pair:
        names = [name_of(pair.collector), name_of(pair.other)]
        told = {names[0]: "collector", names[1]: "follower"}
        for asked in (pair.collector, pair.other):

            def sees_both(asked: Process = asked) -> None:
                assert {one["node"]: one["role"] for one in seen_by(asked)} == told

            eventually(sees_both)
            for name, state in zip(names, ("running", "standby"), strict=True):
                code, pipeline = asked.get(f"/api/supervision/vatwatch/pipeline?node={name}")
                assert (code, pipeline["state"]) == (200, state)
        code, problem = pair.other.get("/api/status?node=nobody")
        assert (code, problem["parameter"]) == (400, "node")
        cache = "/api/supervision/vatwatch/data/cache"
        for asked, name in ((pair.other, names[0]), (pair.collector, names[1])):
            path = f"{cache}?node={name}"
            before = asked.get(path)[1]["restarts_total"]
            assert ordered(asked, f"{cache}/restart?node={name}")[0] == 202

            def it_was_restarted(
                asked: Process = asked, path: str = path, before: int = before
            ) -> None:
                assert asked.get(path)[1]["restarts_total"] > before

            eventually(it_was_restarted)
        for name, state in zip(names, ("running", "standby"), strict=True):
            shown = top(pair.other, "--node", name)
            assert f"nodes: 2 of 2 are alive; {names[0]} collects" in shown
            (pipeline,) = (line for line in shown.splitlines() if "pipeline" in line)
            assert state in pipeline


def top(process: Process, *arguments: str) -> str:
    """What `vatwatch top` prints of it."""
    command = [sys.executable, "-m", "vatwatch", "top", "--once", "--url", process.base]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.parametrize("turn", TURNS)
def test_another_one_collects_when_the_collector_is_killed(
    turn: int, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with a_pair(tmp_path, database_url, redis_url, snapshots=turn) as pair:
        kill_whole(pair.collector)
        with timed("killed: the next snapshot is stored"):
            pair.next_is_stored()
        until(lambda: collects(pair.other), "the other one collects")
        until(lambda: [one["role"] for one in seen_by(pair.other)] == ["collector"], "alone")
        pair.each_is_stored_once()


@pytest.mark.parametrize("turn", TURNS)
def test_another_one_collects_when_the_collector_stands_still_which_then_follows(
    turn: int, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with a_pair(tmp_path, database_url, redis_url, snapshots=turn) as pair:
        with stopped(pair.collector):
            with timed("stopped: the next snapshot is stored"):
                pair.next_is_stored()
            until(lambda: collects(pair.other), "the other one collects")
        until(lambda: pair.collector.get("/healthz")[0] == 200)
        until(lambda: not collects(pair.collector), "the one that is awake again follows")
        assert collects(pair.other)
        pair.next_is_stored()
        pair.each_is_stored_once()


@pytest.mark.parametrize("turn", TURNS)
def test_another_one_collects_when_the_collector_is_cut_off_which_then_follows(
    turn: int, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with (
        TemporaryDirectory(prefix="cut-", dir="/tmp") as short,
        PostgresProxy(Path(short), database_url) as cable,
        a_pair(tmp_path, database_url, redis_url, snapshots=turn, first_database=cable.dsn) as pair,
    ):
        cable.stall()
        with timed("cut off: the next snapshot is stored"):
            pair.next_is_stored()
        until(lambda: collects(pair.other), "the other one collects")
        # It sees the other one through Redis.
        until(lambda: not collects(pair.collector), "the one that is cut off follows")
        pair.next_is_stored()
        cable.cut()
        cable.mend()
        pair.until_both_serve(pair.next_is_stored())
        # What it has fetched meanwhile, and could not store, is handed over.
        pending = f"/api/status?node={name_of(pair.collector)}"
        until(lambda: pair.collector.get(pending)[1]["journal"]["pending"] == 0, "nothing is left")
        pair.each_is_stored_once()


def test_snapshots_that_a_node_could_not_store_are_stored_by_the_one_that_collects(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    """A process that was killed has left them in its journal, and its node follows now."""
    world, left = World(2, 20, START - timedelta(hours=1)), set()
    journal = Journal(tmp_path / "host-2" / "home" / "journal", max_bytes=2**30)
    journal.open()
    for number in range(3):
        publication = publish(number, world.feed(), world.radios())
        world.advance()
        moment = parse_time(publication.counts.update_timestamp)
        left.add(moment)
        journal.append(
            update_timestamp=moment,
            fetched_at=moment,
            data=publication.data.raw,
            transceivers=publication.transceivers.raw,
            source="the process before",
        )
    journal.close()
    # The first one starts first, and collects.
    with a_pair(tmp_path, database_url, redis_url, first_database=database_url) as pair:
        until(lambda: left <= {*pair.sql.snapshots()}, "what was left is stored")
        pending = f"/api/status?node={name_of(pair.other)}"
        until(lambda: pair.other.get(pending)[1]["journal"]["pending"] == 0, "nothing is left")
        assert pair.sql("SELECT count(*) FROM handed_snapshots") == [(0,)]
        pair.each_is_stored_once()


def test_settings_are_read_again_at_all_nodes_by_a_request_and_by_a_signal(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    def interval_at(process: Process) -> str:
        shown = process.get(f"/api/config?node={name_of(process)}")[1]["settings"]
        return next(one["value"] for one in shown if one["name"] == "VATWATCH_ALERT_INTERVAL")

    with a_pair(tmp_path, database_url, redis_url) as pair:
        both = (pair.collector, pair.other)
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
            next_is_stored(feeds, Query(database_url))


def test_two_services_share_a_home_and_each_goes_on_with_what_it_has_left_there(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    """As containers with one volume do."""
    sql, home = Query(database_url), tmp_path / "home"
    with FeedServer(pilots=5) as feeds, ExitStack() as stack:

        def start(name: str) -> Process:
            environment = {
                "DATABASE_URL": as_url(database_url),
                "REDIS_URL": redis_url,
                "VATSIM_API_URL": feeds.url,
                "VATSIM_POLL_INTERVAL": 0.2,
            }
            process = stack.enter_context(started(home, tmp_path / f"{name}.log", **environment))
            process.until_ready()
            return process

        def homes() -> list[Path]:
            return sorted(mark.parent for mark in home.glob("**/node"))

        first = start("first")
        assert homes() == [home]
        second = start("second")
        (inner,) = set(homes()) - {home}
        until(lambda: len(seen_by(first)) == 2, "they see each other")
        kill_whole(first)
        next_is_stored(feeds, sql)
        third = start("third")
        until(lambda: len(seen_by(third)) == 2, "they see each other")
        kill_whole(second)
        next_is_stored(feeds, sql)
        start("fourth")
        assert set(homes()) == {home, inner}


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
            next_is_stored(feeds, sql)

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
        until(lambda: "SIGUSR2: refused" in process.said())
        there_are(1)
        homes = sorted(mark.parent.name for mark in process.home.glob("*/node"))
        assert len(homes) == 3
        assert not (process.home / "journal").exists()
        # Who is killed is replaced by one that takes its home.
        process.worker().kill()
        there_are(1)
        assert sorted(mark.parent.name for mark in process.home.glob("*/node")) == homes
