"""The live state in a real Redis."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import redis
from redis import Redis

from vatwatch.errors import RedisUnavailable
from vatwatch.events.event import Event
from vatwatch.events.payloads import PositionPayload
from vatwatch.live.records import Body, Collection
from vatwatch.storage.redis_connection import weather
from vatwatch.storage.redis_mirror import CONFIG_KEY, EVENTS_KEY, Lifetimes, RedisMirror

TTL_S = Lifetimes(
    live={
        Collection.FLIGHTS: 60,
        Collection.CONTROLLERS: 30,
        Collection.ATIS: 31,
        Collection.PREFILES: 62,
        Collection.TRANSCEIVERS: 61,
        Collection.NETWORK: 300,
    },
    configuration=301,
    events=500,
)


def bodies(version: str) -> dict[Collection, Body]:
    return {
        one: Body(f"{one.value} {version}".encode(), f"zipped {version}".encode(), '"x"')
        for one in Collection
    }


def event(number: int) -> Event:
    time = datetime(2026, 5, 1, 12, tzinfo=UTC) + timedelta(seconds=number)
    return Event(UUID(int=number), "POSITION_UPDATE", time, "test", "", PositionPayload(number, 0))


@pytest.fixture
def mirror(redis_url: str) -> Iterator[RedisMirror]:
    with closing(RedisMirror(redis_url, TTL_S)) as mirror:
        yield mirror


def test_every_collection_is_there_plain_and_zipped_for_its_time(
    mirror: RedisMirror, redis_url: str
) -> None:
    mirror.ping()
    mirror.write(bodies("one"))
    mirror.write(bodies("two"))
    with closing(Redis.from_url(redis_url)) as client:
        assert len(client.keys()) == 2 * len(Collection)
        for one in Collection:
            key = f"vatwatch:live:{one.value}"
            assert client.get(key) == f"{one.value} two".encode()
            assert client.get(f"{key}:gzip") == b"zipped two"
            for each in (key, f"{key}:gzip"):
                # Redis keeps time of its own: it may have counted down once.
                assert TTL_S.live[one] - 1 <= client.ttl(each) <= TTL_S.live[one]


def test_written_collections_are_read_back_and_incomplete_ones_are_not(
    mirror: RedisMirror, redis_url: str
) -> None:
    assert mirror.read() == {}
    written = bodies("one")
    mirror.write(written, b"[]")
    with closing(Redis.from_url(redis_url)) as client:
        client.delete("vatwatch:live:atis:gzip")
        assert client.get(CONFIG_KEY) == b"[]"
        assert 0 < client.ttl(CONFIG_KEY) <= TTL_S.configuration
    found = mirror.read()
    assert found.keys() == {*Collection} - {Collection.ATIS}
    for one, body in found.items():
        assert (body.plain, body.gzipped) == (written[one].plain, written[one].gzipped)


def test_the_stream_of_events_is_in_order_and_bounded(mirror: RedisMirror, redis_url: str) -> None:
    events = [event(number) for number in range(1500)]
    for start in range(0, len(events), 100):
        mirror.add_events(events[start : start + 100], length=300)
    with closing(Redis.from_url(redis_url, decode_responses=True)) as client:
        found = [fields for _, fields in client.xrange(EVENTS_KEY)]
        # Redis drops whole nodes of a hundred entries.
        assert 300 <= len(found) <= 400
        assert [fields["id"] for fields in found] == [str(e.id) for e in events[-len(found) :]]
        last = found[-1]
        assert last["type"] == "POSITION_UPDATE"
        assert last["time"] == "2026-05-01T12:24:59Z"
        assert json.loads(last["payload"]) == {"flights": 1499, "moved": 0}
        assert 0 < client.ttl(EVENTS_KEY) <= TTL_S.events


def test_a_write_is_done_whole_or_not_at_all(mirror: RedisMirror, redis_url: str) -> None:
    mirror.write(bodies("one"))
    with closing(Redis.from_url(redis_url)) as client:
        # One that cannot be encoded, last: nothing of the ones before it may be seen.
        broken: Mapping[Collection, Body] = {
            **bodies("two"),
            Collection.NETWORK: Body(b"two", object(), ""),  # type: ignore[arg-type]
        }
        with pytest.raises(redis.RedisError):
            mirror.write(broken)
        assert client.get("vatwatch:live:flights") == b"flights one"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/redis.sock"])
def test_a_server_that_is_not_there_is_an_error(url: str) -> None:
    with closing(RedisMirror(url, TTL_S)) as mirror:
        for call in (mirror.ping, lambda: mirror.write(bodies("one"))):
            with pytest.raises(redis.ConnectionError):
                call()


def test_a_server_that_goes_away_is_one_error_a_call_and_is_used_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    socket = tmp_path / "redis.sock"

    def start() -> subprocess.Popen[bytes]:
        command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
        server = subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        with closing(Redis.from_url(f"unix://{socket}")) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                else:
                    return server

    server = start()
    with closing(RedisMirror(f"unix://{socket}", TTL_S)) as mirror:
        mirror.write(bodies("one"))
        server.kill()
        server.wait()
        for _ in range(3):
            with pytest.raises(redis.ConnectionError):
                mirror.write(bodies("two"))
        server = start()
        mirror.write(bodies("three"))
        with closing(Redis.from_url(f"unix://{socket}")) as client:
            assert client.get("vatwatch:live:flights") == b"flights three"
    server.kill()
    server.wait()


def test_the_servers_error_for_a_transaction_is_shown_without_the_written_values(
    mirror: RedisMirror, redis_url: str
) -> None:
    with closing(Redis.from_url(redis_url)) as client:
        client.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(RedisUnavailable, match="has too few replicas") as refused:
                mirror.plainly(lambda: mirror.write(bodies("one")))
        finally:
            client.config_set("min-replicas-to-write", 0)
        assert "flights one" not in str(refused.value)
        client.set(EVENTS_KEY, "no stream")
        with pytest.raises(RedisUnavailable, match="delete it") as refused:
            mirror.plainly(lambda: mirror.add_events([event(1)], 10))
        assert str(event(1).id) not in str(refused.value)
        client.delete(EVENTS_KEY)
        mirror.plainly(lambda: mirror.add_events([event(1)], 10))


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (redis.ConnectionError("x"), "cannot be reached"),
        (redis.TimeoutError("x"), "no answer in time"),
        (redis.BusyLoadingError("x"), "is loading"),
        (redis.OutOfMemoryError("x"), "is full"),
        (redis.ReadOnlyError("x"), "is a replica"),
        (redis.AuthenticationError("x"), "REDIS_URL=redis://:PASSWORD@host"),
        (redis.exceptions.NoPermissionError("x"), "does not allow"),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "cannot save"),
        (redis.ResponseError("ERR unknown command"), ""),
        (redis.DataError("Invalid input"), ""),
    ],
)
def test_the_line_between_weather_and_bug_at_redis(error: redis.RedisError, part: str) -> None:
    assert bool(weather(error)) == bool(part)
    assert part in weather(error)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://localhost", "Redis at localhost:6379"),
        ("redis:///3", "Redis at localhost:6379"),
        ("redis://:s3cret@127.0.0.1:1/0", "Redis at 127.0.0.1:1"),
        ("unix:///nowhere/redis.sock", "Redis at /nowhere/redis.sock"),
    ],
)
def test_an_address_may_leave_out_what_redis_py_knows(url: str, name: str) -> None:
    with closing(RedisMirror(url, TTL_S)) as mirror:
        assert mirror._name == name
