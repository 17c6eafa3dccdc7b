"""The cache with Redis, and the event bus with the table and with subscribers."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from tests.actors.harness import PATIENCE_S, Poison, Running, as_url, running, settings_for, until
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import FeedServer
from vatwatch.actors.event_memory import Subscription
from vatwatch.events.event import Event, EventFilter
from vatwatch.live.records import Collection
from vatwatch.messages import Delivered, GetEvents, Publish, StreamStarted
from vatwatch.messages.status import CacheStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage import redis_connection
from vatwatch.supervision import (
    Actor,
    ChildFailed,
    Fault,
    FaultKind,
    State,
    Tree,
    supervisor,
    worker,
)
from vatwatch.system import declare
from vatwatch.wiring import SUBSCRIPTIONS


@contextmanager
def redis_at(path: Path, *options: str) -> Iterator[None]:
    """A Redis of the test's own, dead at the end of the block."""
    program = shutil.which("redis-server")
    assert program is not None
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", *options]
    with subprocess.Popen([*command, "--dir", str(path.parent)], stdout=subprocess.DEVNULL) as it:
        try:
            until(lambda: answers(path), "Redis answers")
            yield
        finally:
            it.kill()


def answers(path: Path) -> bool:
    try:
        return bool(redis.Redis(unix_socket_path=str(path)).ping())
    except redis.AuthenticationError:
        return True  # it answers that it wants a password
    except redis.RedisError:
        return False


def test_the_live_state_is_in_redis_with_its_life(tmp_path: Path, redis_url: str) -> None:
    given = updates(1)
    with running(
        tmp_path, NOWHERE, REDIS_URL=redis_url, CACHE_TTL_FLIGHT_DATA=77, CACHE_TTL_ATC_DATA=33
    ) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        client = redis.Redis.from_url(redis_url)
        for collection in Collection:
            key = f"vatwatch:live:{collection.value}"
            served = service.http.simulate_get(f"/api/{collection.value}").content
            until(lambda k=key: client.exists(k) == 1)  # type: ignore[misc]
            assert client.get(key) == served
        assert 0 < client.ttl("vatwatch:live:flights") <= 77
        assert 0 < client.ttl("vatwatch:live:controllers") <= 33
        assert service.status("cache", CacheStatus).backend == "redis"
        client.close()


def lookups(service: Running) -> tuple[int, int, float | None]:
    """The hits and misses of Redis, and their rate."""
    health = service.http.simulate_get("/api/cache/health").json
    return health["hits"], health["misses"], health["hit_rate"]


def test_after_a_start_the_live_state_in_redis_is_served_until_there_is_an_own_one(
    tmp_path: Path, redis_url: str
) -> None:
    given = updates(2)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with running(first, NOWHERE, REDIS_URL=redis_url) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        client = redis.Redis.from_url(redis_url)
        until(lambda: client.exists("vatwatch:live:network") == 1)
        served = {one: service.http.simulate_get(f"/api/{one.value}") for one in Collection}
        somebody = served[Collection.FLIGHTS].json["flights"][0]
    # Another home: neither journal nor database knows anything.
    with running(second, NOWHERE, REDIS_URL=redis_url) as service:
        # It is asked at once after the start, off the hub.
        until(lambda: lookups(service)[0] == len(Collection))
        for one, answer in served.items():
            again = service.http.simulate_get(f"/api/{one.value}")
            assert (again.content, again.headers["etag"]) == (
                answer.content,
                answer.headers["etag"],
            )
        assert service.http.simulate_get(f"/api/flights/{somebody['callsign']}").json == somebody
        health = service.http.simulate_get("/api/cache/health").json
        assert (health["backend"], health["hits"], health["misses"]) == (
            "redis",
            len(Collection),
            0,
        )
        assert health["process_hits"] >= len(Collection) + 1
        assert service.status("cache", CacheStatus).pilots == len(
            served[Collection.FLIGHTS].json["flights"]
        )
        service.hand_in(given[1])
        service.until_served(time_of(given[1]))
        client.close()


