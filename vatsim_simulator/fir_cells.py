"""Whose the sky is: squares of the map, each in one flight information region (FIR).

The regions are invented from the aerials of the simulator's centres, and are nobody's in the world.
Each square that a centre reaches belongs to the centre with the nearest aerial. Some centres on a
coast have an oceanic region, too: the squares of an ocean that no centre reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from math import ceil, cos, floor, radians

from msgspec import Struct

from vatsim_simulator.places import Centre, places
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.geometry import distance_nm

CELL_DEG = 2
CENTRE_RANGE_NM = 180
COLUMNS = 360 // CELL_DEG

Cell = tuple[int, int]
"""Row and column: the square from (2·row, 2·column) degrees to the north and the east."""

# Upper regions, which several centres share; they own no square.
UPPER_REGIONS = {"EDUU_E": ("EDGG", "EDMM")}
# Centres with an ocean: south, west, north and east in degrees. East of 180 the count goes on.
_OCEANS = {
    "EISN": (44, -40, 62, -8),
    "LPPC": (16, -40, 44, -8),
    "NY": (20, -74, 44, -40),
    "OAK": (16, -150, 56, -122),
    "HNL": (4, -176, 38, -150),
    "NZZC": (-56, 162, -4, 212),
    "RJJJ_E": (14, 132, 52, 180),
}


class Fir(Struct, frozen=True):
    """A region and its oceanic twin."""

    fir_id: str
    centre: Centre
    cells: frozenset[Cell]
    ocean: frozenset[Cell]
    """Empty, but for those on a coast."""

    @property
    def name(self) -> str:
        """Of the town beside its first aerial."""
        return self.centre.aerials[0].city.split(",")[0].split("/")[0] or self.fir_id


def cell_at(latitude: float, longitude: float) -> Cell:
    """The square of a point; degrees WGS84."""
    return floor(latitude / CELL_DEG), _wrapped(floor(longitude / CELL_DEG))


@cache
def firs() -> tuple[Fir, ...]:
    """Every region, in the order of the centres."""
    owner = _owners()
    owned: dict[str, set[Cell]] = {}
    for cell, prefix in owner.items():
        owned.setdefault(prefix, set()).add(cell)
    found, taken = [], set(owner)
    for centre in places().centres:
        if centre.prefix not in owned:
            continue
        ocean = frozenset(_box(*_OCEANS.get(centre.prefix, (0, 0, 0, 0)))) - taken
        taken |= ocean
        found.append(Fir(_fir_id(centre), centre, frozenset(owned[centre.prefix]), ocean))
    return tuple(found)


@cache
def fir_of_cell() -> Mapping[Cell, Fir]:
    """The region of each square that is in one; oceans are not among them."""
    return {cell: fir for fir in firs() for cell in fir.cells}


def fir_by_prefix(callsign: str) -> Fir | None:
    """The region of a centre's callsign, with or without an infix of its own."""
    parts = callsign.split("_")
    by_prefix = _by_prefix()
    return next(
        (
            by_prefix[prefix]
            for end in range(len(parts) - 1, 0, -1)
            if (prefix := "_".join(parts[:end])) in by_prefix
        ),
        None,
    )


@cache
def _by_prefix() -> Mapping[str, Fir]:
    return {fir.centre.prefix: fir for fir in firs()}


def cells_around(aerial: Airport) -> Iterator[Cell]:
    """The squares whose centres are as near to the aerial's square as a centre reaches."""
    row, column = cell_at(aerial.latitude, aerial.longitude)
    squeeze = max(0.2, cos(radians(aerial.latitude)))
    rows = ceil(CENTRE_RANGE_NM / 60 / CELL_DEG)
    columns = ceil(rows / squeeze)
    for up in range(-rows, rows + 1):
        for right in range(-columns, columns + 1):
            north_nm, east_nm = up * CELL_DEG * 60, right * CELL_DEG * 60 * squeeze
            if north_nm**2 + east_nm**2 <= CENTRE_RANGE_NM**2:
                yield row + up, _wrapped(column + right)


def _owners() -> dict[Cell, str]:
    """The centre with the nearest aerial, for each square that one reaches."""
    nearest: dict[Cell, tuple[float, str]] = {}
    for centre in places().centres:
        if centre.prefix in UPPER_REGIONS:
            continue
        for aerial in centre.aerials:
            for cell in cells_around(aerial):
                middle = (cell[0] + 0.5) * CELL_DEG, (cell[1] + 0.5) * CELL_DEG
                away_nm = distance_nm(*middle, aerial.latitude, aerial.longitude)
                if cell not in nearest or away_nm < nearest[cell][0]:
                    nearest[cell] = (away_nm, centre.prefix)
    return {cell: prefix for cell, (_, prefix) in nearest.items()}


def _box(south: int, west: int, north: int, east: int) -> Iterator[Cell]:
    for row in range(south // CELL_DEG, north // CELL_DEG):
        for column in range(west // CELL_DEG, east // CELL_DEG):
            yield row, _wrapped(column)


def _wrapped(column: int) -> int:
    """Over the 180th meridian the columns begin again."""
    return (column + COLUMNS // 2) % COLUMNS - COLUMNS // 2


def _fir_id(centre: Centre) -> str:
    """The prefix, with the letters of the country before it where it does not begin with them."""
    country = centre.aerials[0].icao[: 1 if centre.aerials[0].icao[0] in "KC" else 2]
    prefix = centre.prefix.replace("_", "-")
    return prefix if prefix.startswith(country) and len(prefix) > 3 else f"{country}-{prefix}"
