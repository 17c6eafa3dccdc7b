"""Expected loads are held against the loads that come, at the moment for which they were told."""

from __future__ import annotations

from msgspec.structs import replace
from shapely import box

from tests.traffic.areas.test_sector_map import volume
from tests.traffic.build import pilot, snapshot
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.areas.known_areas import NO_AREAS
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.verification.loads import LoadObserver, LoadResult, mean_error, ninety_error

HEATHROW = load_airports()["EGLL"]
PLAN = FlightPlan(departure="LFMN", arrival="EGLL", cruise_tas="450", altitude="FL350")
MINUTES = 12
# 450 kt are 7.5 nm a minute, and 75 nm in ten of them: the border is 80 nm from the beginning.
BORDER = HEATHROW.latitude - (400 - 80) / 60
FAR = volume(box(-20, 0, 20, BORDER), "Far")
NEAR = volume(box(-20, BORDER, 20, 89), "Near")
RULES = Rules(areas=replace(NO_AREAS, volumes=(FAR, NEAR), digest="1"))


def observed(speed_kt: int = 450, plan: FlightPlan | None = PLAN) -> LoadResult:
    """What was told ten minutes ahead of one flight that is 400 nm from London, and comes nearer
    with 450 kt, whatever it says."""
    observer, state = LoadObserver(RULES.areas), NetworkState()
    for second in range(0, MINUTES * 60, 15):
        latitude = HEATHROW.latitude - (400 - second / 8) / 60
        flying = pilot(
            1, latitude=latitude, altitude=35_000, groundspeed=speed_kt, flight_plan=plan
        )
        flying = replace(flying, longitude=HEATHROW.longitude)
        state = apply(state, diff(state, snapshot(second, pilots=[flying]), RULES))
        observer.observe(state)
    return next(one for one in observer.results() if one.ahead_min == 10)


def test_a_load_that_comes_as_it_was_told_has_no_error() -> None:
    result = observed()
    assert (result.loads, result.errors, result.naive_errors) == ([1], [0], [0])


def test_who_is_slower_than_told_is_missing_in_one_sector_and_too_many_in_the_other() -> None:
    # It says 500 kt, so it was expected beyond the border after ten minutes.
    result = observed(500)
    assert sorted(zip(result.loads, result.errors, strict=True)) == [(0, 1), (1, -1)]
    assert (mean_error(result.errors), ninety_error(result.errors), result.bias()) == (1.0, 1, 0.0)
    assert sorted(result.naive_errors) == [0, 0]


def test_without_a_destination_the_naive_guess_is_the_guess() -> None:
    result = observed(plan=None)
    assert result.errors == result.naive_errors == [0]


def test_of_nothing_there_is_no_error() -> None:
    result = LoadResult(10)
    assert (result.mean_load(), result.bias(), mean_error([]), ninety_error([])) == (
        None, None, None, None,
    )  # fmt: skip


def test_of_ten_errors_the_second_largest_is_that_of_nine_tenths() -> None:
    errors = [0, 0, 0, 0, 0, 0, 0, -1, 3, -5]
    assert (mean_error(errors), ninety_error(errors)) == (0.9, 3)