@pytest.mark.parametrize("rubbish", [b"{rubbish", b'{"flights":' + b"[" * 100_000])
def test_nothing_in_redis_is_told_as_misses_and_rubbish_as_an_error(
    tmp_path: Path, redis_url: str, rubbish: bytes
) -> None:
    given = updates(1)
    with running(tmp_path, NOWHERE, REDIS_URL=redis_url) as service:
        # It is asked at once after the start, off the hub.
        until(lambda: lookups(service) == (0, len(Collection), 0.0))
        client = redis.Redis.from_url(redis_url)
        for one in Collection:
            client.set(f"vatwatch:live:{one.value}", rubbish)
            client.set(f"vatwatch:live:{one.value}:gzip", gzip.compress(rubbish))
        restarts = service.node("cache").restarts_total
        service.tree.directory.address("cache").tell(Poison())
        until(lambda: service.node("cache").restarts_total > restarts)
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        until(
            lambda: any(
                e["operation"] == "restore the live state from Redis"
                for e in service.http.simulate_get("/api/errors").json["errors"]
            )
        )
        assert service.node("cache").restarts_total == restarts + 1
        client.close()


def test_the_events_and_the_settings_are_in_redis_for_other_programs(
    tmp_path: Path, redis_url: str
) -> None:
    given = updates(3)
    with running(
        tmp_path, NOWHERE, REDIS_URL=redis_url, EVENT_BUS_MAX_HISTORY_SIZE=10_000
    ) as service:
        for publication in given:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
        client = redis.Redis.from_url(redis_url, decode_responses=True)

        def streamed() -> dict[str, dict[str, str]]:
            return {fields["id"]: fields for _, fields in client.xrange("vatwatch:events")}

        events = ring(service)  # there are more all the time
        until(lambda: {str(e.id) for e in events} <= streamed().keys())
        for event in events:
            fields = streamed()[str(event.id)]
            assert (fields["type"], fields["source"]) == (event.type, event.source)
            assert fields["correlation_id"] == event.correlation_id
        shown = {one["name"]: one for one in json.loads(client.get("vatwatch:config"))}
        assert shown["EVENT_BUS_MAX_HISTORY_SIZE"]["value"] == "10000"
        client.close()


def test_events_that_are_published_while_redis_is_away_are_in_the_stream_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "redis.sock"
    given = iter(updates(60))
    with running(
        tmp_path, NOWHERE, REDIS_URL=f"unix://{path}", EVENT_BUS_MAX_HISTORY_SIZE=10_000
    ) as service:
        first = next(given)
        service.hand_in(first)
        service.until_served(time_of(first))
        with redis_at(path):

            def back_after_another_update() -> bool:
                service.hand_in(next(given))
                return service.status("cache", CacheStatus).reachable

            until(back_after_another_update)
            client = redis.Redis(unix_socket_path=str(path), decode_responses=True)
            known = {str(e.id) for e in ring(service, frozenset({"FLIGHT_CREATED"}))}
            assert known
            until(lambda: known <= {fields["id"] for _, fields in client.xrange("vatwatch:events")})
            client.close()


