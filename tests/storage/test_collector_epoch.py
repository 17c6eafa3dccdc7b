"""The epoch of who collects, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import gevent
import psycopg2
import pytest
from gevent.monkey import get_original
from psycopg2.extensions import make_dsn

from tests.actors.harness import Query, until
from vatwatch.errors import DatabaseUnavailable, NotCollector
from vatwatch.storage.collector_epoch import RAISE_S, check_epoch, in_epoch, raise_epoch, read_epoch
from vatwatch.storage.pool import ConnectionPool

if TYPE_CHECKING:
    from psycopg2.extensions import connection

Result = TypeVar("Result")

native_select: Callable[..., object] = get_original("select", "select")


@pytest.fixture
def query(database_url: str, conn: connection) -> Iterator[Query]:
    """A database with our schema, and a table for what is written."""
    with conn.cursor() as cur:
        cur.execute("CREATE TABLE written (text text)")
    conn.commit()
    query = Query(database_url)
    yield query
    query.close()


class InEpoch(ConnectionPool):
    """Runs all its work in one epoch, if it has one."""

    epoch: int | None = None

    def run(
        self, work: Callable[[connection], Result], *, timeout_s: float | None = None
    ) -> Result:
        if self.epoch is not None:
            work = in_epoch(self.epoch, work)
        return super().run(work, timeout_s=timeout_s)


@contextmanager
def pool_of(url: str, epoch: int | None = None) -> Iterator[ConnectionPool]:
    pool = InEpoch(url, size=2, timeout_s=20)
    pool.epoch = epoch
    try:
        yield pool
    finally:
        pool.close()


def write(conn: connection, text: str) -> None:
    with conn.cursor() as cur:
        cur.execute("INSERT INTO written VALUES (%s)", (text,))


def pause(conn: connection) -> None:
    """Do nothing in the middle of a transaction for longer than anybody waits for it."""
    write(conn, "half")
    native_select((), (), (), RAISE_S / 4)
    write(conn, "the other half")


def test_each_epoch_is_higher_and_has_its_node(database_url: str, query: Query) -> None:
    with pool_of(database_url) as pool:
        assert pool.run(read_epoch) is None
        assert pool.run(partial(raise_epoch, node="a")) == 1
        assert pool.run(partial(raise_epoch, node="b")) == 2
        assert pool.run(read_epoch) == 2
    assert query("SELECT node FROM collector") == [("b",)]


def test_only_transactions_of_the_epoch_in_force_write(database_url: str, query: Query) -> None:
    with (
        pool_of(database_url) as plain,
        pool_of(database_url, 1) as first,
        pool_of(database_url, 2) as second,
    ):
        with pytest.raises(NotCollector, match="no process collects yet"):
            first.run(partial(write, text="too early"))
        plain.run(partial(raise_epoch, node="a"))
        first.run(partial(write, text="first"))
        plain.run(partial(raise_epoch, node="b"))
        with pytest.raises(NotCollector, match="b collects now"):
            first.run(partial(write, text="too late"))
        second.run(partial(write, text="second"))
        # Its connections are well: who collects again uses them again.
        assert first.stats().discarded == 0
    assert query("SELECT text FROM written") == [("first",), ("second",)]


def test_what_is_refused_is_weather_for_who_writes() -> None:
    assert issubclass(NotCollector, DatabaseUnavailable)


@pytest.mark.parametrize("name", ["vatwatch", "of its own"])
def test_a_writer_that_does_not_end_is_ended_when_the_epoch_is_raised(
    name: str, database_url: str, query: Query
) -> None:
    """Whatever its address calls it. Who reads the table, as a dump does, is left alone."""
    writer = psycopg2.connect(make_dsn(database_url, application_name=name))
    reader = psycopg2.connect(database_url)
    with pool_of(database_url) as pool:
        assert pool.run(partial(raise_epoch, node="a")) == 1
        check_epoch(writer, 1)
        write(writer, "begun")
        assert read_epoch(reader) == 1
        assert pool.run(partial(raise_epoch, node="b")) == 2
    with pytest.raises(psycopg2.OperationalError):
        writer.commit()
    reader.commit()
    assert read_epoch(reader) == 2
    reader.close()
    assert query("SELECT text FROM written") == []


def test_a_writer_of_another_schema_is_left_alone(database_url: str, query: Query) -> None:
    query(
        "CREATE SCHEMA other; CREATE TABLE other.collector (LIKE collector INCLUDING ALL); SELECT"
    )
    other = make_dsn(database_url, options="-csearch_path=other")
    with pool_of(database_url) as pool, pool_of(other) as others:
        assert pool.run(partial(raise_epoch, node="a")) == 1
        assert others.run(partial(raise_epoch, node="c")) == 1
        writer = psycopg2.connect(other)
        check_epoch(writer, 1)
        holder = psycopg2.connect(database_url)
        check_epoch(holder, 1)
        assert pool.run(partial(raise_epoch, node="b")) == 2
        assert others.run(read_epoch) == 1
        writer.commit()
        writer.close()
        holder.close()


def test_who_waits_for_the_epoch_is_refused_and_does_not_hang(
    database_url: str, query: Query
) -> None:
    with pool_of(database_url) as pool, pool_of(database_url, 1) as fenced:
        pool.run(partial(raise_epoch, node="a"))
        raiser = psycopg2.connect(database_url)
        with raiser.cursor() as cur:
            cur.execute("UPDATE collector SET epoch = 2")
        with pytest.raises(NotCollector, match="about to collect"):
            fenced.run(partial(write, text="no"))
        # One that stood still while it raised the epoch is ended, too.
        assert pool.run(partial(raise_epoch, node="b")) == 2
        raiser.close()
    assert query("SELECT text FROM written") == []


def test_the_wait_for_the_epoch_is_the_only_one_that_is_shortened(
    database_url: str, query: Query
) -> None:
    seen: list[str] = []

    def look(conn: connection) -> None:
        with conn.cursor() as cur:
            cur.execute("SHOW lock_timeout")
            seen.extend(cur.fetchone() or ())

    with pool_of(database_url) as pool, pool_of(database_url, 1) as fenced:
        pool.run(partial(raise_epoch, node="a"))
        fenced.run(look)
        pool.run(look)
    assert seen == ["0", "0"]


def test_who_does_nothing_in_a_transaction_of_an_older_epoch_is_ended(
    database_url: str, query: Query
) -> None:

    def is_ended() -> bool:
        try:
            fenced.run(pause)
        except DatabaseUnavailable:
            return True
        return False

    with pool_of(database_url) as pool, pool_of(database_url, 1) as fenced:
        pool.run(partial(raise_epoch, node="a"))
        writing = gevent.spawn(is_ended)
        held = "SELECT FROM pg_locks WHERE relation = 'collector'::regclass AND mode ~ '^Row'"
        until(lambda: query(held))
        assert pool.run(partial(raise_epoch, node="b")) == 2
        assert query(held) == []
        assert writing.get()
    assert query("SELECT text FROM written") == []
