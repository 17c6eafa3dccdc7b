"""Gives back the movements of the last hour, as they were known at the newest snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vatwatch.traffic.movements import Movement
from vatwatch.traffic.network_state import Flight, RecentMovement
from vatwatch.traffic.recent_movements import (
    KEPT,
    in_order,
    recent_movement,
    recent_movements_of,
)

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# What has ended has moved before its end. No flight lasts for a week, and first_seen has the index.
_ENDED = """
SELECT flight_id, callsign, movements::text FROM flights
WHERE ended_as IS NOT NULL AND jsonb_array_length(movements) > 0 AND NOT flight_id = ANY(%(known)s)
  AND last_seen BETWEEN %(oldest)s AND %(at)s
  AND first_seen > %(oldest)s - interval '7 days'
"""

_decoder = msgspec.json.Decoder(list[Movement])


def read_recent_movements(
    cur: cursor, at: datetime, flights: Sequence[Flight]
) -> tuple[RecentMovement, ...]:
    """The movements of the time before `at`, the newest snapshot's.

    `flights` are those that go on or can be resumed; all others are read.
    """
    oldest = at - KEPT
    known = [flight.flight_id for flight in flights]
    cur.execute(_ENDED, {"known": known, "oldest": oldest, "at": at})
    return in_order((*recent_movements_of(flights, oldest), *_ended(cur, oldest)))


def _ended(cur: cursor, oldest: datetime) -> Iterator[RecentMovement]:
    for flight_id, callsign, movements in cur:
        for movement in _decoder.decode(movements):
            if movement.time > oldest:
                yield recent_movement(flight_id, callsign, movement)
