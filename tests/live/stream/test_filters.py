"""A filtered stream: what a client has is what the filter finds, at every step and after any
absence."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from tests.live.stream.client import Follower
from tests.live.stream.test_deltas import encoded, simulated
from vatwatch.live.query.bad_value import BadValue
from vatwatch.live.query.facts import RecordFacts
from vatwatch.live.query.filters import RecordFilters, read_filters
from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.blocks import StreamedState, make_block
from vatwatch.live.stream.deltas import compare
from vatwatch.live.stream.known_state import NOTHING_KNOWN, KnownState
from vatwatch.live.stream.log import StreamedEvent, StreamLog
from vatwatch.live.stream.query import StreamQuery
from vatwatch.live.stream.records import ID_FIELDS, read_state

FILTERS = [
    {"bbox": "-10,35,15,60"},
    {"near": "50,8,300"},
    {"altitude": "10000..30000"},
    {"groundspeed": "..200"},
    {"phase": "climb,descent"},
    {"callsign": "B,D"},
    {"callsign": "E", "altitude": "..20000"},
    {"state": "controlling"},
    {"facility": "4..6"},
    {"callsign": "nobody"},
]


def known(bodies: dict[Collection, Body]) -> KnownState:
    return KnownState(read_state(bodies), {one: body.plain for one, body in bodies.items()})


@pytest.fixture(scope="module")
def states() -> list[KnownState]:
    return [known(bodies) for bodies in encoded(simulated(7, 200))]


def read_for(collection: Collection, given: dict[str, str]) -> RecordFilters | None:
    """None: a filter, or its value, makes no sense for the collection."""
    try:
        return read_filters(given, collection)
    except (KeyError, BadValue):
        return None


def wanted(state: KnownState, given: dict[str, str]) -> dict[str, Any]:
    """Record by record, without a table."""
    found = {}
    for collection in ID_FIELDS:
        filters = read_for(collection, given)
        if filters is not None:
            for id_, record in state.state.of(collection).items():
                facts = state.facts(collection, id_)
                assert facts is not None
                if filters.wants(facts):
                    found[id_] = json.loads(bytes(record))
    return found


def query(given: dict[str, str]) -> StreamQuery:
    return StreamQuery(filters={one: read_for(one, given) for one in ID_FIELDS})


@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_what_enters_is_whole_and_what_leaves_is_gone(
    states: list[KnownState], given: dict[str, str]
) -> None:
    log = StreamLog.beginning(states[0].state, 1.0)
    asked, follower = query(given), Follower()
    block = make_block(asked, StreamedState(states[0], NOTHING_KNOWN, log.end))
    follower.feed(block.plain)
    assert follower.records == wanted(states[0], given)
    moved = 0
    for before, now in pairwise(states):
        log.add_state(compare(before.state, now.state), 1.0)
        there, entries = block.end, log.after(block.end)
        assert entries is not None
        had = set(follower.records)
        block = make_block(asked, StreamedState(now, before, log.end), there, entries)
        follower.feed(block.plain)
        assert follower.records == wanted(now, given)
        moved += len(had ^ set(follower.records))
    if "bbox" in given or "phase" in given:
        assert moved


@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_what_leaves_is_gone_also_if_nobody_knows_the_state_before(
    states: list[KnownState], given: dict[str, str]
) -> None:
    asked = query(given)
    for before, now in pairwise(states):
        log, follower = StreamLog.beginning(before.state, 1.0), Follower()
        block = make_block(asked, StreamedState(before, None, log.end))
        follower.feed(block.plain)
        log.add_state(compare(before.state, now.state), 1.0)
        entries = log.after(block.end)
        assert entries
        follower.feed(
            make_block(asked, StreamedState(now, None, log.end), block.end, entries).plain
        )
        assert follower.records == wanted(now, given)


@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_who_was_away_has_what_the_filter_finds_now(
    states: list[KnownState], given: dict[str, str]
) -> None:
    asked = query(given)
    log = StreamLog.beginning(states[0].state, 1.0)
    ends = [log.end]
    for before, now in pairwise(states):
        log.add_state(compare(before.state, now.state), 1.0)
        ends.append(log.end)
    at_the_end = StreamedState(states[-1], states[-2], log.end)
    for first, end in enumerate(ends[:-1]):
        follower = Follower()
        follower.records = wanted(states[first], given)
        entries = log.after(end)
        assert entries is not None
        follower.feed(make_block(asked, at_the_end, end, entries).plain)
        assert follower.records == wanted(states[-1], given)
        assert follower.kinds == ["delta"]


def test_equal_filters_are_one_query_however_they_are_written() -> None:
    one, other = query({"callsign": "BAW,DLH"}), query({"callsign": "DLH, BAW"})
    assert one == other
    assert hash(one) == hash(other)
    assert one != query({"callsign": "BAW"})
    assert one != StreamQuery()


PILOT, STATION = ("ABC1", 1), ("EXXX_TWR", 100)
CONTACT = StreamedEvent(b"{}", None, None, (PILOT[0], STATION[0]), (PILOT[1], STATION[1]))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"callsign": "abc1"}, True),
        ({"callsign": "EXXX"}, True),
        ({"callsign": "nobody,*_TWR"}, True),
        ({"callsign": "XXX"}, False),
        ({"cid": "1"}, True),
        ({"cid": "7,100"}, True),
        ({"cid": "10"}, False),
        ({"callsign": "ABC1", "cid": "100"}, True),
        ({"callsign": "ABC1", "cid": "7"}, False),
        ({"callsign": "ABC1", "altitude": "..20000"}, False),  # nobody knows how high it was
        ({"altitude": "..20000"}, False),
    ],
)
def test_an_event_is_told_by_whom_it_names(given: dict[str, str], told: bool) -> None:
    assert query(given).wants(CONTACT) == told
    assert not query(given).wants(StreamedEvent(b"{}"))


def test_other_filters_look_at_the_flight_or_the_station_of_an_event() -> None:
    flight, session = RecordFacts(altitude=9_000), RecordFacts(facility=4)
    event = replace(CONTACT, flight=flight, session=session)
    for given, told in (
        ({"callsign": "EXXX_TWR", "altitude": "..20000"}, True),
        ({"callsign": "EXXX_TWR", "altitude": "20000.."}, False),
        ({"callsign": "ABC1", "facility": "4"}, True),
        ({"callsign": "ABC2", "facility": "4"}, False),
        ({"callsign": "ABC1", "facility": "5"}, False),
        ({"callsign": "ABC1", "facility": "4", "phase": "climb"}, False),
    ):
        assert query(given).wants(event) == told, given


def test_events_are_told_of_those_whom_the_filter_shows(states: list[KnownState]) -> None:
    given = {"altitude": "20000.."}
    shown = wanted(states[0], given)
    flights = states[0].state.of(Collection.FLIGHTS)
    asked = query(given)
    log = StreamLog.beginning(states[0].state, 1.0)
    start = log.end
    log.add_events(
        [
            StreamedEvent(
                json.dumps({"flight": id_}).encode(), states[0].facts(Collection.FLIGHTS, id_)
            )
            for id_ in flights
        ],
        1.0,
    )
    log.add_events([StreamedEvent(b'{"flight":null}')], 1.0)
    entries = log.after(start)
    assert entries is not None
    now = StreamedState(states[0], NOTHING_KNOWN, log.end)
    follower = Follower()
    follower.feed(make_block(asked, now, start, entries).plain)
    assert {event["flight"] for event in follower.events} == shown.keys()
    # The last ones were of others: the client is at the end nevertheless.
    assert follower.last_id == log.end.text
    everything = Follower()
    everything.feed(make_block(StreamQuery(), now, start, entries).plain)
    assert len(everything.events) == len(flights) + 1
