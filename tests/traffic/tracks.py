"""Tracks made by hand, a line for each stretch, for the rules of movements.

track(
    stand("EGLL", 60),
    taxi(1.0, 180),
    ...
)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import cos, radians
from typing import NamedTuple

from tests.traffic.build import START
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import Progress, advance, begin

STEP_S = 15


class At(NamedTuple):
    """A moment of a flight: nm north and east of its airport, feet over its elevation, knots."""

    seconds: float
    north: float
    height: float | None
    speed: float | None
    east: float = 0.0


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


def fixes(icao: str, points: Sequence[At], every_s: float = STEP_S) -> Iterator[Position]:
    """The snapshots of a way through these points, straight and even between them."""
    seconds = points[0].seconds
    while seconds <= points[-1].seconds:
        after = next(p for p in points if p.seconds >= seconds)
        before = [p for p in points if p.seconds <= seconds][-1]
        lasts = after.seconds - before.seconds
        yield position(icao, _between(before, after, (seconds - before.seconds) / (lasts or 1)))
        seconds += every_s


def _between(one: At, other: At, share: float) -> At:
    def mean(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else a + (b - a) * share

    return At(*(mean(a, b) for a, b in zip(one, other, strict=True)))  # type: ignore[arg-type]


def position(icao: str, at: At) -> Position:
    airport = load_airports()[icao]
    return Position(
        time=START + timedelta(seconds=at.seconds),
        latitude=airport.latitude + at.north / 60,
        longitude=airport.longitude + at.east / 60 / cos(radians(airport.latitude)),
        altitude=None if at.height is None else round(airport.elevation_ft + at.height),
        groundspeed=None if at.speed is None else round(at.speed),
        heading=0,
    )


def flown(
    positions: Sequence[Position] | Iterator[Position],
    filed: FlightPlan | None = None,
    progress: Progress | None = None,
) -> Progress:
    """The progress at the end of a track."""
    for fix in positions:
        progress = begin(fix, filed) if progress is None else advance(progress, fix, filed)
    assert progress is not None
    return progress


def seconds(time: datetime | None) -> float | None:
    """A time of the track, in seconds after its start."""
    return None if time is None else (time - START).total_seconds()


def told(progress: Progress) -> list[tuple[str, str, float | None]]:
    """The movements: kind, airport, second."""
    return [(m.kind.value, m.airport, seconds(m.time)) for m in progress.movements]


# Stretches that many flights have. Speeds fit distances, so nothing in them is a jump.
DEPARTURE = (
    At(0, 0.0, 0, 0),
    At(60, 0.0, 0, 0),
    At(61, 0.0, 0, 15),
    At(301, 1.0, 0, 15),
    At(330, 1.0, 0, 0),
    At(345, 1.0, 0, 0),
    At(380, 1.7, 0, 145),
    At(440, 4.5, 2500, 180),
    At(740, 24.0, 15000, 280),
)
ARRIVAL = (
    At(0, -22.0, 6000, 250),
    At(300, -6.0, 1800, 160),
    At(435, -0.6, 0, 135),
    At(475, 0.2, 0, 20),
    At(595, 0.7, 0, 15),
    At(600, 0.7, 0, 0),
    At(1200, 0.7, 0, 0),
)
