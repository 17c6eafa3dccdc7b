"""COPY: whatever a value holds comes back from a real table as it went in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.storage.standing_still import SIZES
from vatwatch.storage.copy import copy_rows, copy_text, escape, stage

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

COLUMNS = ("note", "number", "ratio", "yes", "time", "lines")

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


@given(texts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_a_text_that_is_escaped_by_hand_comes_back_too(table: connection, text: str) -> None:
    with table.cursor() as cur:
        copy_text(cur, "kept", ("note", "number"), f"{escape(text)}\t1\n")
        assert [row[0] for row in kept(cur)] == [text]
    table.rollback()


def test_no_rows_cause_no_statement(table: connection) -> None:
    with table.cursor() as cur:
        copy_rows(cur, "no_such_table", COLUMNS, [])


def test_a_stage_is_empty_after_each_commit_and_can_be_asked_for_again(table: connection) -> None:
    with table.cursor() as cur:
        for _ in range(3):
            stage(cur, "stage_kept", "LIKE kept")
            cur.execute("SELECT count(*) FROM stage_kept")
            assert cur.fetchone() == (0,)
            copy_rows(cur, "stage_kept", ("row", "note"), [(1, "a")])
            table.commit()


def test_a_server_that_stops_reading_holds_up_the_copy_alone(
    database_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.storage.standing_still", database_url, str(tmp_path)]
    # It ends by itself, or never.
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{len(SIZES)}\n"
