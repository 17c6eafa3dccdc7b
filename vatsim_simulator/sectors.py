"""Sectors of the simulator's sky: invented, and of every form that a sector can have.

- *Low* ones are a busy region each, up to 24,500 ft. That of `EDGG` has a hole, in which the
  approach has a sector of its own.
- *High* ones are halves of a region, from 24,500 ft on: they touch each other and the low ones.
- *Wide* ones lie over others: one over the regions of several, and one over the 180th meridian.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from msgspec import Struct
from shapely.geometry.base import BaseGeometry

from vatsim_simulator.area_shapes import around, squares
from vatsim_simulator.fir_cells import COLUMNS, Cell, Fir, firs
from vatwatch.traffic.airports import load_airports

UPPER_FT = 24_500
HIGHEST_FT = 66_000
APPROACH_FT = 9_500
HOLED, HOLE_AT, HOLE_NM = "EDGG", "EDDF", 40
# What is worked from Maastricht in the world; here it is nobody's.
WIDE = ("EDGG", "EDWW", "EHAA", "EBBU-W")
_BUSY = """
EG-LON-S EG-LON-N EISN EHAA EDGG EDMM LFFF LSAS LOVV LECM LIMM EKDK OMAE RJJJ-E YS-ML-GUN
K-NY K-BOS K-DC K-ATL K-MIA K-CHI K-LAX K-OAK K-SEA
"""
_PACIFIC_ROWS = range(-26, 27)
_PACIFIC_COLUMNS = range(80, 103)


class Sector(Struct, frozen=True):
    """A piece of the sky. `None`: from the ground, or without an end."""

    name: str
    shape: BaseGeometry
    floor_ft: int | None
    ceiling_ft: int | None
    kind: str
    """`low`, `high` or `wide`: the file that it is in."""


@cache
def sectors() -> tuple[Sector, ...]:
    """Every sector."""
    by_id = {fir.fir_id: fir for fir in firs()}
    return (
        *_low([by_id[fir_id] for fir_id in _BUSY.split()]),
        *_high([by_id[fir_id] for fir_id in _BUSY.split()]),
        *_wide([by_id[fir_id] for fir_id in WIDE]),
    )


def _low(busy: list[Fir]) -> Iterator[Sector]:
    for fir in busy:
        shape = squares(fir.cells)
        if fir.fir_id == HOLED:
            approach = around(load_airports()[HOLE_AT], HOLE_NM)
            shape = shape.difference(approach)
            yield Sector(f"{HOLE_AT} Approach", approach, None, APPROACH_FT, "low")
        yield Sector(f"{fir.fir_id} Low", shape, None, UPPER_FT, "low")


def _high(busy: list[Fir]) -> Iterator[Sector]:
    for fir in busy:
        columns = sorted({column for _, column in fir.cells})
        middle = columns[len(columns) // 2]
        west = [cell for cell in fir.cells if cell[1] < middle]
        east = [cell for cell in fir.cells if cell[1] >= middle]
        for side, cells in (("West", west), ("East", east)):
            if cells:
                name = f"{fir.fir_id} High {side}"
                yield Sector(name, squares(cells), UPPER_FT, HIGHEST_FT, "high")


def _wide(under: list[Fir]) -> Iterator[Sector]:
    cells = [cell for fir in under for cell in fir.cells]
    yield Sector("Upper", squares(cells), 30_500, None, "wide")
    yield Sector("Pacific", squares(_pacific()), None, None, "wide")


def _pacific() -> Iterator[Cell]:
    for row in _PACIFIC_ROWS:
        for column in _PACIFIC_COLUMNS:
            yield row, column - COLUMNS if column >= COLUMNS // 2 else column
