"""Which FIRs and sectors points are in, many at a time.

A point on a border belongs to the area that begins to the north of it, or to the east if the border
runs north to south: as if it lay a hair further north, and by a far smaller hair further east. So
of areas that touch exactly one has it, also where several meet in a corner, and no area depends on
another one. The north pole itself is a hair south of itself. Of heights the floor is inside and the
ceiling outside; an altitude that is not known is inside only where there are no bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from msgspec import Struct
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from vatwatch.traffic.areas.area_grid import AreaGrid, Floats, Ints
from vatwatch.traffic.areas.volumes import Volume

_BELOW_THE_POLE = float(np.nextafter(90.0, 0.0))


class AirspaceSector(Struct, frozen=True):
    """A FIR or a sector: one or more volumes of one kind and name."""

    kind: str
    name: str
    volumes: tuple[Volume, ...]

    @property
    def floor_ft(self) -> int | None:
        """The lowest floor; None: it reaches down to the ground."""
        floors = [each.floor_ft for each in self.volumes]
        return None if None in floors else min(each for each in floors if each is not None)

    @property
    def ceiling_ft(self) -> int | None:
        """The highest ceiling; None: it has no bound."""
        ceilings = [each.ceiling_ft for each in self.volumes]
        return None if None in ceilings else max(each for each in ceilings if each is not None)

    @property
    def warning(self) -> int | None:
        """The lowest load that its volumes want an alert for."""
        wanted = (each.warning for each in self.volumes)
        return min((each for each in wanted if each is not None), default=None)


class Inside(NamedTuple):
    """Pairs of a point and a sector that has it, sorted by point: their numbers."""

    points: Ints
    sectors: Ints


class SectorMap:
    """Volumes, ready to be asked. Immutable; several threads may ask at once."""

    def __init__(self, volumes: Sequence[Volume]) -> None:
        """`volumes`: in any order; those of one kind and name are one sector."""
        ordered = sorted(volumes, key=_order)
        grouped: dict[tuple[str, str], list[Volume]] = {}
        for each in ordered:
            grouped.setdefault((each.kind, each.name), []).append(each)
        self.sectors: tuple[AirspaceSector, ...] = tuple(
            AirspaceSector(kind, name, tuple(parts)) for (kind, name), parts in grouped.items()
        )
        """Each FIR and sector once, by kind and name."""
        self.kinds = [sector.kind for sector in self.sectors]
        self.names = [sector.name for sector in self.sectors]
        parts = [each for sector in self.sectors for each in sector.volumes]
        self._geometries: NDArray[Any] = np.array([each.geometry for each in parts], dtype=object)
        shapely.prepare(self._geometries)
        self._grid = AreaGrid(self._geometries)
        self._floors = np.array([_floor(each) for each in parts], dtype=np.float64)
        self._ceilings = np.array(
            [np.inf if each.ceiling_ft is None else each.ceiling_ft for each in parts],
            dtype=np.float64,
        )
        self._sector_of = np.repeat(
            np.arange(len(self.sectors)), [len(sector.volumes) for sector in self.sectors]
        )

    def __len__(self) -> int:
        return len(self.sectors)

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], AirspaceSector]:
        """The sectors by kind and name."""
        return {(sector.kind, sector.name): sector for sector in self.sectors}

    def inside(self, latitudes: Floats, longitudes: Floats, altitudes: Floats) -> Inside:
        """The sectors that each point is in.

        Args:
            latitudes: degrees; a point that is not on the globe is in no sector
            longitudes: degrees, also beyond 180
            altitudes: feet above sea level, NaN where they are not known

        The three are of one length. Takes milliseconds for thousands of points, mostly without the
        interpreter lock.
        """
        if not len(self.sectors) or not len(latitudes):
            return Inside(np.empty(0, np.int64), np.empty(0, np.int64))
        y = np.where(latitudes == 90.0, _BELOW_THE_POLE, latitudes)
        x = np.where(longitudes >= 180.0, longitudes - 360.0, longitudes)
        x = np.where(x < -180.0, x + 360.0, x)
        usable = np.flatnonzero((np.abs(y) <= 90.0) & (np.abs(x) <= 180.0))
        point, parts, certain = self._grid.candidates(x[usable], y[usable])
        points = usable[point]
        # An altitude that is not known is neither at or above a floor nor below a ceiling.
        altitude = altitudes[points]
        floors, ceilings = self._floors[parts], self._ceilings[parts]
        right = (np.isneginf(floors) | (altitude >= floors)) & (
            np.isposinf(ceilings) | (altitude < ceilings)
        )
        certain &= right
        near = np.flatnonzero(right & ~certain)
        near = near[self._has(parts[near], x[points[near]], y[points[near]])]
        found = np.concatenate([np.flatnonzero(certain), near])
        # A sector has a point once, however many of its volumes do.
        pairs = np.unique(points[found] * len(self.sectors) + self._sector_of[parts[found]])
        return Inside(pairs // len(self.sectors), pairs % len(self.sectors))

    def _has(self, parts: Ints, x: Floats, y: Floats) -> Ints:
        """The rows in which the part has the point, by a look at its border."""
        # Those of one area behind each other: its border is in the processor's cache then.
        rows = np.argsort(parts.astype(np.uint32), kind="stable")
        shapes = self._geometries[parts[rows]]
        touched = np.flatnonzero(shapely.intersects_xy(shapes, x[rows], y[rows]))
        rows, shapes = rows[touched], shapes[touched]
        inside = shapely.contains_xy(shapes, x[rows], y[rows])
        for number in np.flatnonzero(~inside):
            row = rows[number]
            inside[number] = begins_at(shapes[number], float(x[row]), float(y[row]))
        return rows[inside]


def begins_at(geometry: BaseGeometry, x: float, y: float) -> bool:
    """Whether a point of its border belongs to an area, by the rule above.

    A line from the point to the east crosses the border an odd number of times. Exact, so that two
    areas that share an edge never both say yes or no.
    """
    inside = False
    px, py = Fraction(x), Fraction(y)
    for part in shapely.get_parts(geometry):
        for ring in (part.exterior, *part.interiors):
            points = shapely.get_coordinates(ring)
            above = points[:, 1] > y
            for number in np.flatnonzero(above[1:] != above[:-1]):
                (x1, y1), (x2, y2) = (map(Fraction, points[number + step]) for step in (0, 1))
                slope = (x2 - x1) / (y2 - y1)
                # Where it meets the edge, a hair further north the edge is where it leans to.
                to_the_east = x1 + (py - y1) * slope - px
                if to_the_east > 0 or (to_the_east == 0 and slope > 0):
                    inside = not inside
    return inside


def _order(volume: Volume) -> tuple[str, str, float, float]:
    ceiling = np.inf if volume.ceiling_ft is None else volume.ceiling_ft
    return volume.kind, volume.name, _floor(volume), ceiling


def _floor(volume: Volume) -> float:
    """A floor at the ground holds nobody out: some airports lie below the sea, and QNH is low."""
    return -np.inf if not volume.floor_ft else float(volume.floor_ft)
