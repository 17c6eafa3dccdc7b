"""What is asked of the history. Every function is for a native thread and gets a connection."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from vatwatch.traffic.tracking import Position

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# A flight of a day and a half has some 8,600 positions; more than this is no flight.
TRACK_LIMIT = 20_000


def latest_flight(conn: connection, callsign: str) -> int | None:
    """The flight that was last seen under a callsign."""
    with conn.cursor() as cur:
        cur.execute(
            """SELECT flight_id FROM flights WHERE callsign = %s
               ORDER BY last_seen DESC, first_seen DESC LIMIT 1""",
            (callsign,),
        )
        row = cur.fetchone()
        return None if row is None else int(row[0])


def track(conn: connection, flight_id: int) -> tuple[Position, ...]:
    """The positions of a flight, oldest first."""
    with conn.cursor() as cur:
        cur.execute("SELECT first_seen, last_seen FROM flights WHERE flight_id = %s", (flight_id,))
        seen = cur.fetchone()
        if seen is None:
            return ()
        # The times are given too, so that only the partitions of these days are opened.
        cur.execute(
            """SELECT time, latitude, longitude, altitude, groundspeed, heading FROM positions
               WHERE flight_id = %s AND time BETWEEN %s AND %s ORDER BY time LIMIT %s""",
            (flight_id, *seen, TRACK_LIMIT),
        )
        return tuple(Position(time.astimezone(UTC), *rest) for time, *rest in cur)
