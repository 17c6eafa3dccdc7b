"""Areas as geometries of GeoJSON (RFC 7946)."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry

# A tenth of a metre; the files have no more.
DECIMALS = 6


def shape_of(parts: Sequence[BaseGeometry]) -> bytes:
    """The area that these cover, as JSON: a Polygon, or a MultiPolygon of several.

    Areas are cut at the antimeridian when they are read, as RFC 7946, 3.1.9 wants it. Outer rings
    run against the clock, and holes with it (3.1.6).
    """
    whole = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    # What has no inside, such as a line that two parts share, is no area.
    polygons = [one for one in shapely.get_parts(whole) if one.geom_type == "Polygon"]
    shape = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    oriented = shapely.orient_polygons(shape, exterior_cw=False)
    rounded = shapely.transform(oriented, lambda places: places.round(DECIMALS))
    content: str = shapely.to_geojson(rounded)
    return content.encode()
