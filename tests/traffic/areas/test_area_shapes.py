"""Areas as geometries of GeoJSON."""

from __future__ import annotations

import json

import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box, shape

from vatwatch.traffic.areas.area_shapes import shape_of

HOLED = Polygon(box(0, 0, 10, 10).exterior, [box(2, 2, 4, 4).exterior])


@pytest.mark.parametrize(
    ("parts", "kind", "area"),
    [
        ([box(0, 0, 1, 1)], "Polygon", 1.0),
        ([box(0, 0, 1, 1), box(1, 0, 2, 1)], "Polygon", 2.0),
        ([box(0, 0, 1, 1), box(5, 0, 6, 1)], "MultiPolygon", 2.0),
        ([MultiPolygon([box(170, 0, 180, 1), box(-180, 0, -170, 1)])], "MultiPolygon", 20.0),
        ([HOLED], "Polygon", 96.0),
        ([HOLED.reverse()], "Polygon", 96.0),
        # What two parts share besides an area is left out.
        ([shapely.GeometryCollection([box(0, 0, 1, 1), shapely.Point(3, 3)])], "Polygon", 1.0),
    ],
)
def test_a_shape_covers_what_its_parts_cover_and_runs_against_the_clock(
    parts: list[shapely.Geometry], kind: str, area: float
) -> None:
    made = json.loads(shape_of(parts))
    assert made["type"] == kind
    found = shape(made)
    assert found.is_valid
    assert found.area == pytest.approx(area)
    for part in shapely.get_parts(found):
        assert part.exterior.is_ccw
        assert not any(hole.is_ccw for hole in part.interiors)
