"""Of several processes on one database one collects. Real ones are killed, stopped, and stopped in
the middle of a COPY: the other one takes over, and nothing of an old epoch is written after."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import psutil
import psycopg2
import pytest

from tests.actors.harness import Query, until
from tests.several_nodes import TURNS

if TYPE_CHECKING:
    from psycopg2.extensions import connection

TWICE = pytest.mark.parametrize("attempt", TURNS)


@pytest.fixture
def query(database_url: str, conn: connection) -> Iterator[Query]:
    """A database with our schema, and tables for what the processes do."""
    admin = psycopg2.connect(database_url)
    with admin, admin.cursor() as cur:
        cur.execute("CREATE TABLE written (epoch bigint, node text)")
        cur.execute("CREATE TABLE refused (epoch bigint, node text, error text, held boolean)")
    admin.close()
    query = Query(database_url)
    yield query
    query.close()


@contextmanager
def collecting(url: str, node: str, *how: str) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "tests.storage.collecting", url, node, *how]
    with subprocess.Popen(command) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def count(query: Query, node: str) -> int:
    return int(query("SELECT count(*) FROM written WHERE node = %s", node)[0][0])


def has_written(query: Query, node: str) -> bool:
    return count(query, node) > 0


def is_stopped(process: psutil.Process) -> bool:
    return bool(process.status() == psutil.STATUS_STOPPED)


@TWICE
def test_when_the_collector_is_killed_the_next_one_collects(
    attempt: int, database_url: str, query: Query
) -> None:
    with collecting(database_url, "a") as first:
        until(lambda: has_written(query, "a"))
        with collecting(database_url, "b"):
            waits(query)
            first.send_signal(signal.SIGKILL)
            until(lambda: has_written(query, "b"))
            assert query("SELECT epoch, node FROM collector") == [(2, "b")]
            assert query("SELECT DISTINCT epoch, node FROM written ORDER BY 1") == [
                (1, "a"),
                (2, "b"),
            ]


@TWICE
@pytest.mark.parametrize("how", ["anywhere", "copy"])
def test_one_that_stood_still_is_refused_when_it_goes_on(
    attempt: int, how: str, database_url: str, query: Query
) -> None:
    with collecting(database_url, "a", *([how] if how == "copy" else [])) as first:
        if how == "copy":
            until(lambda: is_stopped(first))
        else:
            until(lambda: has_written(query, "a"))
        with collecting(database_url, "b"):
            if how == "anywhere":
                waits(query)
                first.send_signal(signal.SIGSTOP)
            until(lambda: has_written(query, "b"))
            before = count(query, "a")
            assert (before == 0) is (how == "copy")
            first.send_signal(signal.SIGCONT)
            refusal = "SELECT held FROM refused WHERE node = 'a' AND error = 'NotCollector'"
            assert until(lambda: query(refusal)) == [(False,)]
            more = count(query, "b")
            until(lambda: count(query, "b") > more)
            assert count(query, "a") == before
            assert query("SELECT epoch, node FROM collector") == [(2, "b")]


@TWICE
def test_one_whose_hub_is_blocked_is_replaced_and_refused_when_it_goes_on(
    attempt: int, database_url: str, query: Query
) -> None:
    with collecting(database_url, "a", "hub"), ExitStack() as stack:
        until(lambda: has_written(query, "a"))
        stack.enter_context(collecting(database_url, "b", *([] if attempt == 1 else ["hub"])))
        until(lambda: has_written(query, "b"))
        refusal = "SELECT count(*) FROM refused WHERE error = 'NotCollector' AND NOT held"
        until(lambda: query(refusal) >= [(1,)])
        epochs = [epoch for (epoch,) in query("SELECT epoch FROM written ORDER BY ctid")]
        assert epochs == sorted(epochs)


def waits(query: Query) -> None:
    until(lambda: query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
