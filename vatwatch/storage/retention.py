"""Deletes rows that are older than their retention, a bounded number at a time.

The age of events, errors and the like counts from the time at which they were written: an old
recording that is replayed today is not old. Traffic history is deleted only if both are old: the
time that a row is about, and the time when its snapshot was written. Open flights and sessions and
the newest snapshot always stay, since the next snapshot is compared with them. The store calls the
rules at its start and every hour (`actors/purge.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from psycopg2 import errors

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

    from vatwatch.config.settings import Settings

# Rows in one transaction, so that the next snapshot never waits long.
BATCH = 5_000
# Dropping a partition locks out all readers of positions. If a reader takes longer than this, the
# partition is dropped an hour later.
LOCK_TIMEOUT_MS = 500


class Retention(Protocol):
    """A rule that says how long rows are kept."""

    def purge(self, conn: connection, limit: int = BATCH) -> int:
        """Delete rows that are too old in one transaction, up to `limit` rows of each table.

        Returns the largest number of rows deleted from one table: if it is `limit`, there may be
        more.
        """


@dataclass(frozen=True, slots=True)
class RowRetention:
    """Deletes rows of `table` whose `column`, a wall-clock time, is longer ago than `keep`."""

    table: str
    column: str
    keep: timedelta

    def purge(self, conn: connection, limit: int = BATCH) -> int:
        """Delete up to `limit` rows, in no particular order; returns how many."""
        with conn.cursor() as cur:
            return _delete(cur, self.table, f"{self.column} < now() - %s", (self.keep,), limit)


@dataclass(frozen=True, slots=True)
class HistoryRetention:
    """Deletes flights with their plans, sessions, ATIS, radios and snapshots that are older than
    `keep`."""

    keep: timedelta

    def purge(self, conn: connection, limit: int = BATCH) -> int:
        """Delete up to `limit` rows of each table; a flight's plans are deleted with it."""
        with conn.cursor() as cur:
            return max(
                _delete(cur, table, _is_old(table, first, last, closed), (self.keep,) * 3, limit)
                for table, first, last, closed in _HISTORY
            )


@dataclass(frozen=True, slots=True)
class PositionRetention:
    """Deletes days of positions that ended longer ago than `keep`."""

    keep: timedelta

    def purge(self, conn: connection, limit: int = BATCH) -> int:  # noqa: ARG002
        """Drop every partition that is too old; returns 0.

        A day that is being read, and the days after it, are left for the next hour.
        """
        with conn.cursor() as cur:
            for name in list(self._too_old(cur)):
                cur.execute("SAVEPOINT drop_partition")
                cur.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
                try:
                    cur.execute(f"DROP TABLE {name}")
                except errors.LockNotAvailable:
                    cur.execute("ROLLBACK TO SAVEPOINT drop_partition")
                    break
        return 0

    def _too_old(self, cur: cursor) -> Iterator[str]:
        cur.execute(
            """SELECT relid::regclass::text FROM pg_partition_tree('positions') WHERE isleaf"""
        )
        for (name,) in cur.fetchall():
            day = _day_of(name)
            if day is None:
                continue
            ended = day + timedelta(days=1)
            cur.execute(
                """SELECT %(ended)s::timestamptz < now() - %(keep)s AND NOT EXISTS (
                       SELECT FROM snapshots WHERE update_timestamp >= %(day)s
                       AND update_timestamp < %(ended)s AND stored_at >= now() - %(keep)s)""",
                {"day": f"{day} UTC", "ended": f"{ended} UTC", "keep": self.keep},
            )
            row = cur.fetchone()
            if row is not None and row[0]:
                yield name


def retentions_of(settings: Settings) -> tuple[Retention, ...]:
    """The rules from the settings. Tables without a rule are kept forever."""
    events = timedelta(hours=settings.events.retention_hours)
    quarantine = timedelta(hours=settings.traffic.quarantine_retention_hours)
    rules: list[Retention] = [
        RowRetention("events", "stored_at", events),
        RowRetention("dead_letters", "time", events),
        RowRetention("errors", "last_at", timedelta(hours=settings.errors.retention_hours)),
        RowRetention("quarantine", "stored_at", quarantine),
        # Active alerts have no `until`, and stay.
        RowRetention("alerts", "until", timedelta(hours=settings.alerts.retention_hours)),
        # Messages that wait have no `done_at`, and stay.
        RowRetention(
            "subscription_deliveries",
            "done_at",
            timedelta(hours=settings.subscriptions.retention_hours),
        ),
    ]
    history, positions = (
        settings.traffic.history_retention_days,
        settings.traffic.position_retention_days,
    )
    if history is not None:
        rules.append(HistoryRetention(timedelta(days=history)))
    kept = [days for days in (history, positions) if days is not None]
    if kept:
        rules.append(PositionRetention(timedelta(days=min(kept))))
    return tuple(rules)


# For each table: the columns with a row's first and last time, and the condition for ended rows.
# Snapshots come last, since the other rules look for them.
_HISTORY = (
    ("flights", "first_seen", "last_seen", "ended_as IS NOT NULL"),
    ("flight_plans", "first_seen", "gone_at", "flight_id IS NULL AND gone_at IS NOT NULL"),
    ("controllers", "first_seen", "last_seen", "ended"),
    ("atis", "first_seen", "gone_at", "gone_at IS NOT NULL"),
    ("transceivers", "first_seen", "gone_at", "gone_at IS NOT NULL"),
    (
        "snapshots",
        "update_timestamp",
        "update_timestamp",
        "update_timestamp < (SELECT max(update_timestamp) FROM snapshots)",
    ),
)


def _is_old(table: str, first: str, last: str, closed: str) -> str:
    """The condition for rows that are too old, with the same parameter three times.

    The condition on `first`, which has an index, leaves few rows."""
    return f"""{first} < now() - %s AND {last} < now() - %s AND {closed} AND NOT EXISTS (
        SELECT FROM snapshots s
        WHERE s.update_timestamp = {table}.{last} AND s.stored_at >= now() - %s)"""


def _delete(
    cur: cursor, table: str, condition: str, values: tuple[timedelta, ...], limit: int
) -> int:
    cur.execute(
        f"""DELETE FROM {table} WHERE ctid IN (
                SELECT ctid FROM {table} WHERE {condition} LIMIT %s)""",
        (*values, limit),
    )
    return cur.rowcount


def _day_of(partition: str) -> datetime | None:
    """The day of a partition that vatwatch created; None for another partition."""
    try:
        return datetime.strptime(partition.rpartition(".")[2], "positions_%Y%m%d")
    except ValueError:
        return None
