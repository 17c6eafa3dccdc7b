"""Seaplanes on lakes, which are in no list of airports."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.traffic.tracks import LIGHT_CIRCUIT, TAXI_OUT, At, fixes, flown, kinds, on, plan, way
from vatwatch.traffic.position import Position

FLOATS = plan("CYHC", "CYHC", "DHC2", rules="V")
LAKE_FT = 640


def on_a_lake(points: list[At], *, first: int = 0) -> list[Position]:
    """50 nm off Vancouver, high up."""
    return [
        replace(fix, longitude=fix.longitude - 2, altitude=(fix.altitude or 0) + LAKE_FT)
        for fix in fixes("CYHC", points, first=first)
    ]


CIRCUIT = (*LIGHT_CIRCUIT, on(15, 50))


@pytest.mark.parametrize("first", range(0, 15, 3))
def test_circuits_on_a_lake_are_touch_and_goes_off_airport(first: int) -> None:
    points = way(*TAXI_OUT, on(20, 55), *CIRCUIT, *CIRCUIT, on(20, 15), on(200))
    progress = flown(on_a_lake(points, first=first), FLOATS)
    assert kinds(progress) == ["take_off", "touch_and_go", "landing"]
    assert {movement.airport for movement in progress.movements} == {"off_airport"}


def test_low_flight_over_the_country_is_no_contact_with_the_ground() -> None:
    """Who is first seen in the air has no lake whose height is known."""
    low = way(on(600, 90, 0), speed=90)
    assert kinds(flown(on_a_lake(low), FLOATS)) == []
    points = way(*TAXI_OUT, on(20, 55), on(90, 75, 1000), on(300, 90, 1000), on(90, 90, 0))
    far_away = way(on(300, 90, 0), north=points[-1].north, speed=90, second=points[-1].second)
    progress = flown(on_a_lake([*points, *far_away[1:]]), FLOATS)
    assert kinds(progress) == ["take_off"]
    assert progress.airborne
