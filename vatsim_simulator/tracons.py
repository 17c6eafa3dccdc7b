"""Approach units of the simulator's large airports: invented, and nobody's in the world.

An airport near a larger one is of that one's unit. Where two units would overlap the larger one
has it.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import shapely
from msgspec import Struct
from shapely.geometry.base import BaseGeometry

from vatsim_simulator.area_shapes import around
from vatsim_simulator.places import places
from vatsim_simulator.track import between_nm
from vatwatch.traffic.airports import Airport

# As far as the simulator's pilots call the approach.
REACH_NM = 45
SAME_UNIT_NM = 35
# With a unit of its own for departures, over the same ground.
WITH_DEPARTURES = ("EGLL", "KJFK", "KLAX")


class Tracon(Struct, frozen=True):
    """An approach unit, and the airports that it serves, the largest first."""

    airports: tuple[Airport, ...]
    shape: BaseGeometry
    suffix: str | None = None
    """`APP` or `DEP` if it is for these alone."""

    @property
    def tracon_id(self) -> str:
        """The largest airport's code, and `_DEP` if it is for departures."""
        return self.airports[0].icao + ("_DEP" if self.suffix == "DEP" else "")


@cache
def tracons() -> tuple[Tracon, ...]:
    """Every unit, those with the most traffic first."""
    units: list[list[Airport]] = []
    for hub in _by_traffic():
        near = [unit for unit in units if between_nm(unit[0], hub) <= SAME_UNIT_NM]
        if near:
            min(near, key=lambda unit: between_nm(unit[0], hub)).append(hub)
        else:
            units.append([hub])
    found: list[Tracon] = []
    for unit in units:
        shape = shapely.union_all([around(hub, REACH_NM) for hub in unit])
        for larger in found:
            if larger.shape.intersects(shape):
                shape = shape.difference(larger.shape)
        # Coordinates of the cuts, too, as a file would have them.
        shape = shapely.set_precision(shape, 0.0001)
        both = unit[0].icao in WITH_DEPARTURES
        found.append(Tracon(tuple(unit), shape, "APP" if both else None))
    departures = [Tracon(one.airports, one.shape, "DEP") for one in found if one.suffix == "APP"]
    return (*found, *departures)


def _by_traffic() -> list[Airport]:
    known = places()
    weights = [after - before for before, after in pairwise((0, *known.cumulative_weights))]
    ranked = sorted(zip(weights, known.hubs, strict=True), key=lambda pair: -pair[0])
    return [hub for _, hub in ranked]
