"""Shapes on the map, as GeoJSON has them: longitude first, nothing crosses the 180th meridian."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi, radians, sin
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from vatsim_simulator.fir_cells import CELL_DEG, Cell
from vatwatch.traffic.airports import Airport

CORNERS = 36


def squares(cells: Iterable[Cell]) -> BaseGeometry:
    """The squares as one shape, without the lines between them."""
    boxes = [
        shapely.box(
            column * CELL_DEG, row * CELL_DEG, (column + 1) * CELL_DEG, (row + 1) * CELL_DEG
        )
        for row, column in cells
    ]
    # Of a straight side only the ends stay.
    return shapely.union_all(boxes).simplify(0)


def around(airport: Airport, reach_nm: float) -> BaseGeometry:
    """A polygon of equal corners around an airport; none of the simulator's is near a pole."""
    north, east = reach_nm / 60, reach_nm / 60 / cos(radians(airport.latitude))
    turns = [2 * pi * corner / CORNERS for corner in range(CORNERS)]
    return shapely.Polygon(
        [
            (
                round(airport.longitude + east * sin(turn), 4),
                round(airport.latitude + north * cos(turn), 4),
            )
            for turn in turns
        ]
    )


def multi_polygon(shape: BaseGeometry) -> dict[str, Any]:
    """The shape's polygons as a `MultiPolygon`: outer rings anticlockwise (RFC 7946, 3.1.6)."""
    parts = [orient(part) for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return {
        "type": "MultiPolygon",
        "coordinates": [
            [[list(point) for point in ring.coords] for ring in (part.exterior, *part.interiors)]
            for part in parts
        ],
    }
