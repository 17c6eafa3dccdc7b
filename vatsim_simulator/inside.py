"""In which areas a point is: regions by their square, sectors by counting the sides to its west."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import ceil, floor, inf
from typing import NamedTuple

import shapely

from vatsim_simulator.fir_cells import CELL_DEG, Cell, cell_at, firs
from vatsim_simulator.sectors import sectors

Side = tuple[float, float, float, float]


class _Piece(NamedTuple):
    """A polygon of a sector, holes included."""

    name: str
    sides: tuple[Side, ...]
    floor_ft: float
    ceiling_ft: float


def areas_at(latitude: float, longitude: float, altitude_ft: float) -> list[tuple[str, str]]:
    """Kind (`fir` or `sector`) and name of each area that the point is in."""
    fir = fir_at(latitude, longitude)
    found = [("fir", fir)] if fir else []
    for piece in _pieces().get(cell_at(latitude, longitude), ()):
        if piece.floor_ft <= altitude_ft < piece.ceiling_ft and _is_inside(
            piece, latitude, longitude
        ):
            found.append(("sector", piece.name))
    return found


def fir_at(latitude: float, longitude: float) -> str:
    """The region that the point is in, at any height; empty: none."""
    return _regions().get(cell_at(latitude, longitude), "")


def _is_inside(piece: _Piece, latitude: float, longitude: float) -> bool:
    west = 0
    for x1, y1, x2, y2 in piece.sides:
        if (y1 <= latitude) != (y2 <= latitude):
            west += x1 + (latitude - y1) / (y2 - y1) * (x2 - x1) <= longitude
    return west % 2 == 1


@cache
def _regions() -> dict[Cell, str]:
    return {
        cell: name
        for fir in firs()
        for cells, name in ((fir.cells, fir.fir_id), (fir.ocean, f"{fir.fir_id}-OCEANIC"))
        for cell in cells
    }


@cache
def _pieces() -> dict[Cell, list[_Piece]]:
    """The pieces that may have a point in the square."""
    found: dict[Cell, list[_Piece]] = {}
    for sector in sectors():
        for polygon in shapely.get_parts(sector.shape):
            rings = [list(ring.coords) for ring in (polygon.exterior, *polygon.interiors)]
            sides = tuple((*one[:2], *other[:2]) for ring in rings for one, other in pairwise(ring))
            lowest = -inf if sector.floor_ft is None else sector.floor_ft
            highest = inf if sector.ceiling_ft is None else sector.ceiling_ft
            piece = _Piece(sector.name, sides, lowest, highest)
            west, south, east, north = (edge / CELL_DEG for edge in polygon.bounds)
            for row in range(floor(south), ceil(north)):
                for column in range(floor(west), ceil(east)):
                    found.setdefault((row, column), []).append(piece)
    return found
