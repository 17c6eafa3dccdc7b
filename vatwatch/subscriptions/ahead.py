"""ATC ahead: the stations that work an area on the great circle of a flight.

The way is the great circle from where the flight is to its filed airport of arrival, at its present
speed over ground; without a known airport there is no way. A centre or a flight service station is
ahead if its area covers a point of the way. Where no file has its area, it is a circle as wide as
its facility is heard (`ContactRules`). All other stations are ahead if they are of the airport of
arrival, and that is reached in time: who passes overhead does not talk to a tower.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import asin, atan2, cos, degrees, radians, sin

import numpy as np
import shapely
from numpy.typing import NDArray

from vatwatch.subscriptions.view import NetworkView
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.eta import SLOWEST_KT
from vatwatch.traffic.geometry import EARTH_RADIUS_NM, distance_nm
from vatwatch.traffic.network_state import Flight, Session
from vatwatch.traffic.station_place import AREA_SUFFIXES

# The way is looked at in steps of this length: no area that anybody works is smaller.
STEP_NM = 5.0


class WayAhead:
    """The points of a flight's way, and the minutes to each."""

    def __init__(
        self, start: tuple[float, float], end: tuple[float, float], speed_kt: float, minutes: float
    ) -> None:
        """Degrees WGS84; it ends after so many minutes, or at `end`."""
        whole = distance_nm(*start, *end)
        self.nm = min(whole, speed_kt * minutes / 60)
        self.reaches_the_end = self.nm >= whole
        steps = max(1, round(self.nm / STEP_NM))
        parts = [self.nm * step / steps for step in range(steps + 1)]
        points = [_on_great_circle(start, end, nm, whole) for nm in parts]
        self.minutes = [60 * nm / speed_kt for nm in parts]
        self.latitudes: NDArray[np.float64] = np.array([lat for lat, _ in points])
        self.longitudes: NDArray[np.float64] = np.array([lon for _, lon in points])

    def first_inside(self, covered: NDArray[np.bool_]) -> float | None:
        """The minutes to the first of the points that are covered."""
        found = np.flatnonzero(covered)
        return None if len(found) == 0 else self.minutes[int(found[0])]


def stations_ahead(
    flight: Flight, within_min: int, view: NetworkView
) -> Iterator[tuple[Session, float]]:
    """The stations ahead of a flight, each with the minutes until it is there, 0 if it is."""
    plan, fix = flight.parsed_plan, flight.progress.fix
    arrival = load_airports().get((plan.arrival_icao if plan is not None else None) or "")
    speed_kt = fix.groundspeed
    if not flight.progress.airborne or arrival is None or not (speed_kt or 0) >= SLOWEST_KT:
        return
    assert speed_kt is not None
    to = (arrival.latitude, arrival.longitude)
    way = WayAhead((fix.latitude, fix.longitude), to, speed_kt, within_min)
    there = view.stations_of_airport(arrival.icao) if way.reaches_the_end else frozenset()
    for session in view.stations:
        callsign = session.controller.callsign
        if callsign.rsplit("_", 1)[-1].upper() in AREA_SUFFIXES:
            minutes = _minutes_to_area(way, session, view)
        else:
            minutes = way.minutes[-1] if callsign in there else None
        if minutes is not None:
            yield session, minutes


def _minutes_to_area(way: WayAhead, session: Session, view: NetworkView) -> float | None:
    found = view.areas.position_of(
        session.controller.callsign, session.frequencies[-1].frequency_hz
    )
    ids = () if found.position is None else found.position.areas
    geometries = [view.areas.areas[i].geometry for i in ids if i in view.areas.areas]
    if geometries:
        inside = [shapely.intersects_xy(g, way.longitudes, way.latitudes) for g in geometries]
        return way.first_inside(np.logical_or.reduce(inside))
    reach_nm = view.rules.contacts.reach_nm(session.controller)
    if session.place is None or reach_nm is None:
        return None
    centre = (session.place.latitude, session.place.longitude)
    points = zip(way.latitudes.tolist(), way.longitudes.tolist(), strict=True)
    return way.first_inside(np.array([distance_nm(*centre, *p) <= reach_nm for p in points]))


def _on_great_circle(
    start: tuple[float, float], end: tuple[float, float], nm: float, whole_nm: float
) -> tuple[float, float]:
    """The point so many miles from `start` on the way to `end`, which is `whole_nm` long."""
    if whole_nm < 1e-6:
        return start
    lat1, lon1, lat2, lon2 = map(radians, (*start, *end))
    whole, part = whole_nm / EARTH_RADIUS_NM, nm / EARTH_RADIUS_NM
    one, other = sin(whole - part) / sin(whole), sin(part) / sin(whole)
    x = one * cos(lat1) * cos(lon1) + other * cos(lat2) * cos(lon2)
    y = one * cos(lat1) * sin(lon1) + other * cos(lat2) * sin(lon2)
    z = one * sin(lat1) + other * sin(lat2)
    return degrees(asin(max(-1.0, min(1.0, z)))), degrees(atan2(y, x))
