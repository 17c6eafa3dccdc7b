"""Areas from GeoJSON: what is wrong with a file is mended, counted and told."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.areas.area_file import Area, AreaFile, oceanic_id, read_areas
from vatwatch.traffic.areas.mended_geometry import Mended

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]


def feature(*rings: list[Any], area_id: str = "AAAA", **properties: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"id": area_id, **properties},
        "geometry": {"type": "Polygon", "coordinates": [*rings]},
    }


def read(*features: object, kind: str = "fir") -> AreaFile:
    document = {"type": "FeatureCollection", "features": [*features]}
    return read_areas(json.dumps(document).encode(), "areas.geojson", kind)


def inside(area: Area, latitude: float, longitude: float) -> bool:
    return bool(shapely.contains_xy(area.geometry, longitude, latitude))


def test_an_area_has_what_its_feature_says() -> None:
    given = feature(
        SQUARE,
        area_id="a80",
        name="Atlanta",
        prefix=["atl", "ATL_N"],
        suffix="DEP",
        frequency=124.5,
    )
    (area,) = read(given, feature(SQUARE, area_id="B"), kind="tracon").areas[:1]
    assert (area.area_id, area.name, area.kind, area.oceanic) == ("A80", "Atlanta", "tracon", False)
    assert (area.prefixes, area.suffix) == (("ATL", "ATL_N"), "DEP")
    assert area.frequency_hz == 124_500_000
    assert read(feature(SQUARE, prefix="ATL")).areas[0].prefixes == ("ATL",)


@pytest.mark.parametrize("said", ["0", 0, "false", None])
def test_an_area_is_domestic_however_the_file_says_it(said: object) -> None:
    assert not read(feature(SQUARE, oceanic=said)).areas[0].oceanic


@pytest.mark.parametrize("said", ["1", 1, "true", True])
def test_an_area_is_oceanic_however_the_file_says_it(said: object) -> None:
    assert read(feature(SQUARE, oceanic=said)).areas[0].oceanic


def test_an_open_ring_is_closed() -> None:
    file = read(feature(SQUARE[:-1]))
    assert file.mended == Mended(open_rings=1)
    assert file.areas[0].geometry.area == 100


def test_a_ring_that_crosses_itself_is_the_two_that_it_makes() -> None:
    file = read(feature([[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]))
    assert file.mended == Mended(crossed_rings=1)
    assert file.areas[0].geometry.is_valid
    assert inside(file.areas[0], 5, 1)
    assert inside(file.areas[0], 5, 9)
    assert not inside(file.areas[0], 1, 5)


def test_polygons_that_lie_over_each_other_are_one() -> None:
    twice = feature(SQUARE)
    twice["geometry"] = {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}
    file = read(twice)
    assert file.mended == Mended(crossed_rings=1)
    assert file.areas[0].geometry.area == 100


def test_features_of_one_id_are_one_area_and_an_oceanic_one_stays_apart() -> None:
    east = [[x + 20, y] for x, y in SQUARE]
    file = read(feature(SQUARE), feature(east), feature(SQUARE, oceanic="1"), feature(SQUARE))
    assert file.mended.same_ids == 2
    assert [area.area_id for area in file.areas] == ["AAAA", oceanic_id("AAAA")]
    assert file.areas[0].geometry.area == 200
    assert [a.area_id for a in read(feature(SQUARE, oceanic="1")).areas] == ["AAAA"]


WIDE = [[170, -10], [190, -10], [190, 10], [170, 10], [170, -10]]


@pytest.mark.parametrize("turn", [0, 360, -360])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_polygon_over_the_antimeridian_is_cut_there(turn: int, wrapped: bool) -> None:
    ring = [[x + turn, y] for x, y in WIDE]
    hole = [[178, -1], [182, -1], [182, 1], [178, 1], [178, -1]]
    if wrapped:
        ring, hole = ([[(x + 180) % 360 - 180, y] for x, y in each] for each in (ring, hole))
    file = read(feature(ring, hole))
    (area,) = file.areas
    assert file.mended == Mended(over_the_antimeridian=1)
    assert area.geometry.is_valid
    assert area.geometry.area == pytest.approx(400 - 8)
    west, _, east, _ = area.geometry.bounds
    assert (west, east) == (-180, 180)
    assert inside(area, 5, 175)
    assert inside(area, 5, -175)
    assert not inside(area, 0, 0)
    assert not inside(area, 0, 179)
    assert not inside(area, 0, -179)


def test_a_polygon_that_is_cut_there_already_stays_as_it_is() -> None:
    antarctica = [[-180, -90], [180, -90], [180, -60], [-180, -60], [-180, -90]]
    eastern = [[170, 0], [180, 0], [180, 10], [170, 10], [170, 0]]
    file = read(feature(antarctica), feature(eastern, area_id="B"))
    assert file.mended == Mended()
    assert [area.geometry.area for area in file.areas] == [360 * 30, 100]


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        {},
        {"properties": {}, "geometry": None},
        {"properties": {"id": "A"}, "geometry": None},
        {"properties": {"id": " "}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        {"properties": {"id": "A"}, "geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"properties": {"id": "A"}, "geometry": {"type": "Polygon", "coordinates": []}},
        {"properties": {"id": "A"}, "geometry": {"type": "Polygon", "coordinates": [[]]}},
        {"properties": {"id": "A"}, "geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}},
        feature([[0, 0], [5, 5], [0, 0]]),
        feature([[0, 0], [5, 5], [10, 10], [0, 0]]),
        feature([[0, 0], [5, 95], [10, 10], [0, 0]]),
        feature([[0, 0], ["x", 5], [10, 10], [0, 0]]),
        feature([[0, 0], [1e300, 5], [10, 10], [0, 0]]),
        feature([[0], [1], [2], [0]]),
        feature([0, 1, 2]),
    ],
)
def test_a_feature_of_which_nothing_is_left_costs_itself(broken: object) -> None:
    file = read(broken, feature(SQUARE, area_id="GOOD"), broken)
    assert [area.area_id for area in file.areas] == ["GOOD"]
    assert file.mended.unusable == 2
    assert file.mended.told[0].startswith("feature 0: ")


@pytest.mark.parametrize(
    "other",
    [b"", b"{", b"[]", b"null", b"{}", b'{"features": {}}', b'{"features": []}', b"\xff",
     b'{"features": [1]}'],
)  # fmt: skip
def test_another_file_is_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match=r"areas\.geojson "):
        read_areas(other, "areas.geojson", "fir")


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-400, 400)
rings = st.lists(st.lists(numbers, max_size=3), max_size=8)


@given(st.lists(rings, max_size=3))
def test_whatever_the_rings_are_what_is_read_is_valid_and_on_the_earth(given: list[Any]) -> None:
    file = read(feature(*given), feature(SQUARE, area_id="GOOD"))
    for area in file.areas:
        west, south, east, north = area.geometry.bounds
        assert area.geometry.is_valid
        assert area.geometry.area > 0
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90
