"""Tracks made by hand, a line for each stretch, for the rules of movements.

`way(on(60), on(120, 15), ...)` is a way to the north (`back=True`: to the south) on which speed and
height change evenly within each stretch; `fixes` are the snapshots of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import cos, radians
from typing import NamedTuple

from msgspec.structs import replace

from tests.traffic.build import START
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import Progress, advance, begin

STEP_S = 15


class Stretch(NamedTuple):
    """Seconds; the speed (kt) and the height over the field (ft) at its end."""

    seconds: int
    speed: float
    height: float
    back: bool


class At(NamedTuple):
    """A moment: nm north and east of the airport, feet over its elevation, knots."""

    second: int
    north: float
    height: float
    speed: float
    east: float = 0.0


def on(seconds: int, speed: float = 0, height: float = 0, *, back: bool = False) -> Stretch:
    return Stretch(seconds, speed, height, back)


def way(
    *stretches: Stretch, north: float = 0, height: float = 0, speed: float = 0, second: int = 0
) -> list[At]:
    """Where it is in each second, from a place on."""
    points = [At(second, north, height, speed)]
    for stretch in stretches:
        here = points[-1]
        moved = here.north
        for passed in range(1, stretch.seconds + 1):
            share = passed / stretch.seconds
            now = here.speed + (stretch.speed - here.speed) * share
            moved += (-1 if stretch.back else 1) * now / 3600
            high = here.height + (stretch.height - here.height) * share
            points.append(At(here.second + passed, moved, high, now))
    return points


def position(icao: str, at: At) -> Position:
    airport = load_airports()[icao]
    return Position(
        time=START + timedelta(seconds=at.second),
        latitude=airport.latitude + at.north / 60,
        longitude=airport.longitude + at.east / 60 / cos(radians(airport.latitude)),
        altitude=round(airport.elevation_ft + at.height),
        groundspeed=round(at.speed),
        heading=0,
    )


def fixes(
    icao: str, points: Sequence[At], *, first: int = 0, altimeter_ft: int = 0
) -> list[Position]:
    """Every fifteenth second of a way; the altimeter may be so many feet off."""
    return [lifted(position(icao, point), altimeter_ft) for point in points[first::STEP_S]]


def lifted(fix: Position, feet: int) -> Position:
    return fix if fix.altitude is None else replace(fix, altitude=fix.altitude + feet)


def later(fix: Position, seconds: float) -> Position:
    return replace(fix, time=fix.time + timedelta(seconds=seconds))


def plan(
    departure: str = "EGLL",
    arrival: str = "EHAM",
    aircraft: str = "A320",
    altitude: str = "FL350",
    rules: str = "I",
) -> FlightPlan:
    return FlightPlan(
        flight_rules=rules,
        aircraft_short=aircraft,
        departure=departure,
        arrival=arrival,
        altitude=altitude,
    )


def flown(
    positions: Iterable[Position],
    filed: FlightPlan | None = None,
    progress: Progress | None = None,
) -> Progress:
    """The progress at the end of a track."""
    for fix in positions:
        progress = begin(fix, filed) if progress is None else advance(progress, fix, filed)
    assert progress is not None
    return progress


def second(time: datetime | None) -> float | None:
    """A time of the track, in seconds after its start."""
    return None if time is None else (time - START).total_seconds()


def told(progress: Progress) -> list[tuple[str, str, float | None]]:
    """The movements: kind, airport, second."""
    return [(m.kind.value, m.airport, second(m.time)) for m in progress.movements]


def kinds(progress: Progress) -> list[str]:
    return [movement.kind.value for movement in progress.movements]


# Stretches that many flights have.
TAXI_OUT = (on(60), on(10, 15), on(230, 15), on(10), on(30))
ROLL = (on(35, 145),)
CLIMB_OUT = (on(60, 180, 2500), on(300, 280, 15000))
# Begins 10 nm before the threshold: 3,000 ft, 160 kt.
APPROACH = (on(150, 140, 1080), on(90, 135, 20), on(4, 133, 0))
ROLL_OUT = (on(40, 20), on(110, 15), on(10))
LIGHT_CIRCUIT = (
    on(20, 60),
    on(90, 75, 1000),
    on(30, 90, 1000),
    on(215, 90, 1000, back=True),
    on(40, 75, 800),
    on(90, 65, 0),
)
