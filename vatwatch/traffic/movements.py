"""Take-offs and landings: what they are called, and what the times of a flight are.

A movement is recorded once it is certain, with the time of the snapshot in which it was seen
first: a take-off with the first one in the air, a landing with the first one on the ground.

- `take_off`: it stood or rolled, and flies.
- `landing`: it flew, and rolls or stands.
- `touch_and_go`: it was on the ground, did not slow down to a roll, and flew again. One movement;
  whoever counts, counts a landing and a take-off.

A go-around is no movement, as it does not come down to the field; neither is a rejected take-off,
as it does not leave it. A hop of less than two minutes is not a flight: its take-off is taken back
when it is on the ground again, and a touch-and-go before it becomes the landing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.traffic.thresholds import threshold

SHORTEST_FLIGHT = timedelta(
    seconds=threshold(
        120,
        "s",
        "A circuit takes four minutes or more; what is shorter is a bounce or a hop.",
        "The arrivals right after departure that broke a schedule site (SA#60).",
    )
)


class MovementKind(StrEnum):
    """What moved from the ground into the air or back."""

    TAKE_OFF = "take_off"
    LANDING = "landing"
    TOUCH_AND_GO = "touch_and_go"


class Movement(Struct, frozen=True, gc=False, rename={"kind": "type"}):
    """A take-off, a landing, or both. `airport`: ICAO, or `off_airport`."""

    kind: MovementKind
    airport: str
    time: datetime


class Times(Struct, frozen=True, gc=False):
    """When a flight left its stand, the ground, came back to it, and stood. None: not (yet) seen.

    `take_off` is its first one; `landing` its last one, and None again after another take-off.
    """

    off_block: datetime | None = None
    take_off: datetime | None = None
    landing: datetime | None = None
    on_block: datetime | None = None


def times_of(
    movements: tuple[Movement, ...], off_block: datetime | None, on_block: datetime | None = None
) -> Times:
    """The times that follow from the movements."""
    take_off = next((each.time for each in movements if each.kind is MovementKind.TAKE_OFF), None)
    last = movements[-1] if movements else None
    landing = last.time if last is not None and last.kind is MovementKind.LANDING else None
    return Times(off_block, take_off, landing, on_block)


def taken_off(
    movements: tuple[Movement, ...], airport: str, time: datetime
) -> tuple[Movement, ...]:
    """The movements with this take-off."""
    return (*movements, Movement(MovementKind.TAKE_OFF, airport, time))


def landed(movements: tuple[Movement, ...], airport: str, time: datetime) -> tuple[Movement, ...]:
    """The movements with this landing, or without the take-off of what was a hop."""
    last = movements[-1] if movements else None
    if last is None or not _flies_since(last) or time - last.time >= SHORTEST_FLIGHT:
        return (*movements, Movement(MovementKind.LANDING, airport, time))
    if last.kind is MovementKind.TAKE_OFF:
        return movements[:-1]
    return (*movements[:-1], Movement(MovementKind.LANDING, last.airport, last.time))


def touched(movements: tuple[Movement, ...], airport: str, time: datetime) -> tuple[Movement, ...]:
    """The movements with this touch-and-go; a bounce is not another one."""
    last = movements[-1] if movements else None
    if last is not None and _flies_since(last) and time - last.time < SHORTEST_FLIGHT:
        return movements
    return (*movements, Movement(MovementKind.TOUCH_AND_GO, airport, time))


def _flies_since(last: Movement) -> bool:
    return last.kind is not MovementKind.LANDING


def with_on_block(times: Times, since: datetime) -> Times:
    """The times of a flight that stands since a moment; not before it has landed.

    What comes straight down, or stops on the runway, is seen to stand before its landing is sure.
    """
    landing = times.landing
    return replace(times, on_block=since if landing is None else max(since, landing))
