"""The map in cells gives the answers that a look at every area gives."""

from __future__ import annotations

from math import nan
from random import Random

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry

from tests.traffic.areas.plain_sectors import plain_inside
from tests.traffic.areas.test_sector_map import volume
from vatwatch.traffic.areas.area_file import Area
from vatwatch.traffic.areas.area_grid import AreaGrid
from vatwatch.traffic.areas.fir_map import FirMap
from vatwatch.traffic.areas.sector_map import SectorMap

WORLD = shapely.box(-180, -90, 180, 90)


def some_area(random: Random) -> BaseGeometry:
    """One or two polygons, from a tenth of a cell to half the world; every third has a hole."""
    found = []
    for _ in range(random.choice([1, 1, 2])):
        size = random.choice([0.1, 0.7, 3, 12, 90])
        west, south = random.uniform(-185, 180), random.uniform(-95, 90)
        corners = [
            (random.uniform(west, west + size), random.uniform(south, south + size))
            for _ in range(random.randint(3, 7))
        ]
        if random.random() < 0.3:  # its border runs along the borders of cells
            corners = [(round(x), round(y)) for x, y in corners]
        hull = MultiPoint(corners).convex_hull
        if random.random() < 0.3:
            hull = hull.difference(translate(shapely.box(0, 0, size / 4, size / 4), west, south))
        clipped = hull.intersection(WORLD)
        found += [part for part in shapely.get_parts(clipped) if isinstance(part, Polygon)]
    return shapely.union_all(found)


@given(st.integers(0, 2**32))
def test_every_point_is_where_a_look_at_every_area_finds_it(seed: int) -> None:
    random = Random(seed)
    volumes = [
        volume(area, random.choice("ABCD"), *random.choice([(None, None), (5_000, None), (0, 20)]))
        for area in (some_area(random) for _ in range(6))
        if not area.is_empty
    ]
    of = SectorMap(volumes)
    at_corners = [
        (y, -180.0 if x == 180 else x)
        for each in volumes
        for x, y in shapely.get_coordinates(each.geometry).tolist()
    ]
    places = [
        *at_corners,
        *((y + random.uniform(-2, 2), x) for y, x in at_corners),
        *((random.uniform(-90, 90), random.uniform(-180, 180)) for _ in range(20)),
        *((random.randint(-90, 89), random.randint(-180, 179)) for _ in range(20)),
    ]
    points = [
        (float(y), float(x), random.choice([0.0, 5_000.0, 30_000.0, nan]))
        for y, x in places
        if -90 <= y < 90
    ]
    found = of.inside(*np.array(points).T)
    names = [(of.sectors[number].kind, of.sectors[number].name) for number in found.sectors]
    told = [(point, *name) for point, name in zip(found.points.tolist(), names, strict=True)]
    assert told == plain_inside(of, points)


@given(st.integers(0, 2**32))
def test_a_place_is_in_each_fir_that_covers_it_borders_included(seed: int) -> None:
    random = Random(seed)
    shapes = {f"F{number}": some_area(random) for number in range(5)}
    firs = [
        Area(name, name, "fir", random.random() < 0.2, (), None, None, shape)
        for name, shape in shapes.items()
        if not shape.is_empty
    ]
    corners = [(y, x) for fir in firs for x, y in shapely.get_coordinates(fir.geometry).tolist()]
    places = [
        *corners,
        *((random.uniform(-90, 90), random.uniform(-180, 180)) for _ in range(30)),
        *((random.randint(-90, 90), random.randint(-180, 180)) for _ in range(20)),
    ]
    found = FirMap(firs).inside(places)
    for fir in firs:
        covered = [
            number
            for number, (y, x) in enumerate(places)
            if shapely.intersects_xy(fir.geometry, x, y)
        ]
        assert found.get(fir.area_id, []) == covered


def test_where_no_border_is_near_nobody_has_to_look_at_one() -> None:
    area = shapely.box(-20.5, -20.5, 20.5, 20.5)
    shapely.prepare(area)
    grid = AreaGrid(np.array([area], dtype=object))
    found = grid.candidates(np.array([0.0, 20.2, 30.0]), np.array([0.0, 0.0, 0.0]))
    assert list(zip(*(column.tolist() for column in found), strict=True)) == [
        (0, 0, True),
        (1, 0, False),
    ]
