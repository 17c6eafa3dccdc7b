"""The movements of the last hour are those of all flights that the filters have let through."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.storage.test_killed_at_any_snapshot import archive
from tests.traffic.build import START, at, pilot, plan
from tests.traffic.build import snapshot as seen
from tests.traffic.tracks import fixes, on, way
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.movements import MovementKind
from vatwatch.traffic.network_state import Flight, NetworkState, RecentMovement, Rules, Snapshot
from vatwatch.traffic.position import Position
from vatwatch.traffic.recent_movements import KEPT

RULES = Rules()


def expected(known: dict[int, Flight], state: NetworkState) -> list[RecentMovement]:
    assert state.time is not None
    return sorted(
        (
            RecentMovement(
                flight.flight_id, flight.pilot.callsign, each.airport, each.kind, each.time
            )
            for flight in known.values()
            if flight.stored
            for each in flight.progress.movements
            if state.time - KEPT < each.time
        ),
        key=lambda each: (each.time, each.flight_id, each.kind),
    )


@pytest.mark.parametrize("boundary", [False, True], ids=["everywhere", "boundary"])
def test_they_are_what_all_flights_did_within_the_time(boundary: bool) -> None:
    moved = ended = 0
    for seed in range(12):
        state, known = NetworkState(), dict[int, Flight]()
        for one in archive(seed, boundary=boundary):
            changes = diff(state, one.snapshot, RULES)
            state = apply(state, changes)
            for flight in (*changes.flights.ended, *changes.flights.online):
                known[flight.flight_id] = flight
            assert list(state.recent_movements) == expected(known, state)
            online = {flight.flight_id for flight in state.flights.values()}
            moved += len(state.recent_movements)
            ended += any(each.flight_id not in online for each in state.recent_movements)
    assert moved > 1000
    assert ended > 100, "of flights that have gone"


def flight_along(track: list[Position]) -> list[Snapshot]:
    filed = replace(plan(departure="EDDF"), arrival="EDDF")
    return [
        seen(
            (fix.time - START).total_seconds(),
            pilots=[
                replace(
                    pilot(flight_plan=filed),
                    latitude=fix.latitude,
                    longitude=fix.longitude,
                    altitude=fix.altitude,
                    groundspeed=fix.groundspeed,
                )
            ],
        )
        for fix in track
    ]


def states_along(track: list[Position]) -> list[NetworkState]:
    states = [NetworkState()]
    for one in flight_along(track):
        states.append(apply(states[-1], diff(states[-1], one, RULES)))
    return states[1:]


def test_a_take_off_counts_by_its_time_and_not_by_when_it_was_certain() -> None:
    track = fixes("EDDF", way(on(120), on(40, 150), on(120, 200, 4_000)))
    states = states_along(track)
    certain = next(state for state in states if state.recent_movements)
    (take_off,) = certain.recent_movements
    assert certain.time is not None
    assert (take_off.airport, take_off.kind) == ("EDDF", MovementKind.TAKE_OFF)
    assert take_off.time < certain.time
    assert all(state.recent_movements == (take_off,) for state in states[states.index(certain) :])


def test_the_take_off_of_a_hop_is_taken_back() -> None:
    hop = way(on(60), on(30, 110), on(30, 110, 200), on(20, 110), on(60))
    states = states_along(fixes("EDDF", hop))
    assert any(state.recent_movements for state in states)
    assert states[-1].recent_movements == ()


def test_it_is_kept_for_sixty_five_minutes_after_the_flight_has_gone() -> None:
    states = states_along(fixes("EDDF", way(on(120), on(40, 150), on(120, 200, 4_000))))
    (take_off,) = states[-1].recent_movements
    last = take_off.time + KEPT
    for time, kept in ((last - timedelta(seconds=1), (take_off,)), (last, ())):
        gone = seen((time - at(0)).total_seconds())
        assert apply(states[-1], diff(states[-1], gone, RULES)).recent_movements == kept
