"""How far it is, and how straight it was flown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.route import great_circle_nm, route_efficiency


def test_the_great_circle_is_that_between_two_known_airports() -> None:
    airports = load_airports()
    assert great_circle_nm(airports["EGLL"], airports["KJFK"]) == pytest.approx(2_991, abs=3)
    assert great_circle_nm(airports["EGLL"], airports["EGLL"]) == 0
    assert great_circle_nm(airports["EGLL"], None) is None
    assert great_circle_nm(None, airports["EGLL"]) is None


@pytest.mark.parametrize(
    ("flown_nm", "great_circle", "efficiency"),
    [
        (1_000.0, 950.0, 0.95),
        (1_000.0, 1_000.0, 1.0),
        (990.0, 1_000.0, 1.0),  # the way from the runway, not from the middle of the airport
        (2_000.0, 1_000.0, 0.5),
        (800.0, 1_000.0, None),  # a part was not seen
        (0.0, 1_000.0, None),
        (60.0, 30.0, None),  # too short to say anything
        (60.0, 0.0, None),  # circuits
        (60.0, None, None),
    ],
)
def test_the_efficiency_of_a_route_is_told_where_it_means_something(
    flown_nm: float, great_circle: float | None, efficiency: float | None
) -> None:
    assert route_efficiency(flown_nm, great_circle) == efficiency


@given(st.floats(0, 30_000), st.none() | st.floats(0, 10_820))
def test_the_efficiency_is_between_nothing_and_one(flown: float, great: float | None) -> None:
    efficiency = route_efficiency(flown, great)
    assert efficiency is None or 0 <= efficiency <= 1
