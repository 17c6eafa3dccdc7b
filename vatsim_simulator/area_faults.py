"""Faults of real files of areas, put into the simulator's: what is meant stays the same.

Each is put into features of its own, so that a reader that mends one kind of fault and not another
loses what has that one.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import shapely
from shapely.affinity import translate

from vatsim_simulator.area_shapes import multi_polygon

Feature = dict[str, Any]

# How many of each are in `Boundaries.geojson`.
PUT = {
    "same_ids": 1, "open_rings": 2, "crossed_rings": 1, "over_the_antimeridian": 1, "unusable": 2,
}  # fmt: skip
OPEN, CROSSED, TWICE = (10, 12), 14, 16


def spoil_vatspy(lines: list[str]) -> list[str]:
    """Put two rows between the regions that cannot be read, and Windows' ends of lines."""
    head = lines.index("[FIRs]") + 2
    rows = [*lines[:head], "|Nameless||", "Half a row", *lines[head:]]
    return [f"{row}\r" for row in rows]


def spoil_boundaries(features: list[Feature]) -> list[Feature]:
    """Open, crossed and split rings, one over the 180th meridian, and two features of no use."""
    spoilt = deepcopy(features)
    for index in OPEN:
        del _outer(spoilt[index])[-1]
    _cross(_outer(spoilt[CROSSED]))
    over = next(index for index, feature in enumerate(spoilt) if _is_cut(feature))
    _join(spoilt[over])
    # Last, as it moves the others along.
    spoilt[TWICE : TWICE + 1] = _in_two(spoilt[TWICE])
    nowhere = {"type": "Point", "coordinates": [0, 0]}
    return [
        *spoilt,
        {"type": "Feature", "properties": {"id": "POINT"}, "geometry": nowhere},
        {"type": "Feature", "properties": {}, "geometry": spoilt[0]["geometry"]},
    ]


def spoil_sectors(features: list[Feature]) -> list[Feature]:
    """Open the first ring, join what is cut at the 180th meridian, and add one of no use."""
    spoilt = deepcopy(features)
    del _outer(spoilt[0])[-1]
    for feature in spoilt:
        if _is_cut(feature):
            _join(feature)
    nowhere = {"type": "Point", "coordinates": [0, 0]}
    return [*spoilt, {"type": "Feature", "properties": {"name": "Point"}, "geometry": nowhere}]


def _outer(feature: Feature, part: int = 0) -> list[list[float]]:
    ring: list[list[float]] = feature["geometry"]["coordinates"][part][0]
    return ring


def _cross(ring: list[list[float]]) -> None:
    """A loop of a hair's width at the first corner, as a slip of the mouse makes it."""
    (x, y), (to_x, to_y) = ring[0], ring[1]
    along = (to_x - x) * 0.01, (to_y - y) * 0.01
    aside = -along[1], along[0]
    ring[1:1] = [
        [x + 3 * along[0], y + 3 * along[1]],
        [x + 3 * along[0] + aside[0], y + 3 * along[1] + aside[1]],
        [x + 2 * along[0] - aside[0], y + 2 * along[1] - aside[1]],
        [x + 4 * along[0], y + 4 * along[1]],
    ]


def _is_cut(feature: Feature) -> bool:
    """Whether it is two polygons that meet at 180 degrees."""
    parts = [shapely.Polygon(part[0]).bounds for part in feature["geometry"]["coordinates"]]
    return len(parts) == 2 and {-180, 180} <= {edge for bounds in parts for edge in bounds}


def _join(feature: Feature) -> None:
    """One polygon whose rings jump from 180 to -180 degrees and back."""
    parts = [shapely.Polygon(part[0], part[1:]) for part in feature["geometry"]["coordinates"]]
    turned = [translate(part, xoff=360) if part.bounds[0] == -180 else part for part in parts]
    whole = shapely.union_all(turned)
    assert isinstance(whole, shapely.Polygon)
    rings = [
        [[x - 360 if x > 180 else x, y] for x, y in ring.coords]
        for ring in (whole.exterior, *whole.interiors)
    ]
    feature["geometry"] = {"type": "Polygon", "coordinates": rings}


def _in_two(feature: Feature) -> list[Feature]:
    """Two features of one id."""
    (rings,) = feature["geometry"]["coordinates"]
    whole = shapely.Polygon(rings[0])
    west, south, east, north = whole.bounds
    middle = round((west + east) / 2)
    halves = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    return [{**feature, "geometry": multi_polygon(whole.intersection(half))} for half in halves]
