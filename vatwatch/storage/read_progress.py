"""Gives back what the rules remember of flights, as of the latest snapshot with each.

The row of a flight has it as of some minutes before (`traffic.remembering`). What came
after that is derived from the track, as it was when it happened.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.derive_track import KeptFlight, KeptPlan, derive_on
from vatwatch.traffic.network_state import Gap
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import Progress

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = logging.getLogger(__name__)


class Remembered(NamedTuple):
    """A flight's row, as far as it says what the flight has done."""

    flight_id: int
    progress: Progress
    last_seen: datetime
    gaps: Sequence[Gap]
    plan: FlightPlan | None
    """It stands since `progress.fix`: another one would have been written with what is remembered
    then."""


def decode_progress(stored: memoryview | None) -> Progress | None:
    """What a row has; None if it has nothing, or nothing that this version can read."""
    if stored is None:
        return None
    try:
        return msgspec.msgpack.decode(stored, type=Progress)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.debug("What is remembered of a flight cannot be read: %s", error)
        return None


def read_progress(cur: cursor, flights: Sequence[Remembered]) -> Mapping[int, Progress]:
    """The progress of each flight at its `last_seen`, by flight id."""
    behind = [flight for flight in flights if flight.progress.fix.time < flight.last_seen]
    done = {flight.flight_id: flight.progress for flight in flights}
    if not behind:
        return done
    times = _snapshots(cur, behind)
    tracks = _tracks(cur, behind)
    for flight in behind:
        kept = KeptFlight(
            _shown(times, flight),
            tracks.get(flight.flight_id, []),
            [] if flight.plan is None else [KeptPlan(flight.progress.fix.time, None, flight.plan)],
        )
        try:
            done[flight.flight_id] = derive_on(flight.progress, kept)
        except (
            Exception
        ):  # a bug of a rule costs this flight its last minutes, and nobody else the restart
            log.exception("What flight %s did last cannot be derived", flight.flight_id)
    return done


def _snapshots(cur: cursor, flights: Sequence[Remembered]) -> list[datetime]:
    cur.execute(
        """SELECT update_timestamp FROM snapshots
           WHERE update_timestamp > %s AND update_timestamp <= %s ORDER BY 1""",
        _span(flights),
    )
    return [time.astimezone(UTC) for (time,) in cur]


def _tracks(cur: cursor, flights: Sequence[Remembered]) -> dict[int, list[Position]]:
    cur.execute(
        """SELECT p.flight_id, p.time, latitude, longitude, altitude, groundspeed, heading
           FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
               AS f (flight_id, remembered, last_seen)
           JOIN positions p ON p.flight_id = f.flight_id
               AND p.time > f.remembered AND p.time <= f.last_seen
           WHERE p.time > %s AND p.time <= %s
           ORDER BY p.flight_id, p.time""",
        (
            [flight.flight_id for flight in flights],
            [flight.progress.fix.time for flight in flights],
            [flight.last_seen for flight in flights],
            *_span(flights),
        ),
    )
    tracks: dict[int, list[Position]] = {}
    for flight_id, time, *place in cur:
        tracks.setdefault(flight_id, []).append(Position(time.astimezone(UTC), *place))
    return tracks


def _span(flights: Sequence[Remembered]) -> tuple[datetime, datetime]:
    """Before the first of their snapshots that are read, and the last one."""
    return (
        min(flight.progress.fix.time for flight in flights),
        max(flight.last_seen for flight in flights),
    )


def _shown(times: Sequence[datetime], flight: Remembered) -> list[tuple[datetime, bool]]:
    """The snapshots after what is remembered, and whether each shows the flight."""
    first = bisect_right(times, flight.progress.fix.time)
    last = bisect_right(times, flight.last_seen)
    return [
        (time, not any(gap.start < time < gap.end for gap in flight.gaps))
        for time in times[first:last]
    ]
