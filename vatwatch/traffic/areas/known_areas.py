"""All that the operator's files tell about areas and positions, as one value.

`known_areas` makes it of the files that were read. It is immutable, and two of the same files are
equal, so it can be handed around and compared like a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import count

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.areas.area_file import APPROACH, Area, oceanic_id, users_of
from vatwatch.traffic.areas.area_shapes import shape_of
from vatwatch.traffic.areas.fir_map import FirMap
from vatwatch.traffic.areas.mended_geometry import Mended
from vatwatch.traffic.areas.positions import FoundPosition, Positions, positions_of
from vatwatch.traffic.areas.sector_map import SectorMap
from vatwatch.traffic.areas.vatspy import VatspyFile
from vatwatch.traffic.areas.volumes import FIR, Volume

# Positions of stations that are remembered. Some hundred are online at once; a program that makes
# up callsigns must not fill the memory.
REMEMBERED = 10_000


class AreaSource(Struct, frozen=True):
    """A file or an address, and what it gave."""

    name: str
    """The file's, or the address, without a password."""
    kind: str
    """`vatspy`, `fir`, `tracon` or `sector`."""
    cycle: str
    """What the file calls its own version; the digest of its content if it does not."""
    areas: int
    """How many areas it has; of a `vatspy` file, how many positions."""
    mended: Mended


class ReadFile(Struct, frozen=True):
    """One of the operator's files, read."""

    source: AreaSource
    digest: str
    """Of its content."""
    vatspy: VatspyFile | None = None
    areas: tuple[Area, ...] = ()
    sectors: tuple[Volume, ...] = ()


class KnownAreas(Struct, frozen=True, eq=False, dict=True):
    """The areas, who works them, and where all of it is from. Made by `known_areas`."""

    positions: Positions
    areas: Mapping[str, Area]
    """FIRs and approach units, by id."""
    sources: tuple[AreaSource, ...]
    """In the order in which the operator named them."""
    digest: str
    """Of the content of all files; empty without one."""
    firs_of_airports: Mapping[str, str]
    """Id of the area, by ICAO code, as far as the files say it."""
    volumes: tuple[Volume, ...] = ()
    """What aircraft enter and leave: the FIRs, and the sectors of all files."""

    def fir_of_airport(self, icao: str) -> str | None:
        """The id of the FIR that an airport is in, as the files say it, else by its place; None if
        it is in none, or nobody knows the airport."""
        code = icao.upper()
        if code in self.firs_of_airports:
            return self.firs_of_airports[code]
        airport = load_airports().get(code)
        if airport is None or not self.areas:
            return None
        place = np.array([[airport.latitude], [airport.longitude], [0.0]])
        there = [
            self.sector_map.sectors[number] for number in self.sector_map.inside(*place).sectors
        ]
        return next((sector.name for sector in there if sector.kind == FIR), None)

    def position_of(self, callsign: str, frequency_hz: int | None) -> FoundPosition:
        """The position that a station works, as `Positions.find`; quick for one asked before."""
        asked = (callsign, frequency_hz)
        found = self._found.get(asked)
        if found is None:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            found = self._found[asked] = self.positions.find(callsign, frequency_hz)
        return found

    def shape(self, kind: str, name: str) -> bytes:
        """A FIR, approach unit or sector in use, as a geometry of GeoJSON. Made once."""
        made = self._shapes.get((kind, name))
        if made is None:
            parts = (
                [self.areas[name].geometry]
                if kind in (FIR, APPROACH)
                else [each.geometry for each in self.sector_map.by_name[kind, name].volumes]
            )
            made = self._shapes[kind, name] = shape_of(parts)
        return made

    @cached_property
    def _shapes(self) -> dict[tuple[str, str], bytes]:
        return {}

    @cached_property
    def sector_names(self) -> tuple[str, ...]:
        """What the sectors are called, each once, sorted."""
        return tuple(sorted({each.name for each in self.volumes if each.kind != FIR}))

    @cached_property
    def sector_map(self) -> SectorMap:
        """The volumes, ready to be asked which of them has a point."""
        return SectorMap(self.volumes)

    @cached_property
    def fir_map(self) -> FirMap:
        """The boundaries of the FIRs, ready to be asked which of them have a place."""
        return FirMap(self.areas.values())

    @cached_property
    def _found(self) -> dict[tuple[str, int | None], FoundPosition]:
        return {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KnownAreas) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"KnownAreas({len(self.areas)}, digest={self.digest!r})"


