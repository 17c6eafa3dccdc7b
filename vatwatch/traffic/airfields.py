"""Which airport a place belongs to.

*The rule.* A place belongs to the nearest airport within 1.5 nm of its reference point. The plan's
own airports reach twice as far, 3 nm, and count as half as far away: the far end of a long runway
is nearer to them than to the small field beside it. If no airport reaches so far, the place is off
any airport, which is an answer too.

*How it is found.* The world is cut into cells of a tenth of a degree, and each cell holds the
airports that reach into it. A look-up is one look into a dictionary, and mostly finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from math import cos, floor, radians

from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.thresholds import threshold

OFF_AIRPORT = "off_airport"

REACH_NM = threshold(
    1.5,
    "nm",
    "The runways of nearly all airports end within it, and the next airport is farther away.",
    "VATSIM Radar's users ask for 1 nm at most (VR#1511); runways of 13,000 ft end at 1.1 nm.",
)
OWN_REACH_NM = threshold(
    3.0,
    "nm",
    "Large airports have stands and runway ends so far out, and a plan names one airport only.",
    "The ends of Denver's outer runways are 3 nm from its reference point.",
)

CELLS_A_DEGREE = 10
_COLUMNS = 360 * CELLS_A_DEGREE
_ROWS = 180 * CELLS_A_DEGREE


class Airfields:
    """Airports by place."""

    __slots__ = ("_cells",)

    def __init__(self, airports: Iterable[Airport]) -> None:
        cells: dict[int, tuple[Airport, ...]] = {}
        reach = REACH_NM / 60
        for airport in airports:
            south, north = _row(airport.latitude - reach), _row(airport.latitude + reach)
            # The circle is widest, in degrees of longitude, on its side towards the pole.
            narrowest = cos(radians(min(abs(airport.latitude) + reach, 90)))
            wide = reach / narrowest if narrowest > reach / 180 else 180.0
            if wide >= 180:
                columns = range(_COLUMNS)
            else:
                west = floor((airport.longitude - wide) * CELLS_A_DEGREE)
                columns = range(west, floor((airport.longitude + wide) * CELLS_A_DEGREE) + 1)
            for row in range(south, north + 1):
                for column in columns:
                    cell = row * _COLUMNS + column % _COLUMNS
                    cells[cell] = (*cells.get(cell, ()), airport)
        self._cells = cells

    def find(
        self, latitude: float, longitude: float, own: tuple[Airport, ...] = ()
    ) -> Airport | None:
        """The airport that a place (degrees) belongs to; `own` are the plan's."""
        cell = _row(latitude) * _COLUMNS + floor(longitude * CELLS_A_DEGREE) % _COLUMNS
        found, share = None, 1.0
        for airport in self._cells.get(cell, ()):
            away = distance_nm(latitude, longitude, airport.latitude, airport.longitude) / REACH_NM
            if away < share or (found is None and away <= 1):
                found, share = airport, away
        for airport in own:
            # Three miles are a twentieth of a degree of latitude: most are told so, and cheaply.
            if abs(airport.latitude - latitude) <= OWN_REACH_NM / 60:
                away = distance_nm(latitude, longitude, airport.latitude, airport.longitude)
                if away / OWN_REACH_NM <= share:
                    found, share = airport, away / OWN_REACH_NM
        return found


def _row(latitude: float) -> int:
    return min(max(floor((latitude + 90) * CELLS_A_DEGREE), 0), _ROWS - 1)


@cache
def airfields() -> Airfields:
    """All airports by place; built once, in about a third of a second."""
    return Airfields(load_airports().values())


@lru_cache(maxsize=16_384)
def filed_airport(text: str) -> Airport | None:
    """The airport that a plan names, if it is one that we know."""
    return load_airports().get(text.strip().upper())


@lru_cache(maxsize=16_384)
def filed_airports(departure: str, arrival: str) -> tuple[Airport, ...]:
    """The airports of a plan that we know: none, one or two."""
    both = (filed_airport(departure), filed_airport(arrival))
    return tuple(dict.fromkeys(airport for airport in both if airport is not None))
