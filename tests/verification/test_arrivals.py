"""The ETA is held against the landing to which it was told, at the moment that is asked for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.traffic.build import at, pilot, snapshot
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.verification.accounts import Happening
from vatwatch.verification.arrivals import ArrivalObserver, LeadResult, middle_s, ninety_s

CID = 1
HEATHROW = load_airports()["EGLL"]
PLAN = FlightPlan(departure="LFMN", arrival="EGLL", cruise_tas="450", altitude="FL350")


def observed(plan: FlightPlan | None = PLAN, seconds: int = 120) -> ArrivalObserver:
    """A flight that comes up to London from 100 nm in the south, for some minutes."""
    observer, state = ArrivalObserver(), NetworkState()
    for second in range(0, seconds, 15):
        latitude = HEATHROW.latitude - (100 - second / 8) / 60
        flying = pilot(CID, latitude=latitude, altitude=35_000, groundspeed=450, flight_plan=plan)
        flying = replace(flying, longitude=HEATHROW.longitude)
        state = apply(state, diff(state, snapshot(second, pilots=[flying]), Rules()))
        observer.observe(state)
    return observer


def landing(minutes: float, airport: str = "EGLL", cid: int = CID) -> Happening:
    return Happening("landing", at(minutes * 60), cid, 1, airport)


def ten(observer: ArrivalObserver, *happenings: Happening) -> LeadResult:
    return next(one for one in observer.results(happenings) if one.lead_min == 10)


def test_what_was_told_ten_minutes_before_is_held_against_the_landing() -> None:
    result = ten(observed(), landing(11))
    assert (result.flights, result.told()) == (1, 1.0)
    # Told a minute after the beginning: 92.5 nm at 450 kt, and the slowing of the approach on top.
    assert result.naive_errors_s[0] == pytest.approx(140, abs=10)
    assert 300 < result.errors_s[0] < 800


@pytest.mark.parametrize(
    ("plan", "happenings"),
    [
        (PLAN, [landing(11, airport="EGKK")]),
        (PLAN, [landing(11, cid=2)]),
        (PLAN, [landing(9)]),  # nothing was known so long before
        (PLAN, [landing(20)]),  # what is known is too old
        (PLAN, [Happening("take_off", at(90), CID, 1, "LFMN"), landing(11)]),
        (None, [landing(11)]),
        (replace(PLAN, arrival="EXXX"), [landing(11)]),
    ],
    ids=[
        "landed elsewhere",
        "another pilot",
        "too early",
        "too late",
        "another flight's",
        "no plan",
        "an unknown airport",
    ],
)
def test_what_was_not_told_of_this_landing_does_not_count(
    plan: FlightPlan | None, happenings: list[Happening]
) -> None:
    assert ten(observed(plan), *happenings).flights == 0


def test_where_no_eta_was_told_that_is_said_and_the_naive_one_does_not_count() -> None:
    result = ten(observed(replace(PLAN, departure="EGLL")), landing(11))
    assert (result.flights, result.errors_s, result.naive_errors_s) == (1, [], [])
    assert result.told() == 0


def test_the_median_and_nine_of_ten() -> None:
    assert (middle_s([]), ninety_s([])) == (None, None)
    errors = [float(number) for number in range(1, 11)]
    assert (middle_s(errors), ninety_s(errors)) == (5.5, 9.0)


def test_a_flight_is_noted_once_a_minute() -> None:
    # The one from a minute before is the latest that there is.
    assert ten(observed(seconds=60), landing(10.9)).flights == 1
    assert ten(observed(seconds=60), landing(11.1)).flights == 0
