"""What is kept for how long: rows that are too old go, some thousands at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from vatwatch.config.settings import Settings

# In one transaction, so that the next snapshot never waits long.
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of `table` whose `column`, a time of the wall clock, is longer ago than `keep` go."""

    table: str
    column: str
    keep: timedelta


def retentions_of(settings: Settings) -> tuple[Retention, ...]:
    """How long the rows of each table are kept that does not grow for ever."""
    events = timedelta(hours=settings.events.retention_hours)
    quarantine = timedelta(hours=settings.traffic.quarantine_retention_hours)
    return (
        Retention("events", "stored_at", events),
        Retention("dead_letters", "time", events),
        Retention("errors", "last_at", timedelta(hours=settings.errors.retention_hours)),
        Retention("quarantine", "stored_at", quarantine),
    )


def purge(conn: connection, retention: Retention, limit: int = BATCH) -> int:
    """Delete up to `limit` rows that are too old, the oldest first or not; how many it were."""
    with conn.cursor() as cur:
        cur.execute(
            f"""DELETE FROM {retention.table} WHERE ctid IN (
                    SELECT ctid FROM {retention.table}
                    WHERE {retention.column} < now() - %s LIMIT %s)""",
            (retention.keep, limit),
        )
        return cur.rowcount
