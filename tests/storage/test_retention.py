"""Rows that were kept long enough go, a bounded number at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from vatwatch.storage.event_table import write_events
from vatwatch.storage.retention import Retention, purge
from vatwatch.traffic.events import Event
from vatwatch.traffic.payloads import PositionPayload

if TYPE_CHECKING:
    from psycopg2.extensions import connection

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def count(conn: connection) -> int:
    with conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM events")
        row = cur.fetchone()
        assert row is not None
        return int(row[0])


def test_what_is_too_old_by_the_time_of_writing_goes_bit_by_bit(conn: connection) -> None:
    # Events of years ago, replayed today, are not old.
    events = [
        Event(uuid4(), "POSITION_UPDATE", LONG_AGO, "test", "", PositionPayload(n, 0))
        for n in range(10)
    ]
    with conn.cursor() as cur:
        write_events(cur, events)
        conn.commit()
        week = Retention("events", "stored_at", timedelta(hours=168))
        assert purge(conn, week) == 0
        cur.execute(
            "UPDATE events SET stored_at = now() - interval '169 hours'"
            " WHERE (payload->>'flights')::int < 7"
        )
        assert [purge(conn, week, limit=3) for _ in range(4)] == [3, 3, 1, 0]
        assert count(conn) == 3
