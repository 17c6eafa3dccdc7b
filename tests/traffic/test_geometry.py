"""Great circles."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.geometry import EARTH_RADIUS_NM, bearing, distance_nm

points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
LONDON, NEW_YORK = (51.4706, -0.461941), (40.639801, -73.7789)
SYDNEY, SANTIAGO = (-33.946098, 151.177002), (-33.393002, -70.785797)


@pytest.mark.parametrize(
    ("one", "other", "nm"),
    [
        (LONDON, NEW_YORK, 2991),
        (SYDNEY, SANTIAGO, 6130),  # over the antimeridian
        ((0, 0), (0, 1), 60.04),
        ((0, 179.5), (0, -179.5), 60.04),
        ((90, 0), (-90, 77), pi * EARTH_RADIUS_NM),
    ],
)
def test_known_distances(one: tuple[float, float], other: tuple[float, float], nm: float) -> None:
    assert distance_nm(*one, *other) == pytest.approx(nm, rel=0.002)


@given(points, points)
def test_the_way_back_is_as_long_and_none_is_longer_than_half_the_earth(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    assert distance_nm(*a, *b) == pytest.approx(distance_nm(*b, *a), abs=1e-6)
    assert 0 <= distance_nm(*a, *b) <= pi * EARTH_RADIUS_NM * (1 + 1e-12)
    assert distance_nm(*a, *a) == 0


@given(points, points, points)
def test_no_detour_is_shorter(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]
) -> None:
    # Between antipodes the formula is good to some centimetres only.
    assert distance_nm(*a, *c) <= distance_nm(*a, *b) + distance_nm(*b, *c) + 1e-3


@given(points, points)
def test_a_course_is_within_the_compass(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert 0 <= bearing(*a, *b) < 360


@pytest.mark.parametrize(
    ("to", "course"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270)]
)
def test_courses_count_clockwise_from_north(to: tuple[float, float], course: float) -> None:
    assert bearing(0, 0, *to) == pytest.approx(course)