def known_areas(files: Sequence[ReadFile]) -> KnownAreas:
    """Put the files together. Where two of them have one id, the first is taken."""
    if not files:
        return NO_AREAS
    vatspy = _together([file.vatspy for file in files if file.vatspy is not None])
    firs = _first_of_each(files, "fir", taken=frozenset())
    if vatspy is not None:
        firs = dict(_called(firs, vatspy))
    tracons = _first_of_each(files, APPROACH, taken=frozenset(firs))
    return KnownAreas(
        positions=positions_of(vatspy, firs.values(), tracons.values()),
        areas={**firs, **tracons},
        sources=tuple(file.source for file in files),
        digest=_digest_of(files),
        firs_of_airports={} if vatspy is None else dict(_firs_of_airports(vatspy, firs)),
        volumes=(*map(_volume, firs.values()), *(each for file in files for each in file.sectors)),
    )


def _volume(fir: Area) -> Volume:
    """A FIR as a volume: from the ground up, without a ceiling."""
    return Volume(FIR, fir.area_id, None, None, fir.geometry, fir.source, fir.cycle)


def _digest_of(files: Sequence[ReadFile]) -> str:
    parts = (f"{file.source.kind} {file.digest} {file.source.name}\n" for file in files)
    return blake2b("".join(parts).encode(), digest_size=8).hexdigest()


def _together(files: Sequence[VatspyFile]) -> VatspyFile | None:
    if len(files) < 2:
        return files[0] if files else None
    return VatspyFile(
        called={
            letters: called for file in reversed(files) for letters, called in file.called.items()
        },
        airports=tuple(airport for file in files for airport in file.airports),
        firs=tuple(fir for file in files for fir in file.firs),
        uirs=tuple(uir for file in files for uir in file.uirs),
    )


def _first_of_each(
    files: Iterable[ReadFile], kind: str, *, taken: frozenset[str]
) -> dict[str, Area]:
    """The areas of a kind by id, with ids that are unique.

    An approach unit may have the id of a FIR, or of another unit: one of `APP` and one of `DEP`, or
    two of one radar room.
    """
    found: dict[str, Area] = {}
    users: set[tuple[object, ...]] = set()
    for file, area in ((f, area) for f in files for area in f.areas if area.kind == kind):
        known = users_of(area) if kind == APPROACH else (area.area_id,)
        if known not in users:
            users.add(known)
            unique = next(one for one in _ids(area) if one not in found and one not in taken)
            source = file.source
            found[unique] = replace(area, area_id=unique, source=source.name, cycle=source.cycle)
    return found


def _called(firs: Mapping[str, Area], vatspy: VatspyFile) -> Iterator[tuple[str, Area]]:
    """FIRs with the names that VATSpy.dat has for them, as the boundaries have only ids.

    Several positions may have one area. Its own name is that of the row with its id.
    """
    names: dict[str, str] = {}
    for row in sorted(vatspy.firs, key=lambda row: row.fir != row.area):
        names.setdefault(row.area, row.name)
    for area_id, area in firs.items():
        plain = area_id.removesuffix(oceanic_id(""))
        # A boundary without a name is called by its id.
        name = names.get(plain, plain) if area.name == plain else area.name
        yield area_id, replace(area, name=name)


def _ids(area: Area) -> Iterator[str]:
    """The ids that an area may have, the best first."""
    yield area.area_id
    if area.suffix:
        yield f"{area.area_id}-{area.suffix}"
    for prefix in area.prefixes:
        yield f"{area.area_id}-{prefix}"
    for number in count(2):
        yield f"{area.area_id}-{number}"


def _firs_of_airports(vatspy: VatspyFile, firs: Mapping[str, Area]) -> Iterator[tuple[str, str]]:
    """Airports are told with a FIR's id, which may be another one than that of its area."""
    area_of: dict[str, str] = {}
    for row in vatspy.firs:
        area_of.setdefault(row.fir, row.area)
    for airport in reversed(vatspy.airports):  # so that the first row of a code is the one kept
        area = airport.fir if airport.fir in firs else area_of.get(airport.fir, "")
        if area in firs and not airport.is_pseudo:
            yield airport.icao, area


NO_AREAS = KnownAreas(Positions({}), {}, (), "", {})
"""Without files: every station is a circle."""
