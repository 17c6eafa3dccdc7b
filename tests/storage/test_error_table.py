"""Errors in their table: written once with their count, and found page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec.structs import replace

from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.storage.error_table import find_errors, write_errors

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def error(number: int, at: datetime = NOON, service: str = "store") -> ErrorRecord:
    return ErrorRecord(
        id=UUID(int=number),
        time=at,
        last_at=at,
        count=1,
        fingerprint=f"f{number % 3}",
        service=service,
        path=f"vatwatch/data/{service}",
        operation="StoreBatch",
        category="database",
        severity="low",
        error_type="psycopg2.OperationalError",
        message="it is away",
        correlation_id="",
        traceback="",
        recovery="retry",
        recovered=True,
        recovery_s=0.5,
    )


def write(conn: connection, *records: ErrorRecord) -> None:
    with conn.cursor() as cur:
        write_errors(cur, records)
    conn.commit()


def found(conn: connection, wanted: ErrorFilter = ErrorFilter()) -> list[ErrorRecord]:  # noqa: B008
    return [*find_errors(conn, wanted, limit=100, after=None)]


def test_a_record_is_read_as_it_was_written_and_a_lower_count_changes_nothing(
    conn: connection,
) -> None:
    first = replace(error(1), recovered=None, recovery_s=None)
    then = replace(first, count=3, last_at=NOON + MINUTE, recovery_s=2.0)
    for record in (first, then, first):
        write(conn, record)
    assert found(conn) == [replace(then, recovered=None)]


def test_filters_of_the_table_and_of_memory_say_the_same(conn: connection) -> None:
    records = [
        error(1),
        replace(error(2, NOON + MINUTE), last_at=NOON + 3 * MINUTE, count=7),
        replace(error(3, NOON + 2 * MINUTE, "fetcher"), category="network", recovered=False),
        replace(error(4, NOON + 4 * MINUTE), severity="high", recovered=None, correlation_id="x"),
    ]
    write(conn, *records)
    for wanted in (
        ErrorFilter(),
        ErrorFilter(service="store"),
        ErrorFilter(category="network"),
        ErrorFilter(severity="high"),
        ErrorFilter(fingerprint="f1"),
        ErrorFilter(correlation_id="x"),
        ErrorFilter(recovered=True),
        ErrorFilter(recovered=False),
        ErrorFilter(since=NOON + 3 * MINUTE),
        ErrorFilter(until=NOON + 2 * MINUTE),
        ErrorFilter(service="store", since=NOON + MINUTE, until=NOON + 4 * MINUTE),
    ):
        assert found(conn, wanted) == [r for r in reversed(records) if wanted.wants(r)]


def test_pages_join_without_a_gap(conn: connection) -> None:
    records = [error(n, NOON + n // 3 * MINUTE) for n in range(25)]
    write(conn, *records)
    seen: list[ErrorRecord] = []
    after = None
    while page := find_errors(conn, ErrorFilter(), limit=4, after=after):
        seen += page
        after = page[-1].cursor
    assert seen == [*reversed(records)]
