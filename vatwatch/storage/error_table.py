"""The table of errors: writes each error once, reads page by page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vatwatch.events.event import Cursor
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.storage.copy import copy_rows, stage
from vatwatch.storage.paging import conditions, page, record_of

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

_COLUMNS = ErrorRecord.__struct_fields__


def write_errors(cur: cursor, records: Iterable[ErrorRecord]) -> None:
    """Write errors. An existing row (by id) gets the higher count and the later time."""
    rows = [
        (str(record.id), *(getattr(record, column) for column in _COLUMNS[1:]))
        for record in records
    ]
    if not rows:
        return
    stage(cur, "stage_errors", "LIKE errors")
    copy_rows(cur, "stage_errors", _COLUMNS, rows)
    names = ", ".join(_COLUMNS)
    cur.execute(
        f"""INSERT INTO errors ({names}) SELECT {names} FROM stage_errors
            ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at, count = excluded.count,
                message = excluded.message, correlation_id = excluded.correlation_id,
                recovery_s = excluded.recovery_s
            WHERE errors.count < excluded.count"""
    )


def find_errors(
    conn: connection, wanted: ErrorFilter, *, limit: int, after: Cursor | None
) -> tuple[ErrorRecord, ...]:
    """A page of errors, the newest first, after the previous page."""
    where, values = conditions(
        ("service = %s", wanted.service),
        ("category = %s", wanted.category),
        ("severity = %s", wanted.severity),
        ("fingerprint = %s", wanted.fingerprint),
        ("correlation_id = %s", wanted.correlation_id),
        ("recovered = %s", wanted.recovered),
        ("last_at >= %s", wanted.since),
        ("time < %s", wanted.until),
    )
    with conn.cursor() as cur:
        page(
            cur,
            f"SELECT {', '.join(_COLUMNS)} FROM errors",
            where,
            values,
            limit=limit,
            after=after,
        )
        return tuple(record_of(ErrorRecord, row) for row in cur)
