"""Who comes back on the connection that he had, and who is there twice."""

from __future__ import annotations

from msgspec.structs import replace

from tests.traffic.build import START, at, pilot, snapshot
from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Rules

FILED = FlightPlan(aircraft_short="A320", departure="EDDF", arrival="EGLL", route="DCT")


def seen(*moments: tuple[float, list[Pilot]]) -> tuple[NetworkState, list[set[int]], list[str]]:
    """The state at the end; the flights online at each moment; all that was told."""
    state, online, told = NetworkState(), [], []
    for second, pilots in moments:
        changes = diff(state, snapshot(second, pilots=pilots), Rules())
        state = apply(state, changes)
        online.append({flight.flight_id for flight in state.flights.values()})
        told += [event.type for event in events_of(changes)]
    return state, online, told


def test_a_flight_that_was_completed_stays_so_when_its_connection_is_shown_again() -> None:
    """The feed may lose a client for longer than the window, and find it again."""
    parked = pilot(flight_plan=FILED)
    _, online, told = seen((0, [parked]), (15, []), (1200, []), (1215, [parked]), (1230, [parked]))
    assert told.count("FLIGHT_CANCELLED") == 1
    assert told.count("FLIGHT_CREATED") == 2
    assert online[0].isdisjoint(online[3])
    assert online[3] == online[4] != set()


def test_who_has_just_come_has_the_same_id_whoever_sees_him_first() -> None:
    new = pilot(cid=2, callsign="ABC2", logon=at(5))
    _, late, _ = seen((0, []), (300, [new]))
    _, early, _ = seen((0, []), (15, [new]))
    _, first, _ = seen((600, [new]))
    assert late[-1] == early[-1] == first[-1] != set()


def test_a_flight_whose_pilot_is_back_is_not_taken_over_by_his_other_callsign() -> None:
    flying = replace(
        pilot(callsign="ABC2", logon=START, flight_plan=FILED), altitude=35_000, groundspeed=430
    )
    other = replace(flying, callsign="ABC1")
    for both in ([other, flying], [flying, other]):
        state, online, _ = seen((0, [flying]), (15, []), (30, both))
        assert len(online[-1]) == 2
        assert {state.flights["ABC2"].flight_id} == online[0]
