"""A map of the world in cells of a degree, which tells of most points at once what they are in.

Of an area whose border does not come into a cell, the cell has either all or nothing. So only in
the cells that a border crosses somebody has to look at the border.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Of the cells.
COLUMNS, ROWS = 360, 180
# A tenth of a millimetre: more than what is lost where a segment is divided.
SLACK_DEG = 1e-9


class Candidates(NamedTuple):
    """Pairs of a point and an area that may have it, in the order of the points; in all columns
    one in each row."""

    point: Ints
    area: Ints
    is_inside: Bools
    """That it has the point is certain; else the point is near the border, on either side."""


class AreaGrid:
    """Which areas each cell is in, and which have a border there. Immutable."""

    def __init__(self, geometries: NDArray[Any]) -> None:
        """`geometries`: polygons, in degrees, prepared. A map of the world takes a fifth of a
        second, mostly without the interpreter lock."""
        count = max(1, len(geometries))
        border = np.unique(_border_cells(geometries, count))
        # An area may be found in a cell by several of its polygons.
        whole = np.setdiff1d(_cells_in_bounds(geometries, count), border)
        cell, area = np.divmod(whole, count)
        x, y = cell % COLUMNS - 180 + 0.5, cell // COLUMNS - 90 + 0.5
        whole = whole[shapely.contains_xy(geometries[area], x, y)]
        entries = np.concatenate([whole, border])
        order = np.argsort(entries)
        cell, self._area = np.divmod(entries[order], count)
        self._is_inside = order < len(whole)
        self._first = np.searchsorted(cell, np.arange(COLUMNS * ROWS + 1))

    def candidates(self, x: Floats, y: Floats) -> Candidates:
        """The areas that may have each point.

        Args:
            x: degrees, from -180 to 180, which are two different borders
            y: degrees, from -90 to 90
        """
        cells = _cells(np.column_stack([x, y]))
        cell = cells[:, 1] * COLUMNS + cells[:, 0]
        first, last = self._first[cell], self._first[cell + 1]
        point, row = _ranges(first, last - first)
        return Candidates(point, self._area[row], self._is_inside[row])


def _border_cells(geometries: NDArray[Any], count: int) -> Ints:
    """The cells that borders come into: the number of the cell times `count`, plus the area's."""
    rings, of_ring = shapely.get_parts(shapely.boundary(geometries), return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    begins = np.flatnonzero(ring[1:] == ring[:-1])
    start, way = points[begins], points[begins + 1] - points[begins]
    # In pieces of half a cell, so that each is in two columns and two rows at most.
    longest = np.abs(way).max(axis=1, initial=0)
    pieces = np.maximum(1, np.ceil(2 * longest)).astype(np.int64)
    segment, number = _ranges(np.zeros_like(pieces), pieces)
    step = way[segment] / pieces[segment, None]
    ends = [start[segment] + step * (number + n)[:, None] for n in (0, 1)]
    lowest = _cells(np.minimum(*ends) - SLACK_DEG)
    highest = _cells(np.maximum(*ends) + SLACK_DEG)
    area = of_ring[ring[begins]][segment]
    return np.concatenate(
        [
            (rows[:, 1] * COLUMNS + columns[:, 0]) * count + area
            for rows in (lowest, highest)
            for columns in (lowest, highest)
        ]
    )


def _cells_in_bounds(geometries: NDArray[Any], count: int) -> Ints:
    """The cells around each polygon, as those of borders; without those that it cannot fill."""
    polygons, area = shapely.get_parts(geometries, return_index=True)
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    low, high = _cells(bounds[:, :2]), _cells(bounds[:, 2:])
    wide, tall = (high - low + 1).T
    polygon, number = _ranges(np.zeros_like(wide), wide * tall)
    column = low[polygon, 0] + number % wide[polygon]
    row = low[polygon, 1] + number // wide[polygon]
    return np.asarray((row * COLUMNS + column) * count + area[polygon], np.int64)


def _cells(points: Floats) -> Ints:
    """Column and row of each point; the nearest ones for what is at the edge of the world."""
    cells: Ints = np.floor(points).astype(np.int64) + np.array([180, 90])
    return cells.clip(0, [COLUMNS - 1, ROWS - 1])


def _ranges(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """For ranges of numbers that begin with `first`: the number of the range, and what is in it."""
    which = np.repeat(np.arange(len(count)), count)
    skipped = first - (np.cumsum(count) - count)
    return which, np.arange(len(which)) + skipped[which]
