"""The track of a flight: which positions are worth a row."""

from __future__ import annotations

from datetime import datetime, timedelta

from vatwatch.feed.records import Pilot
from vatwatch.traffic.network_state import Flight
from vatwatch.traffic.position import Position

# About eleven metres: a parked aircraft's simulator may tremble, and it still stands.
STILL_DEGREES = 1e-4


def kept_position(
    written: Position | None, pilot: Pilot, time: datetime, keepalive: timedelta
) -> tuple[Position, bool]:
    """Where a flight is, as its track keeps it, and whether that is worth a row.

    Of an aircraft that stands the track has the place where it came to stand, and so have the
    rules: what is derived from the track again is the same.
    """
    if written is None or _due(written, pilot, time, keepalive):
        return position_of(pilot, time), True
    return (
        Position(
            time,
            written.latitude,
            written.longitude,
            written.altitude,
            written.groundspeed,
            written.heading,
        ),
        False,
    )


def place_of(flight: Flight) -> Position:
    """Where a flight is after the snapshot that it was last seen in, as its track keeps it.

    `progress.fix` is that place, except where the state before a late snapshot was read from rows
    of later ones: then the rules have gone on from there long ago.
    """
    fix = flight.progress.fix
    if fix.time == flight.last_seen:
        return fix
    kept = flight.written if flight.shown else None
    if kept is None:
        return position_of(flight.pilot, flight.last_seen)
    return Position(
        flight.last_seen,
        kept.latitude,
        kept.longitude,
        kept.altitude,
        kept.groundspeed,
        kept.heading,
    )


def position_of(pilot: Pilot, time: datetime) -> Position:
    """Where a pilot is, as the feed says."""
    return Position(
        time, pilot.latitude, pilot.longitude, pilot.altitude, pilot.groundspeed, pilot.heading
    )


def _due(written: Position | None, pilot: Pilot, time: datetime, keepalive: timedelta) -> bool:
    """Whether a position is worth a row. A standing aircraft gets one now and then."""
    if written is None or time - written.time >= keepalive:
        return True
    if written.groundspeed == 0 and pilot.groundspeed == 0:
        return (
            abs(written.latitude - pilot.latitude) > STILL_DEGREES
            or abs(written.longitude - pilot.longitude) > STILL_DEGREES
            or written.heading != pilot.heading
        )
    return (
        written.latitude != pilot.latitude
        or written.longitude != pilot.longitude
        or written.altitude != pilot.altitude
        or written.groundspeed != pilot.groundspeed
        or written.heading != pilot.heading
    )
