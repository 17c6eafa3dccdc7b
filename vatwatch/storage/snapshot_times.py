"""When the stored snapshots are of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


def snapshot_before(cur: cursor, time: datetime) -> datetime | None:
    """The newest stored snapshot before this time; None if there is none."""
    cur.execute("SELECT max(update_timestamp) FROM snapshots WHERE update_timestamp < %s", (time,))
    row = cur.fetchone()
    return None if row is None or row[0] is None else row[0].astimezone(UTC)
