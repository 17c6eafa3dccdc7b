"""Migrations: once each, in order, all or nothing, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import psycopg2
import pytest

from vatwatch.errors import StorageError
from vatwatch.storage.migrate import Migration, load, migrate
from vatwatch.supervision import NativePool

if TYPE_CHECKING:
    from psycopg2.extensions import connection

FIRST = Migration(1, "first", "CREATE TABLE a (x int);")
SECOND = Migration(2, "second", "CREATE TABLE b (x int); INSERT INTO b VALUES (1);")


@pytest.fixture
def empty(database_url: str) -> Iterator[connection]:
    """A connection to a database without our schema."""
    with closing(psycopg2.connect(database_url)) as conn:
        yield conn


def schema(conn: connection) -> list[tuple[str, str, str]]:
    with conn.cursor() as cur:
        cur.execute(
            """SELECT table_name, column_name, data_type FROM information_schema.columns
               WHERE table_schema = 'public' ORDER BY 1, 2"""
        )
        return cur.fetchall()


def test_the_second_time_nothing_is_applied_and_nothing_changes(empty: connection) -> None:
    assert migrate(empty) == [m.name for m in sorted(load(), key=lambda m: m.version)]
    empty.commit()
    before = schema(empty)
    assert migrate(empty) == []
    empty.commit()
    assert schema(empty) == before


def test_new_migrations_are_applied_in_the_order_of_their_numbers(empty: connection) -> None:
    assert migrate(empty, [FIRST]) == ["first"]
    empty.commit()
    third = Migration(3, "third", "ALTER TABLE b ADD y int;")
    assert migrate(empty, [third, SECOND, FIRST]) == ["second", "third"]


def test_every_column_has_a_comment(empty: connection) -> None:
    migrate(empty)
    with empty.cursor() as cur:
        cur.execute(
            """SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
               WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                 AND NOT relispartition AND attnum > 0 AND NOT attisdropped
                 AND col_description(c.oid, attnum) IS NULL"""
        )
        assert cur.fetchall() == []


def test_several_at_once_apply_each_change_once(database_url: str) -> None:
    def start() -> list[str]:
        with closing(psycopg2.connect(database_url)) as conn:
            names = migrate(conn)
            conn.commit()
            return names

    # Native threads, as psycopg2 blocks: greenlets would take turns.
    threads = NativePool(4, "migrate")
    starters = [gevent.spawn(threads.run, start) for _ in range(4)]
    applied = [starter.get(timeout=30) for starter in starters]
    threads.close()
    in_order = [m.name for m in sorted(load(), key=lambda m: m.version)]
    assert sorted(applied) == [[], [], [], in_order]


def test_an_edited_file_is_refused(empty: connection) -> None:
    migrate(empty, [FIRST])
    empty.commit()
    edited = Migration(1, "first", FIRST.sql + " -- a word more")
    with pytest.raises(StorageError, match="must not be edited"):
        migrate(empty, [edited])


def test_a_newer_database_is_refused_and_left_as_it_is(empty: connection) -> None:
    migrate(empty, [FIRST, SECOND])
    empty.commit()
    before = schema(empty)
    with pytest.raises(StorageError, match="has schema 2"):
        migrate(empty, [FIRST])
    empty.rollback()
    assert schema(empty) == before


def test_a_change_that_fails_leaves_nothing_of_itself_or_of_those_before_it(
    empty: connection,
) -> None:
    broken = Migration(2, "broken", "CREATE TABLE b (x int); SELECT 1 / 0;")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        migrate(empty, [FIRST, broken])
    empty.rollback()
    assert schema(empty) == []
    assert migrate(empty, [FIRST, SECOND]) == ["first", "second"]


def test_only_files_named_as_changes_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "0002_more_tables.sql").write_text("SELECT 2")
    (tmp_path / "0001_tables.sql").write_text("SELECT 1")
    for other in ("notes.txt", "1_short.sql", "0003_draft.sql.bak"):
        (tmp_path / other).write_text("no")
    assert sorted(load(tmp_path), key=lambda m: m.version) == [
        Migration(1, "tables", "SELECT 1"),
        Migration(2, "more_tables", "SELECT 2"),
    ]


def test_our_own_changes_are_numbered_without_gaps() -> None:
    assert sorted(m.version for m in load()) == list(range(1, len(load()) + 1))
