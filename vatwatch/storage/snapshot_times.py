"""When the stored snapshots are of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor


def newest_fetch(conn: connection) -> datetime | None:
    """Wall clock, when the newest stored snapshot was fetched; None if there is none."""
    with conn.cursor() as cur:
        cur.execute("SELECT fetched_at FROM snapshots ORDER BY update_timestamp DESC LIMIT 1")
        row = cur.fetchone()
    return None if row is None else row[0].astimezone(UTC)


def is_newer_stored(conn: connection, time: datetime) -> bool:
    """Whether a snapshot of a later time is stored."""
    with conn.cursor() as cur:
        cur.execute("SELECT EXISTS (SELECT FROM snapshots WHERE update_timestamp > %s)", (time,))
        row = cur.fetchone()
    return row is not None and bool(row[0])


def snapshot_before(cur: cursor, time: datetime) -> datetime | None:
    """The newest stored snapshot before this time; None if there is none."""
    cur.execute("SELECT max(update_timestamp) FROM snapshots WHERE update_timestamp < %s", (time,))
    row = cur.fetchone()
    return None if row is None or row[0] is None else row[0].astimezone(UTC)