def test_a_stream_that_redis_refuses_keeps_no_live_state_from_redis(
    tmp_path: Path,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Redis answers, if late on a slow machine: it is told of for its stream alone.
    monkeypatch.setattr(redis_connection, "TIMEOUT_S", PATIENCE_S)
    caplog.set_level("INFO", "vatwatch.actors.redis_side")
    given = updates(9)
    with running(
        tmp_path, NOWHERE, REDIS_URL=redis_url, CIRCUIT_BREAKER_FAILURE_THRESHOLD=2
    ) as service:
        client = redis.Redis.from_url(redis_url, decode_responses=True)
        client.set("vatwatch:events", "no stream")
        for update in given[:8]:
            service.hand_in(update)
            service.until_served(time_of(update))
            until(lambda: "delete it (DEL)" in service.status("cache", CacheStatus).last_error)
            served = service.http.simulate_get("/api/flights").text
            until(lambda text=served: client.get("vatwatch:live:flights") == text)
        told = [one for name, _, one in caplog.record_tuples if name.endswith("redis_side")]
        assert len(told) == 1, told
        client.delete("vatwatch:events")
        service.hand_in(given[8])
        known = {str(e.id) for e in ring(service, frozenset({"FLIGHT_CREATED"}))}
        assert known
        until(lambda: known <= {fields["id"] for _, fields in client.xrange("vatwatch:events")})
        until(lambda: any("Redis is back" in one for one in caplog.messages))
        client.close()


def test_a_hanging_redis_delays_no_request_and_gets_the_latest_state_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_connection, "TIMEOUT_S", 10 * PATIENCE_S)
    path = tmp_path / "redis.sock"
    given = updates(4)
    with redis_at(path), running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:
        client = redis.Redis(unix_socket_path=str(path), decode_responses=True)
        server = client.info()["process_id"]
        os.kill(server, signal.SIGSTOP)
        try:
            for update in given:
                service.hand_in(update)
                service.until_served(time_of(update))
                assert service.http.simulate_get("/api/flights").status_code == 200
        finally:
            os.kill(server, signal.SIGCONT)
        served = service.http.simulate_get("/api/flights").text
        until(lambda: client.get("vatwatch:live:flights") == served)
        client.close()


def test_a_redis_that_dies_is_degraded_and_nothing_else(tmp_path: Path) -> None:
    given = updates(4)
    path = tmp_path / "redis.sock"
    with running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:
        with redis_at(path):
            service.hand_in(given[0])
            service.until_served(time_of(given[0]))
            until(lambda: service.reports().services["cache"].health is Health.HEALTHY)
        service.hand_in(given[1])
        service.until_served(time_of(given[1]))
        until(lambda: "Redis is away" in service.reason("cache"))
        assert service.http.simulate_get("/api/status").json["cache"]["reachable"] is False
        assert service.http.simulate_get("/readyz").status_code == 200
        path.unlink(missing_ok=True)
        with redis_at(path):
            moments = iter(updates(60)[2:])

            def back_after_another_update() -> bool:
                service.hand_in(next(moments))
                return service.reports().services["cache"].health is Health.HEALTHY

            until(back_after_another_update)
        assert not [n for n in service.notices if isinstance(n, ChildFailed)]


class Listener(Actor):
    """A subscriber: keeps what is delivered to it."""

    def __init__(self, heard: list[Event]) -> None:
        super().__init__()
        self.heard = heard

    def on_receive(self, message: Delivered) -> None:
        self.heard.append(message.event)


@pytest.fixture
def listened(tmp_path: Path, database_url: str) -> Iterator[tuple[Running, list[Event]]]:
    heard: list[Event] = []
    settings = settings_for(tmp_path, DATABASE_URL=as_url(database_url), VATSIM_POLL_INTERVAL=15)
    wanted = Subscription("listener", frozenset({"DATA_STORED", "FLIGHT_CREATED"}))
    spec = declare(settings, polls=False, subscriptions=[*SUBSCRIPTIONS, wanted])
    listeners = supervisor("listeners", children=[worker("listener", Listener, heard)])
    tree = Tree(replace(spec, children=(*spec.children, listeners)))
    service = Running(tree, settings, None, database_url)
    tree.start()
    yield service, heard
    tree.stop(PATIENCE_S)


