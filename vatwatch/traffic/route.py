"""How far it is, and how straight it was flown."""

from __future__ import annotations

from vatwatch.traffic.airports import Airport
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.thresholds import threshold

SHORTEST_ROUTE_NM = threshold(
    40.0,
    "nm",
    "Below it, runways and patterns make up most of what is flown, and say nothing of the route.",
    "Eurocontrol's flight efficiency leaves out a circle of 40 nm around each airport",
)
LEAST_FLOWN = threshold(
    0.9,
    "",
    "Nobody flies less than the great circle; what is missing was flown unseen, in a gap or before "
    "the pilot connected. A tenth may be the way of the first and the last turn.",
)


def great_circle_nm(departure: Airport | None, arrival: Airport | None) -> float | None:
    """The shortest way between two airports, to a tenth of a mile. None if one is unknown."""
    if departure is None or arrival is None:
        return None
    nm = distance_nm(departure.latitude, departure.longitude, arrival.latitude, arrival.longitude)
    return round(nm, 1)


def route_efficiency(flown_nm: float, great_circle_nm: float | None) -> float | None:
    """Great circle by what was flown: 1 is straight, 0.5 is twice as far. For a whole flight.

    None where it means nothing: the airports are unknown or too near each other, or a part of the
    flight was not seen.
    """
    if great_circle_nm is None or great_circle_nm < SHORTEST_ROUTE_NM:
        return None
    if flown_nm < great_circle_nm * LEAST_FLOWN:
        return None
    return min(1.0, round(great_circle_nm / flown_nm, 3))
