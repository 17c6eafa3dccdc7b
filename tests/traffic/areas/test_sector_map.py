"""Which sectors points are in, held against a count of crossings on random polygons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry

from vatwatch.traffic.areas.sector_map import SectorMap
from vatwatch.traffic.areas.volumes import Volume

# Less than what lies between two different points of the tests, and enough to be off a border.
NORTH, EAST = 1e-5, 1e-9

grid = st.tuples(st.integers(-8, 8), st.integers(-8, 8))


def volume(
    geometry: BaseGeometry,
    name: str = "A",
    floor_ft: int | None = None,
    ceiling_ft: int | None = None,
    kind: str = "sector",
) -> Volume:
    return Volume(kind, name, floor_ft, ceiling_ft, geometry)


def names_at(
    of: SectorMap, latitude: float, longitude: float, altitude: float = 30_000
) -> list[str]:
    inside = of.inside(*(np.array([each], np.float64) for each in (latitude, longitude, altitude)))
    return [of.sectors[number].name for number in inside.sectors]


def naive(geometry: BaseGeometry, x: float, y: float) -> bool:
    """Even-odd, of a point beside the one that is asked for."""
    x, y, inside = x + EAST, y + NORTH, False
    for part in shapely.get_parts(geometry):
        for ring in (part.exterior, *part.interiors):
            points = list(ring.coords)
            for (x1, y1), (x2, y2) in pairwise(points):
                if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                    inside = not inside
    return inside


def polygons_of(points: Sequence[tuple[int, int]]) -> BaseGeometry:
    """What a ring through these points encloses, with holes where it crosses itself."""
    made = shapely.make_valid(Polygon(points))
    parts = [part for part in shapely.get_parts(made) if isinstance(part, Polygon)]
    return shapely.union_all(parts)


@given(st.lists(grid, min_size=3, max_size=9), st.lists(grid, min_size=1, max_size=30))
def test_points_are_where_a_count_of_crossings_says(
    ring: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    geometry = polygons_of(ring)
    if geometry.is_empty:
        return
    of, border = SectorMap([volume(geometry)]), shapely.get_coordinates(geometry)
    points = [(x / 2, y / 2) for x, y in asked] + [(x, y) for x, y in border.round()]
    if not (border == border.round()).all():
        # A ring that crosses itself does so off the grid, and there no float is on the border.
        points = [xy for xy in points if geometry.boundary.distance(shapely.Point(xy)) > 2 * NORTH]
    x, y = (np.array([each[side] for each in points], np.float64) for side in (0, 1))
    inside = of.inside(y, x, np.zeros(len(points)))
    expected = [number for number, (x, y) in enumerate(points) if naive(geometry, x, y)]
    assert inside.points.tolist() == expected


@given(st.lists(grid, min_size=3, max_size=12, unique=True), st.lists(grid, max_size=20))
def test_of_areas_that_touch_exactly_one_has_each_point(
    corners: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    triangles = shapely.get_parts(shapely.delaunay_triangles(MultiPoint(corners)))
    if not len(triangles):
        return
    of = SectorMap([volume(each, f"T{number}") for number, each in enumerate(triangles)])
    hull = shapely.convex_hull(MultiPoint(corners))
    middles = [
        ((x1 + x2) / 2, (y1 + y2) / 2)
        for each in triangles
        for (x1, y1), (x2, y2) in pairwise(each.exterior.coords)
    ]
    for x, y in [*corners, *middles, *asked]:
        names = names_at(of, y, x)
        assert len(names) == naive(hull, x, y), (x, y, names)


def test_areas_that_overlap_both_have_a_point() -> None:
    of = SectorMap([volume(shapely.box(0, 0, 10, 10)), volume(shapely.box(5, 0, 15, 10), "B")])
    assert names_at(of, 5, 7) == ["A", "B"]
    assert names_at(of, 5, 2) == ["A"]
    assert names_at(of, 5, 5) == ["A", "B"]  # on the border of B


def test_a_hole_is_outside_and_an_island_in_it_is_inside() -> None:
    ring = shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 8, 8))
    of = SectorMap([volume(ring.union(shapely.box(4, 4, 6, 6)))])
    assert names_at(of, 1, 1) == ["A"]
    assert names_at(of, 3, 3) == []
    assert names_at(of, 5, 5) == ["A"]


def test_an_area_on_both_sides_of_the_antimeridian_has_it() -> None:
    both = shapely.box(170, -10, 180, 10).union(shapely.box(-180, -10, -170, 10))
    of = SectorMap([volume(both)])
    for longitude in (175, 180, -180, -175, 185, 180.0000001):
        assert names_at(of, 0, longitude) == ["A"], longitude
    assert names_at(of, 0, 165) == []


def test_areas_that_touch_at_the_antimeridian_share_no_point() -> None:
    west, east = shapely.box(-180, -10, -170, 10), shapely.box(170, -10, 180, 10)
    of = SectorMap([volume(east, "E"), volume(west, "W")])
    assert names_at(of, 0, 180) == names_at(of, 0, -180) == ["W"]
    assert names_at(of, 0, 179.99) == ["E"]


@pytest.mark.parametrize("longitude", [0, 90, -180, 180])
def test_the_poles_are_in_the_caps(longitude: float) -> None:
    of = SectorMap(
        [volume(shapely.box(-180, 80, 180, 90), "N"), volume(shapely.box(-180, -90, 180, -80), "S")]
    )
    assert names_at(of, 90, longitude) == ["N"]
    assert names_at(of, -90, longitude) == ["S"]


@pytest.mark.parametrize(
    ("floor_ft", "ceiling_ft", "inside", "outside"),
    [
        (10_000, 20_000, [10_000, 19_999], [9_999, 20_000, float("nan")]),
        (0, 20_000, [-40, 0, 19_999], [20_000, float("nan")]),
        (None, 20_000, [-40, 19_999], [20_000, float("nan")]),
        (10_000, None, [10_000, 90_000], [9_999, float("nan")]),
        (None, None, [-40, 90_000, float("nan")], []),
    ],
)
def test_a_floor_is_inside_and_a_ceiling_is_outside(
    floor_ft: int | None, ceiling_ft: int | None, inside: list[float], outside: list[float]
) -> None:
    of = SectorMap([volume(shapely.box(0, 0, 10, 10), "A", floor_ft, ceiling_ft)])
    assert [names_at(of, 5, 5, each) for each in inside] == [["A"]] * len(inside)
    assert [names_at(of, 5, 5, each) for each in outside] == [[]] * len(outside)


def test_a_sector_of_several_volumes_has_a_point_once() -> None:
    low = volume(shapely.box(0, 0, 10, 10), "A", None, 10_000)
    high = volume(shapely.box(5, 0, 15, 10), "A", 5_000, 20_000)
    of = SectorMap([high, low])
    (sector,) = of.sectors
    assert (sector.floor_ft, sector.ceiling_ft) == (None, 20_000)
    assert names_at(of, 5, 7, 7_000) == ["A"]
    assert names_at(of, 5, 12, 7_000) == ["A"]
    assert names_at(of, 5, 12, 1_000) == []


def test_a_fir_and_a_sector_of_one_name_are_two() -> None:
    box = shapely.box(0, 0, 10, 10)
    of = SectorMap([volume(box, "EDGG"), volume(box, "EDGG", kind="fir")])
    assert [(each.kind, each.name) for each in of.sectors] == [("fir", "EDGG"), ("sector", "EDGG")]
    assert names_at(of, 5, 5) == ["EDGG", "EDGG"]


@pytest.mark.parametrize("place", [(float("nan"), 5), (5, float("nan")), (91, 5), (5, 1e300)])
def test_a_point_that_is_not_on_the_globe_is_in_no_sector(place: tuple[float, float]) -> None:
    of = SectorMap([volume(shapely.box(-180, -90, 180, 90))])
    assert names_at(of, *place) == []


def test_the_order_of_the_volumes_does_not_matter() -> None:
    volumes = [volume(shapely.box(x, 0, x + 3, 3), f"S{x}") for x in range(6)]
    forth, back = SectorMap(volumes), SectorMap(volumes[::-1])
    assert [each.name for each in forth.sectors] == [each.name for each in back.sectors]
    assert names_at(forth, 1, 3) == names_at(back, 1, 3) == ["S1", "S2", "S3"]


def test_no_points_and_no_sectors_are_no_pairs() -> None:
    none = np.empty(0)
    assert len(SectorMap([]).inside(*[np.zeros(3)] * 3).points) == 0
    assert len(SectorMap([volume(shapely.box(0, 0, 1, 1))]).inside(none, none, none).points) == 0