def test_the_events_of_a_snapshot_are_in_ring_and_table_alike(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(3)
    with running(tmp_path, database_url, EVENT_BUS_MAX_HISTORY_SIZE=5000) as service:
        for publication in given:
            service.hand_in(publication)
        service.until_stored(time_of(given[-1]))
        snapshots = {publication.counts.update_timestamp for publication in given}
        until(lambda: told(service, "DATA_STORED") == told(service, "DATA_CACHED") == snapshots)
        traffic = {
            (str(e.id), e.type, e.correlation_id)
            for e in ring(service)
            if e.type.startswith(("FLIGHT", "CONTROLLER", "FREQUENCY", "POSITION"))
        }
        assert len(traffic) > 30
        assert {correlation for _, _, correlation in traffic} == snapshots
        table = service.sql("SELECT id::text, type, correlation_id FROM events")
        assert traffic == {tuple(row) for row in table}


def ring(service: Running, types: frozenset[str] = frozenset()) -> tuple[Event, ...]:
    bus = service.tree.directory.address("event_bus")
    return bus.ask(GetEvents(EventFilter(types), 10_000), timeout_s=PATIENCE_S)


def told(service: Running, kind: str) -> set[str]:
    return {event.correlation_id for event in ring(service, frozenset({kind}))}


def test_a_subscriber_gets_what_it_subscribed_to_and_nothing_else(
    listened: tuple[Running, list[Event]],
) -> None:
    service, heard = listened
    given = updates(2)
    bus = service.tree.directory.address("event_bus")
    bus.tell(Publish((), stored=True))
    for publication in given:
        service.hand_in(publication)
    until(lambda: [e.type for e in heard].count("DATA_STORED") == 2)
    assert {event.type for event in heard} == {"DATA_STORED", "FLIGHT_CREATED"}
    created = ring(service, frozenset({"FLIGHT_CREATED"}))
    until(lambda: {e.id for e in heard if e.type == "FLIGHT_CREATED"} == {e.id for e in created})


def test_events_about_the_services_are_in_the_table_too(tmp_path: Path, database_url: str) -> None:
    with FeedServer(pilots=15) as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        wanted = {"DATA_FETCHED", "DATA_PROCESSED", "DATA_STORED", "DATA_CACHED", "HEALTH_CHECK"}
        until(lambda: wanted <= {row[0] for row in service.sql("SELECT type FROM events")})


def test_while_the_cache_is_given_up_its_last_good_state_is_served(tmp_path: Path) -> None:
    given = updates(1)
    with running(tmp_path, NOWHERE, CIRCUIT_BREAKER_TIMEOUT=1) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        good = {c: service.http.simulate_get(f"/api/{c.value}").content for c in Collection}
        service.tree.faults.inject(Fault(FaultKind.CRASH, "cache", count=1000))
        while service.node("cache").state is not State.SUSPENDED:
            answer = service.http.simulate_get("/api/flights")
            assert (answer.status_code, answer.content) == (200, good[Collection.FLIGHTS])
            service.http.simulate_get("/readyz")  # which asks the cache itself
        for collection in Collection:
            answer = service.http.simulate_get(f"/api/{collection.value}")
            assert (answer.status_code, answer.content) == (200, good[collection])
        found = until(lambda: service.http.simulate_get("/api/errors?service=http").json["errors"])
        assert {(e["recovery"], e["recovered"]) for e in found} == {("fallback", True)}
        service.tree.faults.clear()
        until(lambda: service.node("cache").state is State.RUNNING)
        until(lambda: service.served() == time_of(given[0]))


def test_reads_go_on_while_the_cache_hangs(tmp_path: Path) -> None:
    (given,) = updates(1)
    with running(tmp_path, NOWHERE) as service:
        service.hand_in(given)
        service.until_served(time_of(given))
        callsign = service.http.simulate_get("/api/flights").json["flights"][0]["callsign"]
        paths = [*(f"/api/{one.value}" for one in Collection), f"/api/flights/{callsign}"]
        good = {path: service.http.simulate_get(path).content for path in paths}
        service.tree.faults.inject(Fault(FaultKind.HANG, "cache"))
        service.tree.directory.address("cache").tell(StreamStarted())
        until(lambda: not service.tree.faults.active(), "it hangs")
        for path in paths:
            answer = service.http.simulate_get(path)
            assert (answer.status_code, answer.content) == (200, good[path])
        assert service.http.simulate_get("/api/flights/NOBODY").status_code == 404
        assert service.node("cache").restarts_total == 0, "it hangs still"
