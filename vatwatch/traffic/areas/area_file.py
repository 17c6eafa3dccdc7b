"""Reads areas from GeoJSON: boundaries in VATSpy's form, and SimAware's of approach units.

Files in the field are not clean, and what is wrong is mended and counted (`Mended`): a ring that is
not closed is closed, one that crosses itself becomes the polygons that it makes, areas of one id
and kind are one area, and a polygon over the antimeridian is cut there. A feature of which nothing
is left costs itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import shapely
from msgspec import Struct
from msgspec.structs import replace
from shapely.geometry.base import BaseGeometry

from vatwatch.traffic.areas.mended_geometry import (
    UNUSABLE,
    GeometryFaults,
    Mended,
    features_of,
    usable_geometry,
)

# The kind of approach units' areas; of FIRs' it is `volumes.FIR`.
APPROACH = "tracon"


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
    """Of an approach unit: `APP`, `DEP` or `TWR` if the area is only that one's."""
    frequency_hz: int | None
    """Where the file says it; VATSpy's and SimAware's do not."""
    geometry: BaseGeometry
    source: str = ""
    """The file or address that has it; `known_areas` sets it, and the cycle."""
    cycle: str = ""


class AreaFile(NamedTuple):
    """What a file has."""

    name: str
    digest: str
    """Of its content: it stands for the cycle where the file names none."""
    areas: tuple[Area, ...]
    mended: Mended


def read_areas(data: bytes, name: str, kind: str) -> AreaFile:
    """Read the features of a file.

    Args:
        data: its content
        name: for the errors and the answers
        kind: what its areas are, `fir` or `tracon`

    Raises:
        ValueError: it is no GeoJSON, or has not one usable area
    """
    features = features_of(data, name)
    count, found = GeometryFaults(), list[Area]()
    for number, feature in enumerate(features):
        try:
            found.append(_area(msgspec.json.decode(feature), kind, count))
        except UNUSABLE as error:
            count.leave_out(number, error)
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
    mended = count.mended(same_ids=len(found) - len(joined))
    return AreaFile(name, blake2b(data, digest_size=8).hexdigest(), areas, mended)


def oceanic_id(area_id: str) -> str:
    """The id of the oceanic area of a centre that has a domestic one under its own."""
    return f"{area_id}-OCEANIC"


def users_of(area: Area) -> tuple[object, ...]:
    """What two areas must share to be one: the id, and who works them.

    Units of one radar room have its id and their own prefixes (SimAware's A80: Atlanta, Athens).
    """
    return area.area_id, area.oceanic, area.suffix, area.prefixes if area.kind == APPROACH else ()


def _joined(areas: Sequence[Area]) -> Iterator[Area]:
    """Areas of one id, kind and user as one; domestic and oceanic ones stay apart."""
    alike: dict[tuple[object, ...], list[Area]] = {}
    for area in areas:
        alike.setdefault(users_of(area), []).append(area)
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


def _area(feature: Any, kind: str, count: GeometryFaults) -> Area:
    said = feature["properties"]
    area_id = str(said["id"]).strip().upper()
    if not area_id:
        raise ValueError("it has no id")
    geometry = usable_geometry(feature["geometry"], count)
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
