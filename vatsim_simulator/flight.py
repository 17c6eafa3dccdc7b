"""A flight, from stand to stand: where it is at any second of its life.

The whole flight is worked out when it begins: a track of great circles, and a profile of stretches
in each of which speed changes evenly and height changes evenly. Where it is at a moment is then a
look-up, so a flight can be joined in the middle, and pauses with its pilot.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from itertools import pairwise
from math import atan2, cos, degrees, hypot, radians, sin
from random import Random
from typing import NamedTuple

from vatsim_simulator.fleet import AircraftType
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.geometry import EARTH_RADIUS_NM, bearing, distance_nm

TAXI_KT = 16
TURN_OFF_KT = 25
# Below this, 250 knots and no more.
SPEED_LIMIT_FT = 10_000
SPEED_LIMIT_KT = 250
RUNWAY_S = 38
PATTERN_FT = 1_500
LIGHT_DESCENT_FT_MIN = 600
DESCENT_FT_MIN = 2_000
APPROACH_FT_MIN = 850


class SimulatedPhase(StrEnum):
    """What a flight is doing, in the order in which it does it."""

    PARKED = "parked"
    TAXI_OUT = "taxi_out"
    TAKE_OFF = "take_off"
    CLIMB = "climb"
    CRUISE = "cruise"
    DESCENT = "descent"
    LANDING = "landing"
    TAXI_IN = "taxi_in"
    ARRIVED = "arrived"


class Fix(NamedTuple):
    """Where a flight is: WGS84 degrees, feet above sea level, knots, degrees true."""

    latitude: float
    longitude: float
    altitude_ft: float
    groundspeed_kt: float
    heading: int
    phase: SimulatedPhase
    flown_nm: float
    remaining_nm: float


class Stretch(NamedTuple):
    """A part of the profile: speed and height go evenly from one value to the other."""

    phase: SimulatedPhase
    begins_s: float
    lasts_s: float
    from_nm: float
    from_kt: float
    to_kt: float
    from_ft: float
    to_ft: float

    @property
    def length_nm(self) -> float:
        """What is covered in it."""
        return (self.from_kt + self.to_kt) / 2 * self.lasts_s / 3600


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
    def between(cls, from_nm: float, here: tuple[float, float], there: tuple[float, float]) -> Leg:
        """The leg from one point (latitude, longitude) to another."""
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


class SimulatedFlight:
    """One flight, worked out to its end. `at(second)` says where it is."""

    __slots__ = (
        "_begins",
        "_leg_begins",
        "_legs",
        "_parked_heading",
        "_stretches",
        "aircraft",
        "arrival",
        "cruise_ft",
        "cruise_kt",
        "departure",
        "distance_nm",
        "lasts_s",
    )

    def __init__(
        self, random: Random, aircraft: AircraftType, departure: Airport, arrival: Airport
    ) -> None:
        self.aircraft, self.departure, self.arrival = aircraft, departure, arrival
        self._legs = _track(random, departure, arrival)
        self._leg_begins = [leg.from_nm for leg in self._legs]
        self.distance_nm = self._legs[-1].from_nm + self._legs[-1].length_nm
        self._parked_heading = random.randrange(360)
        self.cruise_kt = aircraft.cruise_tas_kt * random.uniform(0.97, 1.03)
        self._stretches, self.cruise_ft = _profile(random, self)
        self._begins = [stretch.begins_s for stretch in self._stretches]
        self.lasts_s = self._stretches[-1].begins_s + self._stretches[-1].lasts_s

    def at(self, second: float) -> Fix:
        """Where the flight is, `second` after it began; before and after, where it stands."""
        stretch = self._stretches[max(0, bisect_right(self._begins, second) - 1)]
        passed_s = min(max(second - stretch.begins_s, 0.0), stretch.lasts_s)
        share = passed_s / stretch.lasts_s if stretch.lasts_s else 1.0
        gained_kt = (stretch.to_kt - stretch.from_kt) * share
        flown_nm = stretch.from_nm + (stretch.from_kt + gained_kt / 2) * passed_s / 3600
        leg = self._legs[max(0, bisect_right(self._leg_begins, flown_nm) - 1)]
        latitude, longitude, course = leg.at(flown_nm - leg.from_nm)
        if stretch.phase is SimulatedPhase.PARKED or stretch.phase is SimulatedPhase.ARRIVED:
            course = self._parked_heading
        return Fix(
            latitude,
            longitude,
            stretch.from_ft + (stretch.to_ft - stretch.from_ft) * share,
            stretch.from_kt + gained_kt,
            round(course) % 360,
            stretch.phase,
            flown_nm,
            max(self.distance_nm - flown_nm, 0.0),
        )

    def ground_ft(self, fix: Fix) -> float:
        """The ground below, as if it rose evenly from one airport to the other."""
        share = fix.flown_nm / self.distance_nm if self.distance_nm else 0.0
        rise_ft = self.arrival.elevation_ft - self.departure.elevation_ft
        return self.departure.elevation_ft + rise_ft * share

    def phase_ends_s(self, second: float) -> float:
        """When the stretch that it is in at this second ends; for the last one, never."""
        following = bisect_right(self._begins, second)
        return self._begins[following] if following < len(self._begins) else float("inf")


def _track(random: Random, departure: Airport, arrival: Airport) -> list[Leg]:
    """Stand, runway, great circle, runway, stand; around the airport when it is its own goal."""
    stand, runway = _stand_and_runway(random, departure)
    to_stand, to_runway = _stand_and_runway(random, arrival)
    points = [stand, runway]
    if departure.icao == arrival.icao:
        outward = random.uniform(0, 360)
        points += [_near(runway, outward + turn, random.uniform(6, 18)) for turn in (-35, 35)]
    points += [to_runway, to_stand]
    legs, from_nm = [], 0.0
    for here, there in pairwise(points):
        legs.append(Leg.between(from_nm, here, there))
        from_nm += legs[-1].length_nm
    return legs


def _stand_and_runway(
    random: Random, airport: Airport
) -> tuple[tuple[float, float], tuple[float, float]]:
    centre = (airport.latitude, airport.longitude)
    stand = _near(centre, random.uniform(0, 360), random.uniform(0.05, 0.4))
    runway = _near(centre, random.uniform(0, 360), random.uniform(0.5, 0.9))
    return stand, runway


def _near(point: tuple[float, float], course: float, nm: float) -> tuple[float, float]:
    """A point a few miles away, where the earth is still flat; no airport is near a pole."""
    latitude, longitude = point
    north, east = nm * cos(radians(course)), nm * sin(radians(course))
    return latitude + north / 60, longitude + east / 60 / cos(radians(latitude))


def _profile(random: Random, flight: SimulatedFlight) -> tuple[list[Stretch], int]:
    """The stretches, and the height they reach; a short flight flies lower."""
    aircraft, legs = flight.aircraft, flight._legs
    cruise_ft = _cruising_height_ft(random, aircraft, flight.distance_nm)
    taxi_out_nm, taxi_in_nm = legs[0].length_nm, legs[-1].length_nm
    airborne_nm = flight.distance_nm - taxi_out_nm - taxi_in_nm
    lowest_ft = max(flight.departure.elevation_ft, flight.arrival.elevation_ft) + 800
    while True:
        up = _up(flight, max(cruise_ft, lowest_ft))
        down = _down(flight, max(cruise_ft, lowest_ft))
        used_nm = sum(part.length_nm for part in up) + sum(part.length_nm for part in down)
        if used_nm <= airborne_nm or cruise_ft <= lowest_ft:
            break
        cruise_ft = max(int(cruise_ft * 0.85), int(lowest_ft))
    cruise_ft = max(cruise_ft, int(lowest_ft))
    cruise_kt = up[-1].to_kt
    cruise_nm = max(airborne_nm - used_nm, 0.0)
    departure_ft, arrival_ft = flight.departure.elevation_ft, flight.arrival.elevation_ft
    hold_s = random.uniform(20, 240)
    stretches = [
        _stretch(
            SimulatedPhase.PARKED, random.uniform(480, 2700), 0, 0, departure_ft, departure_ft
        ),
        _over(SimulatedPhase.TAXI_OUT, taxi_out_nm, TAXI_KT, departure_ft),
        _stretch(SimulatedPhase.TAXI_OUT, hold_s, 0, 0, departure_ft, departure_ft),
        *up,
        _over(SimulatedPhase.CRUISE, cruise_nm, cruise_kt, cruise_ft),
        *down,
        _over(SimulatedPhase.TAXI_IN, taxi_in_nm, TAXI_KT, arrival_ft),
        _stretch(SimulatedPhase.ARRIVED, random.uniform(180, 1500), 0, 0, arrival_ft, arrival_ft),
    ]
    return _in_line(stretches), cruise_ft


def _up(flight: SimulatedFlight, cruise_ft: float) -> list[Stretch]:
    aircraft, ground_ft = flight.aircraft, flight.departure.elevation_ft
    limit_kt = min(SPEED_LIMIT_KT, flight.cruise_kt)
    limit_ft = min(max(SPEED_LIMIT_FT, ground_ft + 2_000), cruise_ft)
    rate = aircraft.climb_ft_min
    # Short of the cruising speed when the climb is a short one.
    top_kt = limit_kt + (flight.cruise_kt - limit_kt) * min(
        1, max(0, cruise_ft - limit_ft) / 15_000
    )
    return [
        _stretch(SimulatedPhase.TAKE_OFF, RUNWAY_S, 0, aircraft.approach_kt, ground_ft, ground_ft),
        _climb(SimulatedPhase.CLIMB, aircraft.approach_kt, limit_kt, ground_ft, limit_ft, rate),
        # The higher, the thinner the air.
        _climb(SimulatedPhase.CLIMB, limit_kt, top_kt, limit_ft, cruise_ft, rate * 0.6),
    ]


def _down(flight: SimulatedFlight, cruise_ft: float) -> list[Stretch]:
    aircraft, ground_ft = flight.aircraft, flight.arrival.elevation_ft
    limit_kt = min(SPEED_LIMIT_KT, flight.cruise_kt)
    limit_ft = min(max(SPEED_LIMIT_FT, ground_ft + 2_000), cruise_ft)
    final_ft = min(ground_ft + PATTERN_FT, limit_ft)
    top_kt = limit_kt + (flight.cruise_kt - limit_kt) * min(
        1, max(0, cruise_ft - limit_ft) / 15_000
    )
    rate = LIGHT_DESCENT_FT_MIN if aircraft.light else DESCENT_FT_MIN
    approach_kt = aircraft.approach_kt
    return [
        _climb(SimulatedPhase.DESCENT, top_kt, limit_kt, cruise_ft, limit_ft, rate),
        _climb(SimulatedPhase.DESCENT, limit_kt, approach_kt * 1.2, limit_ft, final_ft, rate * 0.7),
        _climb(
            SimulatedPhase.LANDING,
            approach_kt * 1.2,
            approach_kt,
            final_ft,
            ground_ft,
            APPROACH_FT_MIN,
        ),
        _stretch(SimulatedPhase.LANDING, RUNWAY_S, approach_kt, TURN_OFF_KT, ground_ft, ground_ft),
    ]


def _cruising_height_ft(random: Random, aircraft: AircraftType, distance_nm: float) -> int:
    """A level that fits the distance: thousands of feet, and a light aircraft's five hundred."""
    if aircraft.light and aircraft.ceiling_ft < 20_000:
        return random.choice((1500, 2000, 2500, 3000, 3500, 4500, 5500, 6500, 8000))
    highest_ft = min(aircraft.ceiling_ft, int(6_000 + distance_nm * 75))
    lowest_ft = max(min(highest_ft - 6_000, 31_000), 4_000)
    return random.randint(lowest_ft // 1000, max(highest_ft, lowest_ft) // 1000) * 1000


def _stretch(
    phase: SimulatedPhase,
    lasts_s: float,
    from_kt: float,
    to_kt: float,
    from_ft: float,
    to_ft: float,
) -> Stretch:
    return Stretch(phase, 0.0, lasts_s, 0.0, from_kt, to_kt, from_ft, to_ft)


def _over(phase: SimulatedPhase, length_nm: float, speed_kt: float, height_ft: float) -> Stretch:
    return _stretch(phase, length_nm / speed_kt * 3600, speed_kt, speed_kt, height_ft, height_ft)


def _climb(
    phase: SimulatedPhase, from_kt: float, to_kt: float, from_ft: float, to_ft: float, ft_min: float
) -> Stretch:
    return _stretch(phase, abs(to_ft - from_ft) / ft_min * 60, from_kt, to_kt, from_ft, to_ft)


def _in_line(stretches: list[Stretch]) -> list[Stretch]:
    """One after the other, in time and along the track."""
    placed, begins_s, from_nm = [], 0.0, 0.0
    for stretch in stretches:
        placed.append(stretch._replace(begins_s=begins_s, from_nm=from_nm))
        begins_s += stretch.lasts_s
        from_nm += stretch.length_nm
    return placed
