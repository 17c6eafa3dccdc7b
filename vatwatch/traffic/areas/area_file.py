"""Reads areas from GeoJSON: boundaries in VATSpy's form, and SimAware's of approach units.

Files in the field are not clean, and what is wrong is mended and counted (`Mended`): a ring that is
not closed is closed, one that crosses itself becomes the polygons that it makes, areas of one id
and kind are one area, and a polygon over the antimeridian is cut there. A feature of which nothing
is left costs itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import floor, isfinite
from typing import Any, NamedTuple

import msgspec
import shapely
from msgspec import Struct
from msgspec.structs import replace
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

TOLD_FEATURES = 20


class Mended(Struct, frozen=True):
    """What was wrong with a file, in numbers."""

    same_ids: int = 0
    """Features whose id another one has, too, and that were joined with it."""
    open_rings: int = 0
    crossed_rings: int = 0
    """Polygons that crossed themselves or each other."""
    over_the_antimeridian: int = 0
    """Polygons that went around the world to come back, and were cut in two."""
    unusable: int = 0
    """Features that were left out."""
    told: tuple[str, ...] = ()
    """The first of these: which, and why."""


class Area(Struct, frozen=True):
    """An area that stations work. Degrees WGS84; no polygon crosses the antimeridian."""

    area_id: str
    name: str
    kind: str
    """`fir` or `tracon`."""
    oceanic: bool
    prefixes: tuple[str, ...]
    """Of an approach unit: the beginnings of its stations' callsigns."""
    suffix: str | None
    """Of an approach unit: `APP` or `DEP` if the area is only that one's."""
    frequency_hz: int | None
    """Where the file says it; VATSpy's and SimAware's do not."""
    geometry: BaseGeometry


class AreaFile(NamedTuple):
    """What a file has."""

    name: str
    digest: str
    """Of its content: it stands for the cycle where the file names none."""
    areas: tuple[Area, ...]
    mended: Mended


class _Count:
    def __init__(self) -> None:
        self.open_rings = self.crossed_rings = self.over = 0
        self.unusable: list[str] = []


def read_areas(data: bytes, name: str, kind: str) -> AreaFile:
    """Read the features of a file.

    Args:
        data: its content
        name: for the errors and the answers
        kind: what its areas are, `fir` or `tracon`

    Raises:
        ValueError: it is no GeoJSON, or has not one usable area
    """
    try:
        document = msgspec.json.decode(data)
        features = document["features"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from error
    except (TypeError, KeyError) as error:
        raise ValueError(f"{name} is not a GeoJSON collection of features") from error
    if not isinstance(features, list):
        raise ValueError(f"{name} has no list of features")  # noqa: TRY004 - one kind for all
    count, found = _Count(), list[Area]()
    for number, feature in enumerate(features):
        try:
            found.append(_area(feature, kind, count))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            count.unusable.append(f"feature {number}: {error}")
        except (shapely.errors.GEOSException, RecursionError) as error:
            count.unusable.append(f"feature {number}: {error}")
    if not found:
        raise ValueError(f"{name} has no area that can be used")
    joined = [*_joined(found)]
    domestic = {area.area_id for area in joined if not area.oceanic}
    areas = tuple(
        replace(area, area_id=oceanic_id(area.area_id))
        if area.oceanic and area.area_id in domestic
        else area
        for area in joined
    )
    mended = Mended(
        same_ids=len(found) - len(joined),
        open_rings=count.open_rings,
        crossed_rings=count.crossed_rings,
        over_the_antimeridian=count.over,
        unusable=len(count.unusable),
        told=tuple(count.unusable[:TOLD_FEATURES]),
    )
    return AreaFile(name, blake2b(data, digest_size=8).hexdigest(), areas, mended)


def oceanic_id(area_id: str) -> str:
    """The id of the oceanic area of a centre that has a domestic one under its own."""
    return f"{area_id}-OCEANIC"


def _joined(areas: Sequence[Area]) -> Iterator[Area]:
    """Areas of one id, kind and user as one; domestic and oceanic ones stay apart."""
    alike: dict[tuple[str, bool, str | None], list[Area]] = {}
    for area in areas:
        alike.setdefault((area.area_id, area.oceanic, area.suffix), []).append(area)
    for first, *others in alike.values():
        if not others:
            yield first
            continue
        every = (first, *others)
        yield Area(
            first.area_id,
            first.name,
            first.kind,
            first.oceanic,
            tuple(dict.fromkeys(prefix for area in every for prefix in area.prefixes)),
            first.suffix,
            first.frequency_hz,
            shapely.union_all([area.geometry for area in every]),
        )


def _area(feature: Any, kind: str, count: _Count) -> Area:
    said = feature["properties"]
    area_id = str(said["id"]).strip().upper()
    if not area_id:
        raise ValueError("it has no id")
    geometry = _geometry(feature["geometry"], count)
    prefixes = said.get("prefix") or ()
    if isinstance(prefixes, str):
        prefixes = (prefixes,)
    suffix = said.get("suffix")
    return Area(
        area_id,
        str(said.get("name") or area_id),
        kind,
        str(said.get("oceanic", "0")).lower() in ("1", "true"),
        tuple(str(prefix).strip().upper() for prefix in prefixes),
        None if not suffix else str(suffix).upper(),
        _hertz(said.get("frequency")),
        geometry,
    )


def _hertz(megahertz: Any) -> int | None:
    try:
        hertz = round(float(megahertz) * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        return None
    return hertz if hertz > 0 else None


def _geometry(given: Any, count: _Count) -> BaseGeometry:
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


def _polygon(rings: Any, count: _Count) -> list[Polygon]:
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


def _ring(given: Any, count: _Count) -> list[tuple[float, float]]:
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
    return out if out and out[0] == out[-1] else ring


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
