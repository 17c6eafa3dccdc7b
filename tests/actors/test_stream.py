"""The stream's log: whoever follows it knows what the lists say, and misses nothing, whatever
fails."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace
from redis import Redis

from tests.actors.bus_house import NOON
from tests.actors.harness import PATIENCE_S, Poison, Running, running, until
from tests.feed_server import DATA, FeedServer, status
from tests.live.stream.client import Follower
from vatwatch.events.event import Event
from vatwatch.events.payloads import SectorPayload
from vatwatch.live.query.filters import read_filters
from vatwatch.live.stream.blocks import GZIP_HEADER, StreamBlock
from vatwatch.live.stream.log import StreamPosition
from vatwatch.live.stream.query import Channel, StreamQuery
from vatwatch.live.stream.records import ID_FIELDS
from vatwatch.messages import AwaitStream, OpenStream, Publish
from vatwatch.messages.stream_status import StreamStatus
from vatwatch.supervision import Fault, FaultKind

ALL = StreamQuery()
RECORDS = StreamQuery(frozenset({Channel.POSITIONS, Channel.CONTROLLERS}))


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        yield service


class Following(Follower):
    """A client that asks the actor itself, and checks that both forms of each block are the
    same."""

    def __init__(self, service: Running, query: StreamQuery = ALL) -> None:
        super().__init__()
        self.service, self.query = service, query
        self.at: StreamPosition | None = None
        self.blocks: list[StreamBlock] = []
        self.unpacking = zlib.decompressobj(31)
        assert self.unpacking.decompress(GZIP_HEADER) == b""

    def open(self) -> StreamBlock:
        message = OpenStream(self.query, self.at)
        block = self.service.tree.directory.address("stream").ask(message, timeout_s=PATIENCE_S)
        self.take(block)
        return block

    def go_on(self) -> None:
        assert self.at is not None
        message = AwaitStream(((self.query, self.at),))
        (block,) = self.service.tree.directory.address("stream").ask(message, timeout_s=PATIENCE_S)
        assert block.start in (None, self.at)
        self.take(block)

    def take(self, block: StreamBlock) -> None:
        assert self.unpacking.decompress(block.deflated) == block.plain
        self.blocks.append(block)
        self.at = block.end
        self.feed(block.plain)
        if block.plain:
            assert self.last_id == block.end.text

    def until_at(self, moment: Any) -> None:
        while self.updated_at != moment:
            self.go_on()


def lists(service: Running, *names: str) -> dict[str, Any]:
    found = {}
    for name in names or ("flights", "controllers", "atis"):
        for record in service.http.simulate_get(f"/api/{name}").json[name]:
            found[Follower.id_of(record)] = record
    return found


def test_who_follows_has_what_the_lists_say_and_every_event(service: Running) -> None:
    follower = Following(service)
    follower.open()
    assert follower.kinds == ["snapshot"]
    first = follower.updated_at
    for _ in range(3):
        moment = service.until_next_is_through()
        follower.until_at(moment)
        assert follower.records == lists(service)
    assert follower.kinds.count("snapshot") == 1
    told = {event["id"] for event in follower.events}
    assert len(told) == len(follower.events)
    answer = service.http.simulate_get("/api/events", params={"type": "FLIGHT_UPDATED"}).json
    since = {e["id"] for e in answer["events"] if e["correlation_id"] > first.isoformat()}
    until(lambda: follower.go_on() or since <= {event["id"] for event in follower.events})


def test_channels_decide_which_records_and_messages_come(service: Running) -> None:
    flights = Following(service, StreamQuery(frozenset({Channel.POSITIONS})))
    stations = Following(service, StreamQuery(frozenset({Channel.CONTROLLERS})))
    events = Following(service, StreamQuery(frozenset({Channel.EVENTS})))
    for one in (flights, stations, events):
        one.open()
    moment = service.until_next_is_through()
    flights.until_at(moment)
    stations.until_at(moment)
    until(lambda: events.go_on() or events.events)
    assert flights.records == lists(service, "flights")
    assert stations.records == lists(service, "controllers", "atis")
    assert events.records == {}
    assert set(flights.kinds) == set(stations.kinds) == {"snapshot", "delta"}
    assert set(events.kinds) == {"snapshot", "event"}


def test_events_are_told_by_whom_they_name_also_if_he_is_not_there(service: Running) -> None:
    filters = {one: read_filters({"callsign": "nowh"}, one) for one in ID_FIELDS}
    follower = Following(service, StreamQuery(filters=filters))
    follower.open()
    payload = SectorPayload("1", "NOWHERE1", "fir", "EXXX", NOON)
    of_him = Event(uuid4(), "SECTOR_LEFT", NOON, "test", "", payload)
    of_another = replace(of_him, id=uuid4(), payload=replace(payload, callsign="XNOWHERE"))
    service.tree.directory.address("event_bus").tell(Publish((of_another, of_him)))
    until(lambda: follower.go_on() or follower.events)
    assert [event["id"] for event in follower.events] == [str(of_him.id)]


def test_a_client_goes_on_from_any_position_of_the_last_minutes(service: Running) -> None:
    always = Following(service)
    always.open()
    left: list[tuple[StreamPosition, dict[str, Any]]] = []
    for _ in range(4):
        always.until_at(service.until_next_is_through())
        assert always.at is not None
        left.append((always.at, dict(always.records)))
    for at, records in left:
        back = Following(service)
        back.at, back.records = at, dict(records)
        assert back.open().start == at
        assert back.records == lists(service)
        assert "snapshot" not in back.kinds
        assert back.kinds.count("delta") <= 1


@pytest.mark.parametrize("unknown", ["2020-01-01T00:00:00Z/1", "/0", "of another time"])
def test_a_position_that_nobody_knows_gets_a_snapshot(service: Running, unknown: str) -> None:
    updated_at, _, sequence = unknown.rpartition("/")
    follower = Following(service)
    follower.at = StreamPosition(updated_at, int(sequence) if sequence.isdigit() else 0)
    assert follower.open().start is None
    assert follower.records == lists(service)


def test_a_crash_of_the_stream_costs_no_client_anything(service: Running) -> None:
    follower = Following(service)
    follower.open()
    service.tree.directory.address("stream").tell(Poison())
    until(lambda: service.node("stream").restarts_total == 1)
    follower.until_at(service.until_next_is_through())
    assert follower.records == lists(service)
    assert follower.kinds.count("snapshot") == 1


def test_a_restart_of_the_cache_is_no_change(service: Running) -> None:
    follower = Following(service, RECORDS)
    follower.open()
    service.tree.directory.address("cache").tell(Poison())
    until(lambda: service.node("cache").restarts_total == 1 and service.served())
    follower.until_at(service.until_next_is_through())
    assert follower.records == lists(service)
    assert follower.kinds.count("snapshot") == 1


def test_a_lost_message_with_events_gives_a_snapshot_to_those_who_want_events(
    service: Running,
) -> None:
    follower, records = Following(service), Following(service, RECORDS)
    follower.open()
    records.open()
    lost = Fault(FaultKind.DROP, "stream", message_type="StreamEvents")
    service.tree.faults.inject(lost)
    moment = service.until_next_is_through()
    until(lambda: not service.tree.faults.active())
    moment = service.until_next_is_through()
    follower.until_at(moment)
    records.until_at(moment)
    until(lambda: follower.go_on() or follower.kinds.count("snapshot") == 2)
    assert records.kinds.count("snapshot") == 1
    assert follower.records == records.records == lists(service)


def test_without_a_feed_a_client_waits_for_the_first_state(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds:
        feeds.say(DATA, always=status("503 Service Unavailable"))
        with running(tmp_path, database_url, feeds=feeds) as service:
            follower = Following(service)
            follower.open()
            assert (follower.updated_at, follower.records) == (None, {})
            feeds.say(DATA, always=None)
            follower.until_at(service.until_next_is_through())
            assert follower.records == lists(service)


# --- with Redis -----------------------------------------------------------------------------------


def test_after_an_ordered_restart_clients_go_on_with_redis(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with FeedServer() as feeds:
        with running(tmp_path, database_url, feeds=feeds, REDIS_URL=redis_url) as service:
            service.until_next_is_through()
            before = Following(service)
            before.open()
            before.until_at(service.until_next_is_through())
        with running(tmp_path, database_url, feeds=feeds, REDIS_URL=redis_url) as service:
            after = Following(service)
            after.at, after.records = before.at, dict(before.records)
            assert after.open().start == before.at
            after.until_at(service.until_next_is_through())
            assert after.records == lists(service)
            assert "snapshot" not in after.kinds


def test_after_a_kill_clients_go_on_with_redis_but_for_events_that_may_be_missing(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with FeedServer() as feeds:
        with running(tmp_path, database_url, feeds=feeds, REDIS_URL=redis_url) as service:
            service.until_next_is_through()
            before = Following(service)
            before.open()
            before.until_at(service.until_next_is_through())
            with closing(Redis.from_url(redis_url)) as client:

                def is_mirrored() -> bool:
                    head = client.get("vatwatch:stream:head")
                    return bool(head) and json.loads(head)["end"][1] >= before.at.sequence

                until(is_mirrored)
                kept = {key: client.dump(key) for key in client.keys("vatwatch:stream:*")}
        with closing(Redis.from_url(redis_url)) as client:
            # As a kill leaves it: without what an ordered stop writes.
            for key, value in kept.items():
                client.restore(key, 600_000, value, replace=True)
        with running(tmp_path, database_url, feeds=feeds, REDIS_URL=redis_url) as service:
            records, all_of_it = Following(service, RECORDS), Following(service)
            for one in (records, all_of_it):
                one.at, one.records = before.at, dict(before.records)
            assert records.open().start == before.at
            assert all_of_it.open().start is None
            moment = service.until_next_is_through()
            records.until_at(moment)
            all_of_it.until_at(moment)
            assert records.records == all_of_it.records == lists(service)


@pytest.mark.parametrize("spoilt", ["head", "log", "flights"])
def test_what_others_have_written_to_redis_is_not_believed(
    tmp_path: Path, database_url: str, redis_url: str, spoilt: str
) -> None:
    with FeedServer() as feeds:
        with running(tmp_path, database_url, feeds=feeds, REDIS_URL=redis_url) as service:
            service.until_next_is_through()
            before = Following(service)
            before.open()
        with closing(Redis.from_url(redis_url)) as client:
            client.delete(f"vatwatch:stream:{spoilt}")
            if spoilt == "log":
                client.rpush("vatwatch:stream:log", b"not ours")
            else:
                client.set(f"vatwatch:stream:{spoilt}", b"not ours")
        with running(tmp_path, database_url, feeds=feeds, REDIS_URL=redis_url) as service:
            after = Following(service)
            after.at = before.at
            assert after.open().start is None
            after.until_at(service.until_next_is_through())
            assert after.records == lists(service)


def test_a_redis_that_is_away_costs_no_client_anything(tmp_path: Path, database_url: str) -> None:
    with (
        FeedServer() as feeds,
        running(tmp_path, database_url, feeds=feeds, REDIS_URL="redis://127.0.0.1:1") as service,
    ):
        service.until_next_is_through()
        follower = Following(service)
        follower.open()
        follower.until_at(service.until_next_is_through())
        assert follower.records == lists(service)
        until(lambda: "cannot be reached" in service.status("stream", StreamStatus).redis_error)
