"""Which prefiles are plans that have been flown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.traffic.build import pilot, plan, prefile, snapshot
from tests.traffic.test_diff import RULES, advance, worlds
from vatwatch.feed.records import Pilot, Prefile
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import NetworkState, Snapshot
from vatwatch.traffic.prefiles import FLOWN_HOURS, is_flown

HOUR = 3600
FLIES = replace(pilot(cid=300, callsign="PRE1", flight_plan=plan()), groundspeed=430)
TAXIES = replace(FLIES, groundspeed=20)


def flown(flies: Pilot, back: Prefile, hours: float) -> bool:
    """Whether `back` is marked, so many hours after `flies` was last seen."""
    end = [snapshot(hours * HOUR - 1), snapshot(hours * HOUR, prefiles=[back])]
    state = advance(NetworkState(), snapshot(0, pilots=[flies]), *end)
    return is_flown(next(iter(state.prefiles.values())), state)


OTHER_PLANS = {
    "another departure": replace(plan(), departure="EZZZ"),
    "another arrival": replace(plan(), arrival="EZZZ"),
}


@pytest.mark.parametrize(
    ("what", "flies", "back", "hours", "marked"),
    [
        ("at once", FLIES, prefile(), 0.01, True),
        ("while the flight may still go on", FLIES, prefile(), 0.2, True),
        ("after the flight has ended (VR#1654)", FLIES, prefile(), 1, True),
        ("up to eight hours (VR#1087)", FLIES, prefile(), 8, True),
        ("at the limit", FLIES, prefile(), FLOWN_HOURS, True),
        ("after the limit", FLIES, prefile(), FLOWN_HOURS + 0.001, False),
        ("the next day", FLIES, prefile(), 24, False),
        ("never off the ground", TAXIES, prefile(), 1, False),
        ("another person", replace(FLIES, cid=1), prefile(), 1, False),
        ("another callsign", replace(FLIES, callsign="PRE2"), prefile(), 1, False),
        ("another route between the same airports", FLIES, prefile(route="L9"), 1, True),
        ("letters in another case", FLIES, prefile(), 1, True),
        *(
            (what, FLIES, replace(prefile(), flight_plan=other), 1, False)
            for what, other in OTHER_PLANS.items()
        ),
    ],
)
def test_a_prefile_is_flown_if_its_plan_was(
    what: str, flies: Pilot, back: Prefile, hours: float, marked: bool
) -> None:
    if "case" in what:
        back = replace(back, flight_plan=replace(plan(), departure="exxx", arrival=" eyyy "))
    assert flown(flies, back, hours) is marked, what


def test_a_plan_is_flown_while_the_flight_is_in_the_air_and_not_before() -> None:
    for flies, marked in ((FLIES, True), (TAXIES, False)):
        state = advance(NetworkState(), snapshot(0, pilots=[flies], prefiles=[prefile()]))
        assert is_flown(next(iter(state.prefiles.values())), state) is marked


@given(worlds())
def test_only_flights_that_flew_and_have_ended_are_remembered_each_once(
    world: list[Snapshot],
) -> None:
    state = NetworkState()
    for one in world:
        changes = diff(state, one, RULES)
        state = advance(state, one)
        ids = [flown.flight_id for each in state.flown.values() for flown in each]
        assert len(set(ids)) == len(ids)
        online = {flight.flight_id for flight in state.flights.values()}
        assert not online & set(ids)
        ended = {f.flight_id for f in changes.flights.ended if f.flown}
        recent = {
            f.flight_id
            for f in changes.flights.ended
            if one.time - f.last_seen <= timedelta(hours=FLOWN_HOURS)
        }
        assert ended & recent <= set(ids)
