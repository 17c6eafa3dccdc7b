"""What is wrong with the geometry of a GeoJSON file is mended and counted.

A ring that is not closed is closed, one that crosses itself becomes the polygons that it makes, and
a polygon over the antimeridian is cut there. Degrees WGS84.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, isfinite
from typing import Any

import msgspec
import shapely
from msgspec import Struct
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

TOLD_FEATURES = 20
# What reading a feature raises if it cannot be used.
UNUSABLE = (
    TypeError,
    KeyError,
    ValueError,
    AttributeError,
    RecursionError,
    msgspec.DecodeError,
    shapely.errors.GEOSException,
)


class Mended(Struct, frozen=True):
    """What was wrong with a file, in numbers."""

    same_ids: int = 0
    """Features whose id another one has, too, and that were joined with it (approach units of other
    prefixes stay apart: they share no more than the id)."""
    open_rings: int = 0
    crossed_rings: int = 0
    """Polygons that crossed themselves or each other."""
    over_the_antimeridian: int = 0
    """Polygons that went around the world to come back, and were cut in two."""
    unusable: int = 0
    """Features that were left out."""
    levels: int = 0
    """Floors, ceilings and warnings of sectors that could not be read, and are as if not there."""
    told: tuple[str, ...] = ()
    """The first of the last two: which, and why."""


class GeometryFaults:
    """Counts what is wrong with a file while it is read."""

    def __init__(self) -> None:
        self.open_rings = self.crossed_rings = self.over = 0
        self.levels: list[str] = []
        self.unusable: list[str] = []

    def leave_out(self, number: int, error: Exception) -> None:
        """Count a feature that cannot be used."""
        self.unusable.append(f"feature {number}: {error}")

    def mended(self, *, same_ids: int) -> Mended:
        """The counts; `same_ids` is counted by the caller, who joins the areas."""
        return Mended(
            same_ids=same_ids,
            open_rings=self.open_rings,
            crossed_rings=self.crossed_rings,
            over_the_antimeridian=self.over,
            unusable=len(self.unusable),
            levels=len(self.levels),
            told=tuple([*self.unusable, *self.levels][:TOLD_FEATURES]),
        )


class _Collection(Struct):
    features: list[msgspec.Raw] | None = None
    geometry: msgspec.Raw = msgspec.Raw()


def features_of(data: bytes, name: str) -> list[msgspec.Raw]:
    """The features of a GeoJSON file, each as it is: to decode all at once would hold the
    interpreter for long.

    Raises:
        ValueError: it is no such file, which is told under `name`
    """
    try:
        document = msgspec.json.decode(data, type=_Collection)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name} is not a GeoJSON collection of features") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from error
    if document.features is not None:
        return document.features
    if document.geometry:
        return [msgspec.Raw(data)]  # a single feature
    raise ValueError(f"{name} has no list of features")


def usable_geometry(given: Any, count: GeometryFaults) -> BaseGeometry:
    """A geometry with an inside, none of whose polygons crosses the antimeridian.

    Args:
        given: a GeoJSON geometry, a Polygon or a MultiPolygon
        count: what is wrong is added to it

    Raises:
        ValueError, TypeError, KeyError: nothing is left of it, or it is another thing
        shapely.errors.GEOSException: it cannot be mended
    """
    match given["type"]:
        case "Polygon":
            polygons = [given["coordinates"]]
        case "MultiPolygon":
            polygons = given["coordinates"]
        case other:
            raise ValueError(f"its geometry is a {other}, which has no inside")
    made = [part for rings in polygons for part in _polygon(rings, count)]
    if not made:
        raise ValueError("its polygons have no inside")
    if len(made) == 1:
        return made[0]
    whole = MultiPolygon(made)
    if whole.is_valid:
        return whole
    count.crossed_rings += 1  # one of its polygons lies over another one
    return shapely.union_all(made)


def _polygon(rings: Any, count: GeometryFaults) -> list[Polygon]:
    """The polygons of one: several if it crosses itself or the antimeridian, none if it is flat."""
    shell, *holes = [_ring(ring, count) for ring in rings]
    unrolled = _unrolled(shell)
    # A hole of fewer points has no inside.
    real = [_beside(unrolled, hole) for hole in holes if len(hole) >= 4]
    polygon: BaseGeometry = Polygon(unrolled, real)
    if not polygon.is_valid:
        count.crossed_rings += 1
        polygon = shapely.make_valid(polygon)
    west, _, east, _ = polygon.bounds
    if west < -180 or east > 180:
        count.over += 1
        polygon = _cut(polygon)
    return [part for part in _polygons_in(polygon) if part.area > 0]


def _ring(given: Any, count: GeometryFaults) -> list[tuple[float, float]]:
    ring = [(float(x), float(y)) for x, y, *_ in given]
    if not all(isfinite(x) and abs(y) <= 90 for x, y in ring):
        raise ValueError("a coordinate is not one")
    if ring and ring[0] != ring[-1]:
        count.open_rings += 1
        ring.append(ring[0])
    return ring


def _unrolled(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The ring without jumps from one side of the world to the other; it begins in the middle one.

    Of two ways between two points the shorter one is meant, but on the edge of the map: there
    areas are closed that are cut at the antimeridian already, as Antarctica is.
    """
    first = ring[0][0] if ring else 0.0
    shift = 0.0 if -180 <= first <= 180 else -360.0 * floor((first + 180) / 360)
    out: list[tuple[float, float]] = []
    for x, y in ring:
        if out:
            before = out[-1][0] - shift
            on_the_edge = abs(x) == 180.0 and abs(before) == 180.0
            if abs(x - before) > 180 and not on_the_edge:
                shift += -360.0 if x > before else 360.0
        out.append((x + shift, y))
    if not out or out[0] == out[-1]:
        return out
    if out[0][1] == out[-1][1] and abs(out[-1][0] - out[0][0]) == 360.0:
        # It goes around a pole, and what is meant is the cap: nobody draws the rest of the world.
        pole = 90.0 if sum(y for _, y in out) > 0 else -90.0
        return [*out, (out[-1][0], pole), (out[0][0], pole), out[0]]
    return ring


def _beside(
    shell: list[tuple[float, float]], hole: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """A hole, moved by whole turns to where the shell is."""
    unrolled = _unrolled(hole)
    west, east = min(x for x, _ in shell), max(x for x, _ in shell)
    middle = sum(x for x, _ in unrolled) / len(unrolled)
    turn = next((t for t in (0.0, 360.0, -360.0) if west <= middle + t <= east), 0.0)
    return [(x + turn, y) for x, y in unrolled]


def _cut(polygon: BaseGeometry) -> BaseGeometry:
    """Each part where it belongs, between -180 and 180."""
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        world = shapely.box(-180.0 - turn, -90.0, 180.0 - turn, 90.0)
        part = polygon.intersection(world)
        parts.append(translate(part, xoff=turn))
    return shapely.union_all(parts)


def _polygons_in(geometry: BaseGeometry) -> Iterator[Polygon]:
    if isinstance(geometry, Polygon):
        yield geometry
    elif isinstance(geometry, MultiPolygon) or hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _polygons_in(part)
