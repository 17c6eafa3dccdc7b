"""Which FIR a place is in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from vatwatch.traffic.areas.area_file import Area
from vatwatch.traffic.areas.area_grid import AreaGrid


class FirMap:
    """The boundaries of the FIRs, for many places at once. Immutable."""

    def __init__(self, areas: Iterable[Area]) -> None:
        """`areas`: of which the FIRs count."""
        firs = [area for area in areas if area.kind == "fir"]
        # Where two of them overlap the smaller one goes first, and a domestic one before an ocean.
        firs.sort(key=lambda area: (area.oceanic, area.geometry.area, area.area_id))
        self._ids = [area.area_id for area in firs]
        self._geometries = np.array([area.geometry for area in firs], dtype=object)
        shapely.prepare(self._geometries)
        self._grid = AreaGrid(self._geometries)

    def inside(self, places: Sequence[tuple[float, float]]) -> dict[str, list[int]]:
        """The numbers of the places (latitude, longitude) in each FIR, for FIRs that have any.

        A place on the border of two is in both.
        """
        if not places or not self._ids:
            return {}
        y, x = np.array(places, np.float64).T
        usable = np.flatnonzero((np.abs(y) <= 90.0) & (np.abs(x) <= 180.0))
        number, fir, is_inside = self._grid.candidates(x[usable], y[usable])
        number = usable[number]
        near = np.flatnonzero(~is_inside)
        is_inside[near] = shapely.intersects_xy(
            self._geometries[fir[near]], x[number[near]], y[number[near]]
        )
        found: dict[str, list[int]] = {}
        for one, at in zip(fir[is_inside].tolist(), number[is_inside].tolist(), strict=True):
            found.setdefault(self._ids[one], []).append(at)
        return found

    def first(self, places: Sequence[tuple[float, float]]) -> list[str | None]:
        """The FIR of each place; of several the smallest one that is no ocean."""
        firs: list[str | None] = [None] * len(places)
        inside = self.inside(places)
        for area_id in self._ids:
            for number in inside.get(area_id, ()):
                if firs[number] is None:
                    firs[number] = area_id
        return firs
