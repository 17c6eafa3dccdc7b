"""Volumes of airspace, and sectors read from GeoJSON.

A sector is a feature with a Polygon or a MultiPolygon. Of its properties these are read, in any
case of letters: `name` (or `id`, `ident`, `sector`), `floor` and `ceiling` (or `lower` and
`upper`, also with `_ft`, `_fl`, `_limit` or `Limit` behind; `areas.levels` reads the values), and
`warning`, the number of aircraft from which on an alert is wanted. All are optional: a sector
without a name gets one that is made of its content, so that it is the same as long as the content
is.

Features of one name are one sector: with one floor and ceiling one volume, else several. The
geometry is mended as that of areas is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import shapely
from msgspec import Struct
from msgspec.structs import replace
from shapely.geometry.base import BaseGeometry

from vatwatch.traffic.areas.levels import FEET_OF_A_LEVEL, read_level
from vatwatch.traffic.areas.mended_geometry import (
    UNUSABLE,
    GeometryFaults,
    Mended,
    features_of,
    usable_geometry,
)

FIR = "fir"
SECTOR = "sector"
_NAMES = ("name", "id", "ident", "sector")
_FLOORS = ("floor", "lower", "lowerlimit", "bottom", "min")
_CEILINGS = ("ceiling", "upper", "upperlimit", "top", "max")
MAX_NAME = 100


class Volume(Struct, frozen=True):
    """A part of a FIR or of a sector: an area between two heights, in feet above sea level."""

    kind: str
    """`fir` or `sector`."""
    name: str
    floor_ft: int | None
    """What is at it is inside; None and 0: down to the ground, however deep."""
    ceiling_ft: int | None
    """What is at it is outside; None: no bound."""
    geometry: BaseGeometry
    """Degrees WGS84; no polygon crosses the antimeridian."""
    source: str = ""
    """The file's name."""
    cycle: str = ""
    """Of the data: what the file says, else its digest."""
    warning: int | None = None
    """The load from which on its file wants an alert."""


class SectorFile(NamedTuple):
    """What a file of sectors has."""

    name: str
    digest: str
    volumes: tuple[Volume, ...]
    mended: Mended


def read_sectors(data: bytes, name: str, cycle: str = "") -> SectorFile:
    """Read the sectors of a file.

    Args:
        data: its content
        name: for the errors and the answers
        cycle: of the data; empty: the digest of the content stands for it

    Raises:
        ValueError: it is no GeoJSON, or has not one usable sector
    """
    features = features_of(data, name)
    digest = blake2b(data, digest_size=8).hexdigest()
    count, found = GeometryFaults(), list[Volume]()
    for number, feature in enumerate(features):
        try:
            volume = _volume(msgspec.json.decode(feature), number, count)
        except UNUSABLE as error:
            count.leave_out(number, error)
        else:
            found.append(replace(volume, source=name, cycle=cycle or digest))
    if not found:
        raise ValueError(f"{name} has no sector that can be used")
    volumes = tuple(_joined(found))
    mended = count.mended(same_ids=len(found) - len(volumes))
    return SectorFile(name, digest, volumes, mended)


def _joined(volumes: Sequence[Volume]) -> Iterator[Volume]:
    """Volumes of one name, floor and ceiling as one. Names that differ only in case are one."""
    alike: dict[tuple[str, int | None, int | None], list[Volume]] = {}
    spelled: dict[str, str] = {}
    for each in volumes:
        spelled.setdefault(each.name.casefold(), each.name)
        key = each.name.casefold(), each.floor_ft, each.ceiling_ft
        alike.setdefault(key, []).append(each)
    for (folded, _, _), (first, *others) in alike.items():
        geometry, warnings = first.geometry, [first.warning]
        if others:
            geometry = shapely.union_all([geometry, *(each.geometry for each in others)])
            warnings += [each.warning for each in others]
        yield replace(
            first,
            name=spelled[folded],
            geometry=geometry,
            warning=min((each for each in warnings if each is not None), default=None),
        )


def _volume(feature: Any, number: int, count: GeometryFaults) -> Volume:
    said = {str(key).lower().replace("_", ""): value for key, value in _said(feature).items()}
    geometry = usable_geometry(feature["geometry"], count)
    floor_ft = _level(said, _FLOORS, number, count)
    ceiling_ft = _level(said, _CEILINGS, number, count)
    if floor_ft is not None and ceiling_ft is not None and floor_ft >= ceiling_ft:
        raise ValueError(f"its floor, {floor_ft} ft, is not below its ceiling, {ceiling_ft} ft")
    texts = (str(said.get(key, "")).strip() for key in _NAMES if said.get(key) is not None)
    ident = feature.get("id")
    name = next((text for text in texts if text), "" if ident is None else str(ident).strip())
    name = "".join(letter for letter in name if letter.isprintable())[:MAX_NAME].strip()
    return Volume(
        SECTOR,
        name or _made_up(geometry, floor_ft, ceiling_ft),
        floor_ft,
        ceiling_ft,
        geometry,
        warning=_warning(said.get("warning"), number, count),
    )


def _said(feature: Any) -> Mapping[Any, Any]:
    said = feature.get("properties") or {}
    if not isinstance(said, dict):
        raise ValueError("its properties are not an object")  # noqa: TRY004 - one kind for all
    return said


def _level(
    said: Mapping[str, Any], names: Sequence[str], number: int, count: GeometryFaults
) -> int | None:
    """The first that is there, in feet. One that cannot be read is counted, and has no bound."""
    for name in names:
        for suffix, factor in (("", 1), ("ft", 1), ("fl", FEET_OF_A_LEVEL)):
            value = said.get(name + suffix)
            if value is None:
                continue
            try:
                feet = read_level(value)
            except ValueError as error:
                count.levels.append(f"feature {number}: {error}")
                return None
            says_so = isinstance(value, str) and value.strip().upper().startswith("F")
            return feet if feet is None or says_so else feet * factor
    return None


def _warning(said: Any, number: int, count: GeometryFaults) -> int | None:
    if said is None:
        return None
    try:
        level = int(said)
    except (TypeError, ValueError, OverflowError):
        level = 0
    if level < 1:
        count.levels.append(f"feature {number}: {str(said)[:40]!r} is no number of aircraft")
        return None
    return level


def _made_up(geometry: BaseGeometry, floor_ft: int | None, ceiling_ft: int | None) -> str:
    content = f"{geometry.normalize().wkt} {floor_ft} {ceiling_ft}"
    return f"unnamed-{blake2b(content.encode(), digest_size=4).hexdigest()}"
