"""Who is in the feed with a record that cannot be read is there all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feed.invented import atis, body, controller, feed, pilot, prefile, radios
from tests.feed.test_tolerance import EXTREMES, PLACES, put
from vatwatch.events.event import check_event
from vatwatch.feed.times import parse_time, time_text
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import ComparedSnapshot, Options, compare, decode_snapshot

START = parse_time("2026-10-01T11:00:00Z")
WINDOW = Rules().reconnect_window
# Snapshots a minute apart, for longer than the reconnect window.
LONG = int(WINDOW.total_seconds() // 60) + 5

Spoil = Callable[[dict[str, Any]], Any]

MAKE: dict[str, Callable[..., dict[str, Any]]] = {
    "pilots": pilot,
    "controllers": controller,
    "atis": atis,
    "prefiles": prefile,
}


def having(**values: Any) -> Spoil:
    return lambda record: {**record, **values}


# Each costs a pilot, a controller, an ATIS or a prefile its record.
UNREADABLE: list[Spoil] = [
    having(cid=None),
    having(cid=["?"]),
    having(callsign=["?"]),
    having(callsign="NO CALLSIGN", name=["?"]),
    having(cid=None, callsign=None),
    lambda _: {},
    lambda _: None,
    lambda _: "gone",
    lambda record: [record],
]


def _updated(record: Any, stamp: str) -> Any:
    is_one = isinstance(record, dict) and "last_updated" in record
    return {**record, "last_updated": stamp} if is_one else record


class Network:
    """Snapshots a minute apart, and what became of them."""

    def __init__(self) -> None:
        self.state = NetworkState()
        self.number = 0
        self.ended = 0
        self.created = 0
        self.closed = 0

    def show(self, name: str, records: Any) -> ComparedSnapshot:
        """The next snapshot, with these in one of its lists."""
        time = START + timedelta(minutes=self.number)
        self.number += 1
        if name != "prefiles" and isinstance(records, list):
            records = [_updated(record, time_text(time)) for record in records]
        raw = body({**feed(time_text(time)), name: records})
        compared = compare(self.state, decode_snapshot(raw, None, Options()), Rules())
        changes = compared.changes
        self.state = compared.state
        self.ended += len(changes.flights.ended) + len(changes.sessions.ended)
        self.created += len(changes.flights.created) + len(changes.sessions.created)
        self.created += len(changes.atis.opened) + len(changes.prefiles.opened)
        self.closed += len(changes.atis.closed) + len(changes.prefiles.closed)
        return compared

    def ids(self, name: str) -> set[int]:
        """Who is there."""
        state = self.state
        return {
            "pilots": {flight.flight_id for flight in state.flights.values()},
            "controllers": {session.session_id for session in state.sessions.values()},
            "atis": {version.atis_id for version in state.atis.values()},
            "prefiles": {plan.plan_id for plan in state.prefiles.values()},
        }[name]


@pytest.mark.parametrize("spoil", UNREADABLE)
@pytest.mark.parametrize("name", list(MAKE))
def test_nobody_ends_for_records_that_cannot_be_read_even_if_it_is_all_of_them(
    name: str, spoil: Spoil
) -> None:
    for spoilt in ([1], [1, 2, 3]):
        network = Network()
        good = [MAKE[name](n) for n in (1, 2, 3)]
        network.show(name, good)
        network.show(name, good)
        there, created = network.ids(name), network.created
        for _ in range(LONG):
            network.show(name, [spoil(r) if n in spoilt else r for n, r in enumerate(good, 1)])
            assert network.ids(name) == there
        network.show(name, good)
        assert network.ids(name) == there
        assert (network.ended, network.closed, network.created) == (0, 0, created)


@pytest.mark.parametrize("wrong", [None, {}, "none", 7])
@pytest.mark.parametrize("name", list(MAKE))
def test_nobody_ends_while_the_whole_list_cannot_be_read(name: str, wrong: object) -> None:
    network = Network()
    network.show(name, [MAKE[name](n) for n in (1, 2, 3)])
    there = network.ids(name)
    for _ in range(LONG):
        network.show(name, wrong)
    assert network.ids(name) == there
    assert (network.ended, network.closed) == (0, 0)


@pytest.mark.parametrize("name", list(MAKE))
def test_an_empty_list_is_a_list_and_all_have_left(name: str) -> None:
    network = Network()
    network.show(name, [MAKE[name](n) for n in (1, 2, 3)])
    for _ in range(LONG):
        network.show(name, [])
    assert network.ids(name) == set()
    assert network.ended + network.closed == 3


@pytest.mark.parametrize("spoil", UNREADABLE[4:])
def test_one_record_that_names_nobody_keeps_one_flight_and_the_others_may_leave(
    spoil: Spoil,
) -> None:
    network = Network()
    good = [pilot(n) for n in (1, 2, 3)]
    network.show("pilots", good)
    network.show("pilots", [good[0], good[1], spoil(good[2])])
    # Now another one leaves: it is not the one that the record was taken for.
    for _ in range(LONG):
        network.show("pilots", [good[0], spoil(good[2])])
    assert set(network.state.flights) == {"TST1", "TST3"}
    assert network.ended == 1


def test_a_record_by_name_keeps_nobody_else() -> None:
    network = Network()
    network.show("pilots", [pilot(n) for n in (1, 2, 3)])
    for _ in range(LONG):
        network.show("pilots", [pilot(1, latitude="north")])
    assert set(network.state.flights) == {"TST1"}
    assert network.ended == 2


def test_a_callsign_that_somebody_else_has_now_is_not_kept_for_who_had_it() -> None:
    network = Network()
    network.show("pilots", [pilot(1)])
    network.show("pilots", [pilot(2, callsign="TST1"), pilot(1, latitude=None)])
    assert network.state.flights["TST1"].pilot.cid == pilot(2)["cid"]
    assert len(network.state.disconnected_flights) == 1


def test_a_callsign_that_is_taken_over_costs_nobody_else_their_place() -> None:
    network = Network()
    network.show("pilots", [pilot(1), pilot(2), pilot(3)])
    for _ in range(LONG):
        network.show(
            "pilots",
            [pilot(9, callsign="TST1"), pilot(2, latitude=None), pilot(3, latitude=None)],
        )
    assert set(network.state.flights) == {"TST1", "TST2", "TST3"}
    assert network.ended == 1


def test_who_is_away_does_not_end_while_an_unreadable_record_names_them() -> None:
    network = Network()
    network.show("pilots", [pilot(1), pilot(2)])
    network.show("pilots", [pilot(2)])
    for _ in range(LONG):
        network.show("pilots", [pilot(1, longitude="east"), pilot(2)])
    assert network.ended == 0


def test_a_flight_that_cannot_be_read_keeps_its_place_and_writes_no_positions() -> None:
    network = Network()
    network.show("pilots", [pilot(1)])
    before = network.state.flights["TST1"]
    for _ in range(LONG):
        compared = network.show("pilots", [pilot(1, latitude=91, altitude=9)])
        assert compared.changes.flights.positions == []
    after = network.state.flights["TST1"]
    assert after.pilot == before.pilot  # down to when it was last updated
    assert after.last_seen == network.state.time
    (moved,) = network.show("pilots", [pilot(1, latitude=51)]).changes.flights.positions
    assert moved.pilot.latitude == 51


def test_an_unknown_one_that_cannot_be_read_is_nobody_yet() -> None:
    network = Network()
    network.show("pilots", [pilot(1, cid=None)])
    assert network.state.flights == {}


@pytest.mark.parametrize("name", ["pilots", "controllers"])
def test_a_logon_time_that_cannot_be_read_neither_ends_nor_begins_anything(name: str) -> None:
    network = Network()
    network.show(name, [MAKE[name](1), MAKE[name](2, logon_time="soon")])
    there = network.ids(name)
    assert len(there) == 2
    records: Sequence[dict[str, Any]] = [MAKE[name](n, logon_time=None) for n in (1, 2)]
    for _ in range(LONG):
        network.show(name, records)
    assert network.ids(name) == there
    assert network.ended == 0
    if name == "pilots":
        assert network.state.flights["TST1"].pilot.logon_time == pilot(1)["logon_time"]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(EXTREMES)), max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_after_any_odd_snapshots_the_next_good_one_is_whole(
    odd: list[list[tuple[tuple[str, int, tuple[str, ...]], object]]],
) -> None:
    state = NetworkState()
    time = START
    for hits in ([], *odd, []):
        content = feed(time_text(time))
        for place, value in hits:
            with suppress(TypeError, KeyError):  # what it is in was hit before
                put(content, place, value)
        decoded = decode_snapshot(json.dumps(content).encode(), body(radios()), Options())
        compared = compare(state, decoded, Rules())
        state = compared.state
        for event in compared.events:
            check_event(event)
        assert compared.changes.flights.ended == []
        time += timedelta(seconds=15)
    assert set(state.flights) == {"TST1", "TST2", "TST3"}
    assert set(state.sessions) == {"EXX11_TWR", "EXX12_TWR"}
    assert set(state.atis) == {"EXX21_ATIS", "EXX22_ATIS"}
    assert {plan.callsign for plan in state.prefiles.values()} == {"PRE31", "PRE32"}
    assert set(state.radios) == {"TST1", "TST2", "EXX11_TWR"}
    good = feed(time_text(time - timedelta(seconds=15)))
    shown = decode_snapshot(body(good), None, Options()).snapshot.feed
    assert [flight.pilot for flight in state.flights.values()] == shown.pilots
