"""The times that are accepted mean the same to PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vatwatch.feed.times import parse_time

if TYPE_CHECKING:
    from psycopg2.extensions import connection


def test_a_time_that_is_accepted_is_the_same_moment_in_postgresql(conn: connection) -> None:
    texts = [
        "2026-10-01T10:00:00Z",
        "2026-10-01T10:00:00.1234567Z",
        "2026-10-01T10:00:00.123456789+05:45",
        "2100-12-31T23:59:59.999999-11:00",
    ]
    with conn.cursor() as cur:
        for text in texts:
            cur.execute("SELECT %s::timestamptz", (text,))
            row = cur.fetchone()
            assert row is not None
            # PostgreSQL rounds to microseconds, we cut.
            assert abs(row[0] - parse_time(text)) <= timedelta(microseconds=1)
