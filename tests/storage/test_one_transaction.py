"""Snapshots that are written in one transaction give the rows of as many transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.storage.test_derived_again import OPTIONS, archive_of
from tests.storage.test_writer import TABLES, clear, rows
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Outcome
from vatwatch.traffic.pipeline import batch_of, compare

if TYPE_CHECKING:
    from psycopg2.extensions import connection


def written(
    conn: connection, order: list[int], *, together: int
) -> dict[str, list[tuple[object, ...]]]:
    """The rows, if so many are written before each commit."""
    clear(conn)
    archive = archive_of(seed=11, pilots=70, count=8)
    for done, number in enumerate(order):
        decoded = archive[number]
        state, stored = read_network_state(conn, OPTIONS.rules, decoded.snapshot.time)
        assert not stored
        compared = compare(state, decoded, OPTIONS.rules)
        batch = batch_of(
            compared, entry_id=number, fetched_at=decoded.snapshot.time, source="archive"
        )
        assert write_batch(conn, batch) is Outcome.STORED
        if done % together == together - 1:
            conn.commit()
    conn.commit()
    found = {
        table: rows(conn, f"SELECT (to_jsonb(t) - 'stored_at')::text FROM {table} t ORDER BY 1")
        for table in TABLES
    }
    conn.commit()
    return found


@pytest.mark.parametrize(
    "order", [list(range(8)), [0, 1, 4, 6, 2, 3, 7, 5]], ids=["in order", "late"]
)
def test_snapshots_of_one_transaction_give_the_rows_of_many(
    conn: connection, order: list[int]
) -> None:
    alone, together = (written(conn, order, together=count) for count in (1, 4))
    for table in TABLES:
        assert together[table] == alone[table], table
    assert alone["flights"]
    assert alone["frequency_matches"]
