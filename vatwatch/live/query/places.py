"""Conditions on places: in a box between meridians and parallels, or near a point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import pi

import numpy as np

from vatwatch.live.query.bad_value import BadValue
from vatwatch.live.query.columns import Bools, PlaceColumn
from vatwatch.traffic.areas.area_grid import Floats
from vatwatch.traffic.geometry import EARTH_RADIUS_NM, distance_nm

# Half way around: nothing is further away.
MAX_NM = pi * EARTH_RADIUS_NM
# Two ways to compute one distance differ by less, and no aircraft is so small: 2 mm.
TOLERANCE_NM = 1e-6

_NUMBER = re.compile(r"[-+]?\d{1,5}(\.\d{1,15})?", re.ASCII)
_BOX = "must be west,south,east,north in degrees, such as -11,49,2,61"
_CIRCLE = "must be lat,lon,nm: degrees and nautical miles, such as 51.47,-0.45,40"


@dataclass(frozen=True, slots=True)
class BoxCondition:
    """A place is in a box, its border included. Degrees; `west` > `east`: over the antimeridian.

    The meridians of 180 and -180 are one.
    """

    west: float
    south: float
    east: float
    north: float

    @property
    def text(self) -> str:
        """The normal form, as it is written in a query."""
        return ",".join(map(_plain, (self.west, self.south, self.east, self.north)))

    def test(self, value: tuple[float, float]) -> bool:
        """Whether a place (latitude, longitude) fulfils it."""
        latitude, longitude = value
        if not self.south <= latitude <= self.north:
            return False
        return self._has(longitude) or (abs(longitude) == 180.0 and self._has(-longitude))

    def test_all(self, column: PlaceColumn) -> Bools:
        """Whether each place of a column fulfils it."""
        latitudes, longitudes = column.latitudes, column.longitudes
        between = self._have(longitudes)
        if self._has(180.0) or self._has(-180.0):
            between |= np.abs(longitudes) == 180.0
        return between & (latitudes >= self.south) & (latitudes <= self.north)

    def _has(self, longitude: float) -> bool:
        if self.west <= self.east:
            return self.west <= longitude <= self.east
        return longitude >= self.west or longitude <= self.east

    def _have(self, longitudes: Floats) -> Bools:
        after, before = longitudes >= self.west, longitudes <= self.east
        return after & before if self.west <= self.east else after | before


@dataclass(frozen=True, slots=True)
class CircleCondition:
    """A place is no further than `radius_nm` from a point, in a straight line over the globe."""

    latitude: float
    longitude: float
    radius_nm: float

    @property
    def text(self) -> str:
        """The normal form, as it is written in a query."""
        return ",".join(map(_plain, (self.latitude, self.longitude, self.radius_nm)))

    def test(self, value: tuple[float, float]) -> bool:
        """Whether a place (latitude, longitude) fulfils it."""
        away_nm = distance_nm(self.latitude, self.longitude, *value)
        return away_nm <= self.radius_nm + TOLERANCE_NM

    def test_all(self, column: PlaceColumn) -> Bools:
        """Whether each place of a column fulfils it."""
        here, there = np.radians(self.latitude), np.radians(column.latitudes)
        east = np.radians(column.longitudes - self.longitude)
        a = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(east / 2) ** 2
        away_nm = 2 * EARTH_RADIUS_NM * np.arcsin(np.sqrt(np.minimum(1.0, a)))
        found: Bools = away_nm <= self.radius_nm + TOLERANCE_NM
        return found


def read_box(given: str) -> BoxCondition:
    """`west,south,east,north`. Maps count longitudes on beyond 180; they are brought back.

    Raises BadValue.
    """
    west, south, east, north = _numbers(given, 4, _BOX)
    if not -90.0 <= south <= 90.0 or not -90.0 <= north <= 90.0:
        raise BadValue(f"{_BOX}; latitudes are from -90 to 90")
    if south > north:
        raise BadValue(f"{_BOX}; its south is north of its north")
    if abs(west) > 360.0 or abs(east) > 360.0:
        raise BadValue(f"{_BOX}; longitudes are from -180 to 180")
    if east - west >= 360.0:
        return BoxCondition(-180.0, south, 180.0, north)
    return BoxCondition(_brought_back(west), south, _brought_back(east), north)


def read_circle(given: str) -> CircleCondition:
    """`lat,lon,nm`. Raises BadValue."""
    latitude, longitude, radius_nm = _numbers(given, 3, _CIRCLE)
    if not -90.0 <= latitude <= 90.0:
        raise BadValue(f"{_CIRCLE}; latitudes are from -90 to 90")
    if abs(longitude) > 360.0:
        raise BadValue(f"{_CIRCLE}; longitudes are from -180 to 180")
    if not 0.0 <= radius_nm <= MAX_NM:
        raise BadValue(f"{_CIRCLE}; the distance is from 0 to {MAX_NM:.0f}")
    return CircleCondition(latitude, _brought_back(longitude), radius_nm)


def _brought_back(longitude: float) -> float:
    """A longitude from -180 to 180; one that is in there stays as it is."""
    if longitude > 180.0:
        return longitude - 360.0
    return longitude + 360.0 if longitude < -180.0 else longitude


def _numbers(given: str, count: int, must: str) -> list[float]:
    # A plus sign that was not escaped has become a space.
    texts = [each.strip() for each in given.split(",")]
    if len(texts) != count or any(_NUMBER.fullmatch(each) is None for each in texts):
        raise BadValue(must)
    return [float(each) + 0.0 for each in texts]


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)
