"""Where things are: great circles, and an airport's stands, runways and slope.

What an airport has is drawn from its ICAO code, so it is the same for all who use it.
"""

from __future__ import annotations

from functools import cache
from math import atan2, cos, degrees, hypot, radians, sin
from random import Random
from typing import NamedTuple

from vatwatch.traffic.airports import Airport
from vatwatch.traffic.geometry import EARTH_RADIUS_NM, bearing, distance_nm

Point = tuple[float, float]
"""Latitude and longitude, WGS84 degrees."""

# A large airport's runways are 3 to 4 km long, a small one's 1.2 to 2 km.
HUB_RUNWAY_NM = (1.6, 2.1)
FIELD_RUNWAY_NM = (0.7, 1.0)
LAKE_ASIDE_NM = 0.15
"""From the mooring to the middle of where seaplanes take off."""
TOUCHDOWN_NM = 0.16
"""Beyond the threshold: the aiming point is 300 to 400 m behind it (ICAO Annex 14, 5.2.5)."""
SLOPING_FIELDS = 0.25
SLOPE_FT_A_NM, STEEPEST_FT_A_NM = 50, 140
"""Most runways slope less than 1 % (61 ft a nautical mile); 2 % is the most for small ones
(ICAO Annex 14, 3.1.13)."""


class Leg(NamedTuple):
    """A great circle of the track, beginning `from_nm` after the track's start.

    Kept as two unit vectors from the earth's centre: one to the leg's start, and one at a right
    angle to it, in the leg's direction. A point is then a sine and a cosine away, which is what a
    network of ten thousand aircraft can afford every 15 s.
    """

    from_nm: float
    length_nm: float
    start: tuple[float, float, float]
    ahead: tuple[float, float, float]

    @classmethod
    def between(cls, from_nm: float, here: Point, there: Point) -> Leg:
        """The leg from one point to another."""
        latitude, longitude = radians(here[0]), radians(here[1])
        course = radians(bearing(*here, *there))
        start = (
            cos(latitude) * cos(longitude),
            cos(latitude) * sin(longitude),
            sin(latitude),
        )
        ahead = (
            -cos(course) * sin(latitude) * cos(longitude) - sin(course) * sin(longitude),
            -cos(course) * sin(latitude) * sin(longitude) + sin(course) * cos(longitude),
            cos(course) * cos(latitude),
        )
        return cls(from_nm, distance_nm(*here, *there), start, ahead)

    def at(self, nm: float) -> tuple[float, float, float]:
        """Latitude, longitude and course, `nm` after the leg's beginning."""
        angle = nm / EARTH_RADIUS_NM
        near, far = cos(angle), sin(angle)
        (x, y, z), (to_x, to_y, to_z) = self.start, self.ahead
        here_x, here_y, here_z = x * near + to_x * far, y * near + to_y * far, z * near + to_z * far
        east = here_x * (to_y * near - y * far) - here_y * (to_x * near - x * far)
        return (
            degrees(atan2(here_z, hypot(here_x, here_y))),
            degrees(atan2(here_y, here_x)),
            degrees(atan2(east, to_z * near - z * far)) % 360,
        )


class Runway(NamedTuple):
    """A runway in one of its two directions."""

    threshold: Point
    course: float
    length_nm: float

    def point(self, nm: float, aside_nm: float = 0.0) -> Point:
        """The point so far beyond the threshold (negative: before it), and to the right."""
        ahead = near(self.threshold, self.course, nm)
        return near(ahead, self.course + 90, aside_nm) if aside_nm else ahead


class Stand(NamedTuple):
    """Where an aircraft is parked; `airport` is None out in the country."""

    point: Point
    heading: int
    airport: Airport | None
    ground_ft: float


def near(point: Point, course: float, nm: float) -> Point:
    """A point a few miles away, where the earth is still flat; no airport is near a pole."""
    latitude, longitude = point
    north, east = nm * cos(radians(course)), nm * sin(radians(course))
    return latitude + north / 60, longitude + east / 60 / cos(radians(latitude))


def between_nm(one: Airport, other: Airport) -> float:
    """How far it is from one airport to the other."""
    return distance_nm(one.latitude, one.longitude, other.latitude, other.longitude)


def stand_of(random: Random, airport: Airport) -> Stand:
    """One of an airport's stands."""
    point = near(centre(airport), random.uniform(0, 360), random.uniform(0.1, 0.6))
    return Stand(point, random.randrange(360), airport, ground_ft(airport, point))


def runway_of(random: Random, airport: Airport, *, hub: bool) -> Runway:
    """The airport's runway, in the direction of today's wind."""
    course, length_nm, aside_nm = _runway(airport.icao, hub)
    if random.random() < 0.5:
        course = (course + 180) % 360
    middle = near(centre(airport), course + 90, aside_nm)
    return Runway(near(middle, course + 180, length_nm / 2), course, length_nm)


def lake_of(random: Random, stand: Stand) -> Runway:
    """Where a seaplane takes off and comes down that is moored out in the country."""
    course, length_nm = random.uniform(0, 360), random.uniform(*FIELD_RUNWAY_NM)
    middle = near(stand.point, course + 90, LAKE_ASIDE_NM)
    return Runway(near(middle, course + 180, length_nm / 2), course, length_nm)


def ground_ft(airport: Airport, point: Point) -> float:
    """How high the ground is there: the airport's elevation, but for those that slope.

    Water aerodromes are at sea level, and flat.
    """
    if not airport.elevation_ft:
        return 0.0
    steepness, towards = _slope(airport.icao)
    if not steepness:
        return float(airport.elevation_ft)
    away_nm = distance_nm(*centre(airport), *point)
    course = bearing(*centre(airport), *point)
    return airport.elevation_ft + steepness * away_nm * cos(radians(course - towards))


def centre(airport: Airport) -> Point:
    """The airport's reference point."""
    return (airport.latitude, airport.longitude)


@cache
def _runway(icao: str, hub: bool) -> tuple[float, float, float]:
    random = Random(f"runway/{icao}")  # noqa: S311 - no secret
    length_nm = random.uniform(*(HUB_RUNWAY_NM if hub else FIELD_RUNWAY_NM))
    return random.uniform(0, 180), length_nm, random.uniform(-0.4, 0.4) if hub else 0.0


@cache
def _slope(icao: str) -> tuple[float, float]:
    """Feet a nautical mile, and the direction in which it rises."""
    random = Random(f"slope/{icao}")  # noqa: S311 - no secret
    if random.random() > SLOPING_FIELDS:
        return 0.0, 0.0
    return min(abs(random.gauss(0, SLOPE_FT_A_NM)), STEEPEST_FT_A_NM), random.uniform(0, 360)
