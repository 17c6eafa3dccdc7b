"""COPY: whatever a value holds comes back from a real table as it went in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.storage.standing_still import SIZES
from vatwatch.storage.copy import copy_json, copy_rows, stage

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

COLUMNS = ("note", "number", "ratio", "yes", "time", "lines")

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)

# PostgreSQL cannot hold NUL, and UTF-8 no lone surrogate; decoding takes both out.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")) | st.text(
    "\\\t\n\r\"'{}, N.;\x08\x0b", max_size=12
)
rows = st.tuples(
    st.none() | texts,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.none() | st.booleans(),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    st.none() | st.lists(texts, max_size=4),
)


@pytest.fixture
def table(database_url: str) -> Iterator[connection]:
    with closing(psycopg2.connect(database_url)) as conn:
        with conn.cursor() as cur:
            cur.execute("SET TIME ZONE 'UTC'")
            cur.execute(
                """CREATE TABLE kept (row serial, note text, number bigint,
                   ratio double precision, yes boolean, time timestamptz, lines text[])"""
            )
        conn.commit()
        yield conn


def kept(cur: cursor) -> list[tuple[object, ...]]:
    cur.execute(f"SELECT {', '.join(COLUMNS)} FROM kept ORDER BY row")
    return cur.fetchall()


@given(st.lists(rows, max_size=5))
@example([("\\N", 0, 0.0, None, datetime(2024, 1, 1, tzinfo=UTC), ["NULL", "", "\\N", "null"])])
@example([("\\.", 0, -0.0, True, datetime(2024, 1, 1, tzinfo=UTC), [])])
@example([("", 1, 5e-324, False, datetime(2024, 1, 1, tzinfo=UTC), ['"', "\\", "{}", ","])])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_come_back_as_they_went_in(table: connection, sent: list[tuple[object, ...]]) -> None:
    with table.cursor() as cur:
        copy_rows(cur, "kept", COLUMNS, sent)
        assert kept(cur) == sent
    table.rollback()


plain_rows = st.tuples(
    st.none() | texts,
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.booleans(),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
)


@given(st.lists(plain_rows, max_size=5))
@example([("null", 0, None, None, datetime(2024, 1, 1, tzinfo=UTC))] * 2)
@example([("]\n[", 0, -0.0, True, datetime(2024, 1, 1, tzinfo=UTC))] * 2)
@example([("],[", 0, 1e300, True, datetime(2024, 1, 1, tzinfo=UTC))] * 2)
@example([('"', 1, 5e-324, False, datetime(2024, 1, 1, tzinfo=UTC)), ("", 1, 0.1, True, NOON)])
@example([("\x7f\x85\u2028é", 1, 1e22, False, NOON), ("", 1, 0.1, True, NOON)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_that_are_written_as_json_come_back_as_they_went_in(
    table: connection, sent: list[tuple[object, ...]]
) -> None:
    with table.cursor() as cur:
        copy_json(cur, "kept", COLUMNS[:5], sent)
        assert [row[:5] for row in kept(cur)] == sent
    table.rollback()


@pytest.mark.parametrize("write", [copy_rows, copy_json])
def test_no_rows_cause_no_statement(table: connection, write: Callable[..., None]) -> None:
    with table.cursor() as cur:
        write(cur, "no_such_table", COLUMNS, [])


def test_a_stage_is_empty_after_each_commit_and_can_be_asked_for_again(table: connection) -> None:
    with table.cursor() as cur:
        for _ in range(3):
            stage(cur, "stage_kept", "LIKE kept")
            cur.execute("SELECT count(*) FROM stage_kept")
            assert cur.fetchone() == (0,)
            copy_rows(cur, "stage_kept", ("row", "note"), [(1, "a")])
            table.commit()


@pytest.mark.timeout(360)
def test_a_server_that_stops_reading_holds_up_the_copy_alone(
    database_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.storage.standing_still", database_url, str(tmp_path)]
    # It ends by itself, or never; on a machine that has much else to do, later.
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == f"{len(SIZES)}\n"
