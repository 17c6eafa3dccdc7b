"""Which airport a place belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.airfields import (
    OWN_REACH_NM,
    REACH_NM,
    Airfields,
    airfields,
    filed_airport,
    filed_airports,
)  # fmt: skip
from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.geometry import distance_nm


def airport(icao: str, latitude: float, longitude: float) -> Airport:
    return Airport(icao, "", "", "", "", latitude, longitude, 0, "")


def found(fields: Airfields, latitude: float, longitude: float, *own: Airport) -> str | None:
    place = fields.find(latitude, longitude, own)
    return None if place is None else place.icao


def test_the_nearest_within_reach() -> None:
    one, other = airport("AAAA", 50.0, 10.0), airport("BBBB", 50.03, 10.0)
    fields = Airfields([one, other])
    assert found(fields, 50.01, 10.0) == "AAAA"
    assert found(fields, 50.02, 10.0) == "BBBB"
    assert found(fields, 49.98, 10.0) == "AAAA"
    assert found(fields, 49.97, 10.0) is None


def test_the_plans_own_airports_reach_further_and_count_as_nearer() -> None:
    """Two airports two miles apart."""
    own, other = airport("AAAA", 50.0, 10.0), airport("BBBB", 50.0 + 2 / 60, 10.0)
    fields = Airfields([own, other])
    assert found(fields, 50.0 - 2.9 / 60, 10.0) is None
    assert found(fields, 50.0 - 2.9 / 60, 10.0, own) == "AAAA"
    assert found(fields, 50.0 - 3.1 / 60, 10.0, own) is None
    # Where they stand at the other one, they are there, whatever the plan says.
    assert found(fields, other.latitude, 10.0, own) == "BBBB"
    # The end of the own runway that is a little nearer to the other one is still the own.
    assert found(fields, 50.0 + 1.2 / 60, 10.0) == "BBBB"
    assert found(fields, 50.0 + 1.2 / 60, 10.0, own) == "AAAA"


@pytest.mark.parametrize(
    ("icao", "latitude", "longitude", "near"),
    [
        ("AAAA", 0.0, 179.999, (0.0, -179.999)),
        ("AAAA", 0.0, -180.0, (0.0, 179.99)),
        ("AAAA", -90.0, 0.0, (-89.99, 123.0)),
        ("AAAA", 89.99, 0.0, (89.99, 180.0)),
        ("AAAA", 60.0, 10.0, (60.0, 10.049)),
    ],
)
def test_the_world_has_no_edge(
    icao: str, latitude: float, longitude: float, near: tuple[float, float]
) -> None:
    assert found(Airfields([airport(icao, latitude, longitude)]), *near) == icao


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-0.04, 0.04), st.floats(-0.04, 0.04))
def test_the_cells_lose_no_airport(
    latitude: float, longitude: float, north: float, east: float
) -> None:
    """Near one, and anywhere: the cells give what the distance says."""
    fields = Airfields([airport("AAAA", latitude, longitude)])
    place = (min(max(latitude + north, -90), 90), (longitude + east + 540) % 360 - 180)
    within = distance_nm(*place, latitude, longitude) <= REACH_NM
    assert (fields.find(*place) is not None) == within


def test_every_airport_is_found_at_its_place() -> None:
    for one in load_airports().values():
        there = airfields().find(one.latitude, one.longitude)
        assert there is not None
        assert distance_nm(one.latitude, one.longitude, there.latitude, there.longitude) < 0.01


def test_what_a_plan_names() -> None:
    assert filed_airport(" egll ") == load_airports()["EGLL"]
    assert filed_airport("U70X") is None
    assert [each.icao for each in filed_airports("EGLL", "EHAM")] == ["EGLL", "EHAM"]
    assert [each.icao for each in filed_airports("EGLL", "EGLL")] == ["EGLL"]
    assert filed_airports("", "ZZZZ") == ()
    assert OWN_REACH_NM > REACH_NM
