"""Boundaries: any GeoJSON that somebody may hand us."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.boundary import Boundary

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]
FAR = [[20, 20], [30, 20], [30, 30], [20, 30], [20, 20]]


def boundary(geometry: object) -> Boundary:
    return Boundary.from_geojson(json.dumps(geometry).encode(), "area.geojson")


def polygon(*rings: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


def test_a_boundary_that_was_pickled_is_the_same() -> None:
    before = boundary(polygon(SQUARE, HOLE))
    after = pickle.loads(pickle.dumps(before))
    assert (after.name, after.digest) == (before.name, before.digest)
    for point in ((5.0, 5.0), (1.0, 1.0), (20.0, 20.0)):
        assert after.contains(*point) == before.contains(*point)


# --- areas with the faults of the network's own ---------------------------------------------------


@pytest.mark.parametrize(
    ("area", "inside", "outside"),
    [
        ("EYYY", (55.0, -15.0), (55.0, 15.0)),  # twice, domestic and oceanic
        ("EYYY", (55.0, 5.0), (45.0, 5.0)),
        ("EZZZ", (55.0, 15.0), (55.0, 25.0)),  # its ring is not closed
        ("NWWW", (-15.0, 175.0), (-15.0, 165.0)),  # on both sides of 180 degrees
        ("NWWW", (-15.0, -175.0), (-15.0, 0.0)),
    ],
)
def test_an_area_holds_what_it_should(
    boundaries: bytes, area: str, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    features = [f for f in json.loads(boundaries)["features"] if f["properties"]["id"] == area]
    found = boundary({"type": "FeatureCollection", "features": features})
    assert found.contains(*inside)
    assert not found.contains(*outside)


# --- shapes --------------------------------------------------------------------------------------

SHAPES = [
    polygon(SQUARE),
    polygon(SQUARE[:-1]),  # not closed
    polygon([[x, y, 3000] for x, y in SQUARE]),
    polygon(SQUARE[::-1]),
    {"type": "MultiPolygon", "coordinates": [[SQUARE], [FAR]]},
    {"type": "Feature", "properties": None, "geometry": polygon(SQUARE)},
    {"type": "GeometryCollection", "geometries": [polygon(FAR), polygon(SQUARE)]},
    {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": None},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [50, 50]}},
            {"type": "Feature", "geometry": polygon(SQUARE)},
        ],
    },
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_point_is_inside_however_the_polygon_is_wrapped(shape: object) -> None:
    area = boundary(shape)
    assert area.contains(5, 1)
    assert not area.contains(1, 15)
    assert not area.contains(50, 50)


def test_a_hole_is_outside() -> None:
    area = boundary(polygon(SQUARE, HOLE))
    assert area.contains(3, 3)
    assert not area.contains(5, 5)


def test_areas_that_overlap_are_one() -> None:
    shifted = [[x + 5, y] for x, y in SQUARE]
    area = boundary({"type": "MultiPolygon", "coordinates": [[SQUARE], [shifted]]})
    assert [area.contains(5, x) for x in (1, 7, 14, 16)] == [True, True, True, False]


def test_a_ring_that_crosses_itself_is_what_was_meant() -> None:
    area = boundary(polygon([[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]))
    assert area.contains(5, 1)
    assert area.contains(5, 9)
    assert not area.contains(9, 5)


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=30))
def test_many_points_at_once_are_as_inside_as_one_by_one(points: list[tuple[float, float]]) -> None:
    area = boundary(polygon(SQUARE, HOLE))
    assert area.contains_many([p[0] for p in points], [p[1] for p in points]) == [
        area.contains(*point) for point in points
    ]


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_square_holds_exactly_the_points_between_its_sides(lat: float, lon: float) -> None:
    if lat not in (0, 10) and lon not in (0, 10):
        assert boundary(polygon(SQUARE)).contains(lat, lon) == (0 < lat < 10 and 0 < lon < 10)


# --- nonsense ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "area is not valid JSON"),
        (b"<kml/>", "area is not valid JSON"),
        (b"\xff\xfe", "area is not valid JSON"),
        (b"[" * 100_000, "area is not valid JSON"),
        (b"[]", "area is not a GeoJSON object"),
        (b"{}", "area has type None, which is not a GeoJSON type"),
        (b'{"type": "Topology"}', "area has type 'Topology', which is not a GeoJSON type"),
        (b'{"type": "FeatureCollection"}', "area has no list of features"),
        (b'{"type": "FeatureCollection", "features": []}', "area has no Polygon or MultiPolygon"),
        (
            b'{"type": "FeatureCollection", "features": [1]}',
            "area, feature 0 is not a GeoJSON object",
        ),
        (b'{"type": "Point", "coordinates": [1, 2]}', "area has no Polygon or MultiPolygon"),
        (b'{"type": "Polygon"}', "area has no list of coordinates"),
        (b'{"type": "Polygon", "coordinates": []}', "area is not a valid polygon: "),
        (
            b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}',
            "area is not a valid polygon: ",
        ),
        (
            b'{"type": "Polygon", "coordinates": [[[0], [1], [2], [3]]]}',
            "area is not a valid polygon: ",
        ),
        (b'{"type": "Polygon", "coordinates": [7]}', "area is not a valid polygon: "),
        (
            b'{"type": "MultiPolygon", "coordinates": [[[["a", "b"]]]]}',
            "area, polygon 0 is not a valid polygon: ",
        ),
        (
            b'{"type": "Polygon", "coordinates": [[[0, 0], ["inf", 0], [1, 1], [0, 0]]]}',
            "area is not a valid polygon: a coordinate is not a number",
        ),
    ],
)
def test_an_invalid_boundary_is_refused_with_what_is_wrong_and_where(
    data: bytes, says: str
) -> None:
    with pytest.raises(ValueError, match="area") as caught:
        Boundary.from_geojson(data, "area")
    assert str(caught.value).startswith(says)
