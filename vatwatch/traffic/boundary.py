"""A geographic boundary from any GeoJSON: polygons and multipolygons, with holes, however nested.

Longitudes are taken as they stand: RFC 7946, 3.1.9 wants areas that cross the antimeridian to be
cut in two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any

import msgspec
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry


class Boundary:
    """An area; asked about points in degrees WGS84."""

    def __init__(self, area: BaseGeometry, name: str, digest: str = "") -> None:
        """`digest`: of the file that it was made of, to tell whether that has changed."""
        self.name = name
        self.digest = digest
        self._area = area
        shapely.prepare(area)

    def __reduce__(self) -> tuple[type[Boundary], tuple[BaseGeometry, str, str]]:
        """Made anew, as what `prepare` adds is lost when a geometry is pickled."""
        return Boundary, (self._area, self.name, self.digest)

    @classmethod
    def from_geojson(cls, data: bytes, name: str) -> Boundary:
        """The union of all polygons. Raises ValueError that says what is wrong, and where."""
        try:
            document = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{name} is not valid JSON: {error}") from error
        polygons = list(_polygons(document, name))
        if not polygons:
            raise ValueError(f"{name} has no Polygon or MultiPolygon")
        # Data as it is found crosses itself here and there; made valid it is what was meant.
        area = shapely.union_all([shapely.make_valid(polygon) for polygon in polygons])
        return cls(area, name, blake2b(data).hexdigest())

    def contains(self, latitude: float, longitude: float) -> bool:
        """Whether a point is inside."""
        return bool(shapely.contains_xy(self._area, longitude, latitude))

    def contains_many(self, latitudes: Sequence[float], longitudes: Sequence[float]) -> list[bool]:
        """Whether each of the points is inside; many times faster than one by one."""
        if not latitudes:
            return []
        inside: list[bool] = shapely.contains_xy(self._area, longitudes, latitudes).tolist()
        return inside


def _polygons(value: Any, where: str) -> Iterator[Polygon]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not a GeoJSON object")  # noqa: TRY004 - one kind for all
    match value.get("type"):
        case "FeatureCollection":
            for number, feature in enumerate(_list(value, "features", where)):
                yield from _polygons(feature, f"{where}, feature {number}")
        case "Feature":
            if value.get("geometry") is not None:
                yield from _polygons(value["geometry"], where)
        case "GeometryCollection":
            for number, geometry in enumerate(_list(value, "geometries", where)):
                yield from _polygons(geometry, f"{where}, geometry {number}")
        case "MultiPolygon":
            for number, rings in enumerate(_list(value, "coordinates", where)):
                yield _polygon(rings, f"{where}, polygon {number}")
        case "Polygon":
            yield _polygon(_list(value, "coordinates", where), where)
        case "Point" | "MultiPoint" | "LineString" | "MultiLineString":
            return  # they have no inside
        case other:
            raise ValueError(f"{where} has type {other!r}, which is not a GeoJSON type")


def _list(value: dict[str, Any], key: str, where: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise ValueError(f"{where} has no list of {key}")  # noqa: TRY004 - one kind for all
    return found


def _polygon(rings: Any, where: str) -> Polygon:
    """A ring that is not closed is taken as if it were: files in the field have such."""
    try:
        shell, *holes = [[(float(x), float(y)) for x, y, *_ in ring] for ring in rings]
        if not all(isfinite(number) for ring in (shell, *holes) for xy in ring for number in xy):
            raise ValueError("a coordinate is not a number")  # noqa: TRY301 - one kind for all
        return Polygon(shell, holes)
    except (TypeError, ValueError, shapely.errors.GEOSException) as error:
        raise ValueError(f"{where} is not a valid polygon: {error}") from error
