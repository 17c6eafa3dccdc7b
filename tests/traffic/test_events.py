"""The events that follow from snapshots."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings

from tests.traffic.build import at, controller, pilot, plan, snapshot, text
from tests.traffic.test_diff import worlds
from vatwatch.events.event import Event, EventFilter
from vatwatch.events.payloads import (
    ControllerPayload,
    FlightPayload,
    FrequencyPayload,
    PositionPayload,
)
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot

RULES = Rules(reconnect_window=timedelta(minutes=10))
OVER_S = 15 + 11 * 60


def told(*snapshots: Snapshot) -> list[Event]:
    """What the last of the snapshots tells, but for POSITION_UPDATE, which each of them does."""
    state, events = NetworkState(), []
    for one in snapshots:
        changes = diff(state, one, RULES)
        state, events = apply(state, changes), events_of(changes)
    return [event for event in events if event.type != "POSITION_UPDATE"]


PILOT = snapshot(0, pilots=[pilot()])
FLYING = snapshot(0, pilots=[pilot(groundspeed=400)])
TOWER = snapshot(0, controllers=[controller()])
SCENARIOS: dict[str, tuple[list[str], list[Snapshot]]] = {
    "a pilot comes": (["FLIGHT_CREATED"], [PILOT]),
    "a pilot stays": ([], [PILOT, snapshot(15, pilots=[pilot(latitude=2.0)])]),
    "a pilot goes": ([], [PILOT, snapshot(15)]),
    "a pilot files": (
        ["FLIGHT_UPDATED"],
        [PILOT, snapshot(15, pilots=[pilot(flight_plan=plan())])],
    ),
    "a pilot withdraws the plan": (
        ["FLIGHT_UPDATED"],
        [snapshot(0, pilots=[pilot(flight_plan=plan())]), snapshot(15, pilots=[pilot()])],
    ),
    "a pilot stays without a plan": (
        [],
        [
            snapshot(0, pilots=[pilot(flight_plan=plan())]),
            snapshot(15, pilots=[pilot()]),
            snapshot(30, pilots=[pilot()]),
        ],
    ),
    "a pilot reconnects": (["FLIGHT_UPDATED"], [PILOT, snapshot(15, pilots=[pilot(logon=at(9))])]),
    "a pilot reconnects and files": (
        ["FLIGHT_UPDATED"],
        [PILOT, snapshot(15, pilots=[pilot(logon=at(9), flight_plan=plan())])],
    ),
    "a flight that is in the air is lost": (
        ["FLIGHT_DROPPED"],
        [FLYING, snapshot(15), snapshot(OVER_S)],
    ),
    "a flight that never moved ends": (
        ["FLIGHT_CANCELLED"],
        [PILOT, snapshot(15), snapshot(OVER_S)],
    ),
    "a controller comes": (["CONTROLLER_LOGON"], [TOWER]),
    "a controller stays": ([], [TOWER, snapshot(15, controllers=[controller()])]),
    "a controller goes": (["CONTROLLER_LOGOFF"], [TOWER, snapshot(15)]),
    "a controller comes back": (
        ["CONTROLLER_LOGON"],
        [TOWER, snapshot(15), snapshot(30, controllers=[controller(logon=at(25))])],
    ),
    "a controller is gone for good": ([], [TOWER, snapshot(15), snapshot(OVER_S)]),
    "a controller tunes": (
        ["FREQUENCY_CHANGE"],
        [TOWER, snapshot(15, controllers=[controller(frequency="121.900")])],
    ),
    "leavers first": (
        ["CONTROLLER_LOGOFF", "FLIGHT_CREATED"],
        [TOWER, snapshot(15, pilots=[pilot()])],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_tells_its_events_and_no_other(name: str) -> None:
    types, snapshots = SCENARIOS[name]
    assert [event.type for event in told(*snapshots)] == types


def test_a_flights_events_say_who_and_why() -> None:
    (created,) = told(snapshot(0, pilots=[pilot(flight_plan=plan())]))
    assert isinstance(created.payload, FlightPayload)
    payload = created.payload
    assert (payload.callsign, payload.cid, payload.reason) == ("ABC1", 1, "created")
    assert (payload.departure, payload.arrival, payload.aircraft) == ("EXXX", "EYYY", "A320")
    assert int(payload.flight_id) > 0
    (reconnected,) = told(PILOT, snapshot(15, pilots=[pilot(logon=at(9))]))
    assert isinstance(reconnected.payload, FlightPayload)
    assert (reconnected.payload.reason, reconnected.payload.reconnects) == ("reconnect", 1)
    (completed,) = told(FLYING, snapshot(15), snapshot(OVER_S))
    assert isinstance(completed.payload, FlightPayload)
    assert completed.payload.last_seen == at(0)


def test_a_controllers_events_say_whether_it_was_there_before() -> None:
    (logon,) = told(TOWER)
    (again,) = told(TOWER, snapshot(15), snapshot(30, controllers=[controller(logon=at(25))]))
    assert isinstance(logon.payload, ControllerPayload)
    assert isinstance(again.payload, ControllerPayload)
    assert (logon.payload.reconnect, again.payload.reconnect) == (False, True)
    assert logon.payload.session_id == again.payload.session_id
    assert logon.payload.frequency_hz == 118_500_000


def test_a_change_of_frequency_says_from_where_to_where() -> None:
    (event,) = told(TOWER, snapshot(15, controllers=[controller(frequency="121.900")]))
    assert isinstance(event.payload, FrequencyPayload)
    assert (event.payload.before_hz, event.payload.after_hz) == (118_500_000, 121_900_000)


def test_every_snapshot_tells_how_many_flights_there_are_and_how_many_moved() -> None:
    before = apply(NetworkState(), diff(NetworkState(), PILOT, RULES))
    one = snapshot(15, pilots=[pilot(), pilot(cid=2, callsign="NEW")])
    last = events_of(diff(before, one, RULES))[-1]
    assert last.type == "POSITION_UPDATE"
    assert last.payload == PositionPayload(flights=2, moved=1)


@given(worlds())
@settings(max_examples=60)
def test_events_of_a_world_are_told_once_each_and_the_same_when_told_again(
    world: list[Snapshot],
) -> None:
    state, seen = NetworkState(), set()
    for one in world:
        changes = diff(state, one, RULES)
        events = events_of(changes)
        assert events == events_of(diff(state, one, RULES))
        for event in events:
            assert event.id not in seen
            seen.add(event.id)
            assert event.time == one.time
            assert event.correlation_id == text(one.time)
        updated = [
            e.payload.flight_id
            for e in events
            if e.type == "FLIGHT_UPDATED" and isinstance(e.payload, FlightPayload)
        ]
        assert len(updated) == len(set(updated))
        state = apply(state, changes)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (EventFilter(), [0, 15, 30]),
        (EventFilter(since=at(15)), [15, 30]),
        (EventFilter(until=at(15)), [0]),
        (EventFilter(since=at(15), until=at(30)), [15]),
        (EventFilter(types=frozenset({"POSITION_UPDATE"}), since=at(16)), [30]),
        (EventFilter(types=frozenset({"FLIGHT_CREATED"})), []),
        (EventFilter(source="test"), [0, 15, 30]),
        (EventFilter(source="tes"), []),
        (EventFilter(correlation_id="of 15"), [15]),
    ],
)
def test_a_period_has_its_start_and_not_its_end(wanted: EventFilter, numbers: list[int]) -> None:
    events = [
        Event(uuid4(), "POSITION_UPDATE", at(n), "test", f"of {n}", PositionPayload(n, 0))
        for n in (0, 15, 30)
    ]
    assert [event.time for event in events if wanted.wants(event)] == [at(n) for n in numbers]
