"""How many aircraft each FIR and sector is expected to have, for the next hour.

Each flight is moved along the great circle to its airport of arrival, so that it gets there at its
ETA: it climbs to its filed level while its speed rises evenly from the present one to that of the
cruise, goes on level, and comes down with three degrees while its speed falls evenly to that of the
final. All times are stretched alike, so that they add up to the ETA. Where the way is too short for
the level, it climbs as far as there is room to come down again.

A flight on the ground with an ETA (not departed, its time en route filed) takes off that time
before its ETA, and flies in the same way. A flight in the air without an ETA stays where it is: it
is paused, or flies around, or nobody knows where to. After its ETA a flight is nowhere. An altitude
that is not known, or without a filed level not known for a flight that has not taken off, is inside
only where there are no bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import nan
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from msgspec import Struct

from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.areas.area_grid import Floats, Ints
from vatwatch.traffic.areas.sector_map import SectorMap
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.eta import (
    CLIMB_FPM_PER_KT,
    DESCENT_FT_NM,
    FINAL_FT,
    FINAL_KT,
    FINAL_OFFSET_KT,
    FINAL_SHARE,
    SLOWEST_CLIMB_FPM,
    climb_to_come_ft,
)
from vatwatch.traffic.geometry import EARTH_RADIUS_NM, distance_nm
from vatwatch.traffic.network_state import Flight
from vatwatch.traffic.thresholds import threshold

Number = TypeVar("Number", float, Floats)

STEP_MIN = threshold(5, "min", "An airliner crosses a small sector in this time.")
AHEAD_MIN = threshold(60, "min", "Further ahead, most of the load has not connected yet.")
MINUTES_AHEAD = tuple(range(STEP_MIN, AHEAD_MIN + 1, STEP_MIN))


class Standing(NamedTuple):
    """Where a flight stays: degrees, and feet above sea level (NaN: not known)."""

    latitude: float
    longitude: float
    altitude_ft: float


class Way(NamedTuple, Generic[Number]):
    """What is left of a way: a flight's, or of many flights each. Feet are above sea level; NaN is
    not known."""

    latitude: Number
    longitude: Number
    altitude_ft: Number
    to_latitude: Number
    to_longitude: Number
    to_ft: Number
    left_nm: Number
    begins_h: Number
    """From now to the take-off; 0 in the air."""
    ends_h: Number
    """From now to the landing."""
    speed_kt: Number
    cruise_kt: Number
    climb_ft: Number
    """To the level at which it will cruise; 0 if it does not climb."""


class ExpectedLoads(Struct, frozen=True):
    """How many aircraft each sector will have."""

    time: datetime
    minutes: tuple[int, ...]
    """From `time`: the moments, one row of `loads` for each."""
    loads: Ints
    """A column for each sector of the map, in its order."""

    def times(self) -> list[datetime]:
        """The moments."""
        return [self.time + timedelta(minutes=each) for each in self.minutes]


def expected_loads(
    flights: Iterable[Flight],
    sectors: SectorMap,
    time: datetime,
    minutes: tuple[int, ...] = MINUTES_AHEAD,
) -> ExpectedLoads:
    """Tell how many of these flights each sector will have.

    For a native thread: it takes some tens of milliseconds for two thousand flights.

    Args:
        flights: those online that count
        sectors: the FIRs and sectors
        time: of the snapshot that they are of
        minutes: how far ahead
    """
    ways: list[Way[float]] = []
    places: list[Standing] = []
    for flight in flights:
        found = ahead_of(flight, time)
        if isinstance(found, Way):
            ways.append(found)
        elif found is not None:
            places.append(found)
    hours = np.array(minutes, np.float64)[:, None] / 60
    there = np.array(places, np.float64).reshape(-1, 3).T
    steps, *moving = _projected(np.array(ways, np.float64).reshape(-1, len(Way._fields)), hours)
    standing = [np.tile(each, len(minutes)) for each in there]
    inside = sectors.inside(
        *(np.concatenate(both) for both in zip(moving, standing, strict=True)),
    )
    of_point = np.concatenate([steps, np.repeat(np.arange(len(minutes)), len(places))])
    numbers = of_point[inside.points] * len(sectors) + inside.sectors
    loads = np.bincount(numbers, minlength=len(minutes) * len(sectors))
    return ExpectedLoads(time, minutes, loads.reshape(len(minutes), len(sectors)))


def ahead_of(flight: Flight, time: datetime) -> Way[float] | Standing | None:
    """The way that is left to a flight; where it stays; None if it is on the ground to stay."""
    done, plan, fix = flight.progress, flight.parsed_plan, flight.progress.fix
    altitude_ft = nan if fix.altitude is None else float(fix.altitude)
    lands_at = estimates(done, plan, flight.gaps).eta
    arrival = load_airports().get((plan and plan.arrival_icao) or "")
    if lands_at is None or plan is None or arrival is None:
        return Standing(fix.latitude, fix.longitude, altitude_ft) if done.airborne else None
    left_nm = distance_nm(fix.latitude, fix.longitude, arrival.latitude, arrival.longitude)
    ends_h = (lands_at - time).total_seconds() / 3600
    if done.airborne or done.touch is not None:
        begins_h, speed_kt = 0.0, float(fix.groundspeed or 0)
        level_ft = plan.cruise_altitude_ft
        climb_ft = 0 if level_ft is None else climb_to_come_ft(done, level_ft, left_nm)
        cruise_kt = max(speed_kt, float(plan.cruise_tas_kt or 0)) if climb_ft else speed_kt
    else:
        enroute_h = (plan.enroute_s or 0) / 3600
        begins_h = max(0.0, ends_h - enroute_h)
        cruise_kt = float(plan.cruise_tas_kt or 0) or left_nm / max(enroute_h, 0.1)
        speed_kt = _final_kt(cruise_kt)
        if plan.cruise_altitude_ft is None:
            altitude_ft, climb_ft = nan, 0
        else:
            climb_ft = max(0, plan.cruise_altitude_ft - (fix.altitude or 0))
    return Way(
        fix.latitude,
        fix.longitude,
        altitude_ft,
        arrival.latitude,
        arrival.longitude,
        arrival.elevation_ft,
        left_nm,
        begins_h,
        ends_h,
        speed_kt,
        cruise_kt,
        climb_ft,
    )


def _final_kt(cruise_kt: float) -> float:
    return min(FINAL_KT, cruise_kt, FINAL_OFFSET_KT + FINAL_SHARE * cruise_kt)


def _projected(ways: Floats, hours: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    """Where the flights are that are in the air: number of the step, latitude, longitude, feet.

    `ways`: a row for each flight, a column for each field of `Way`. `hours`: a column.
    """
    way = Way[Floats](*ways.T)
    flown_nm, climbed_ft = _flown(way, hours)
    path_ft = way.to_ft + DESCENT_FT_NM * (way.left_nm - flown_nm)
    feet = np.minimum(way.altitude_ft + climbed_ft, path_ft)
    latitudes, longitudes = _along(way, flown_nm)
    steps, flights = np.nonzero((hours >= way.begins_h) & (hours < way.ends_h))
    at = steps, flights
    return steps, latitudes[at], longitudes[at], feet[at]


def _flown(way: Way[Floats], hours: Floats) -> tuple[Floats, Floats]:
    """How far each flight has flown and climbed at each of the hours: nm and feet."""
    left = way.left_nm
    speed = np.maximum(way.speed_kt, 1.0)
    cruise = np.maximum(way.cruise_kt, speed)
    unknown = np.isnan(way.altitude_ft)
    height = np.where(unknown, left * DESCENT_FT_NM, way.altitude_ft - way.to_ft)
    rate = np.maximum(CLIMB_FPM_PER_KT * cruise, SLOWEST_CLIMB_FPM)
    climb_h = way.climb_ft / rate / 60
    climb_nm = (speed + cruise) / 2 * climb_h
    room = np.maximum(0.0, left - np.maximum(0.0, height) / DESCENT_FT_NM)
    needed = climb_nm + way.climb_ft / DESCENT_FT_NM
    share = np.minimum(1.0, room / np.maximum(needed, 1e-9))
    top = speed + (cruise - speed) * np.where(way.climb_ft > 0, share, 1.0)
    climb_h, climb_ft = climb_h * share, way.climb_ft * share
    climb_nm = (speed + top) / 2 * climb_h
    down_nm = np.maximum(height + climb_ft, FINAL_FT) / DESCENT_FT_NM
    down_nm = np.minimum(down_nm, left - climb_nm)
    level_nm = left - climb_nm - down_nm
    level_h = level_nm / top
    final = np.minimum(np.minimum(FINAL_KT, FINAL_OFFSET_KT + FINAL_SHARE * cruise), top)
    down_h = 2 * down_nm / (top + final)
    stretch = (climb_h + level_h + down_h) / np.maximum(way.ends_h - way.begins_h, 1e-9)
    gone = np.maximum(0.0, hours - way.begins_h) * stretch
    climbing = np.minimum(gone, climb_h)
    level = np.clip(gone - climb_h, 0.0, level_h)
    down = np.clip(gone - climb_h - level_h, 0.0, down_h)
    faster = (top - speed) / np.maximum(climb_h, 1e-9)
    slower = (top - final) / np.maximum(down_h, 1e-9)
    flown = (
        (speed + faster * climbing / 2) * climbing + top * level + (top - slower * down / 2) * down
    )
    return np.minimum(flown, left), climb_ft * climbing / np.maximum(climb_h, 1e-9)


def _along(way: Way[Floats], flown_nm: Floats) -> tuple[Floats, Floats]:
    """The points so far along the great circles: degrees."""
    begin, end = _vector(way.latitude, way.longitude), _vector(way.to_latitude, way.to_longitude)
    angle = way.left_nm / EARTH_RADIUS_NM
    part = flown_nm / EARTH_RADIUS_NM
    # Of two points at one place, or on opposite sides of the globe, there is no way to tell.
    sine = np.where(np.sin(angle) > 1e-9, np.sin(angle), np.inf)
    first = np.where(np.isinf(sine), 1.0, np.sin(angle - part) / sine)
    x, y, z = (first * a + np.sin(part) / sine * b for a, b in zip(begin, end, strict=True))
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def _vector(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats, Floats]:
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
