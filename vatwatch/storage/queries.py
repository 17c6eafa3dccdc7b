"""Queries of the history. Every function gets a connection and runs in a native thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from time import perf_counter
from typing import TYPE_CHECKING

from vatwatch.traffic.position import Position

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# A flight of a day and a half has some 8,600 positions; no real flight has more than this limit.
TRACK_LIMIT = 20_000


def latest_flight(conn: connection, callsign: str) -> int | None:
    """The last flight with this callsign: first with exactly these letters, else in another
    case."""
    with conn.cursor() as cur:
        cur.execute(
            """SELECT flight_id FROM flights WHERE callsign = ANY(%(spellings)s)
               ORDER BY callsign = %(callsign)s DESC, last_seen DESC, first_seen DESC LIMIT 1""",
            {"callsign": callsign, "spellings": [callsign, callsign.upper(), callsign.lower()]},
        )
        row = cur.fetchone()
        return None if row is None else int(row[0])


def head_of(conn: connection, flight_id: int) -> tuple[str, bool]:
    """The callsign of a flight, and whether it is to be derived again; empty if it is not stored
    yet."""
    with conn.cursor() as cur:
        cur.execute("SELECT callsign, derive_again FROM flights WHERE flight_id = %s", (flight_id,))
        row = cur.fetchone()
        return ("", False) if row is None else (row[0], row[1])


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


@dataclass(frozen=True, slots=True)
class Inspection:
    """The database's own numbers."""

    latency_ms: float
    size_bytes: int
    connections: int
    max_connections: int
    migrations: tuple[str, ...]


def inspect(conn: connection) -> Inspection:
    """Time a trivial query, then read the database's numbers."""
    with conn.cursor() as cur:
        began = perf_counter()
        cur.execute("SELECT 1")
        cur.fetchone()
        latency_ms = (perf_counter() - began) * 1000
        cur.execute(
            """SELECT pg_database_size(current_database()),
                      (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
                      current_setting('max_connections')::int,
                      to_regclass('schema_migrations') IS NOT NULL"""
        )
        row = cur.fetchone()
        assert row is not None
        size_bytes, connections, max_connections, has_migrations = row
        migrations: tuple[str, ...] = ()
        if has_migrations:
            cur.execute("SELECT name FROM schema_migrations ORDER BY version")
            migrations = tuple(name for (name,) in cur)
    return Inspection(latency_ms, size_bytes, connections, max_connections, migrations)
