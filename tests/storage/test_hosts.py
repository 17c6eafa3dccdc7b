"""Addresses with several hosts, on a primary and its replica: which of them is used, and what is
done with connections to one that is dead or no longer the primary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import pytest
from psycopg2.extensions import make_dsn

from tests.actors.harness import PATIENCE_S, until
from tests.replicas import Pair, pair_in
from vatwatch.errors import DatabaseUnavailable
from vatwatch.storage.pool import ConnectionPool

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair_in(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


@contextmanager
def pool_of(dsn: str, *, size: int = 3, reads: bool = False) -> Iterator[ConnectionPool]:
    pool = ConnectionPool(dsn, size=size, timeout_s=PATIENCE_S, reads=reads)
    try:
        yield pool
    finally:
        pool.close()


def ask(sql: str) -> Callable[[connection], object]:
    def work(conn: connection) -> object:
        with conn.cursor() as cur:
            cur.execute(sql)
            row = cur.fetchone() if cur.description else None
            return None if row is None else row[0]

    return work


def fill(pool: ConnectionPool, count: int) -> None:
    """Let so many connections be idle."""

    def at_once() -> bool:
        gevent.joinall([gevent.spawn(pool.run, ask("SELECT pg_sleep(0.1)")) for _ in range(count)])
        return pool.stats().idle == count

    until(at_once)


is_standby = ask("SELECT pg_is_in_recovery()")


@pytest.mark.parametrize("replica_first", [True, False])
def test_of_several_hosts_the_primary_is_written_to_and_a_standby_is_read(
    pair: Pair, replica_first: bool
) -> None:
    dsn = pair.both(replica_first=replica_first)
    with pool_of(dsn) as writes, pool_of(dsn, reads=True) as reads:
        assert writes.run(is_standby) is False
        assert reads.run(is_standby) is True


def test_what_the_address_says_about_its_hosts_wins(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = pair.both(replica_first=True)
    with pool_of(make_dsn(dsn, target_session_attrs="any", connect_timeout=9)) as pool:
        assert pool.run(is_standby) is True
        assert pool.run(lambda conn: conn.get_dsn_parameters())["connect_timeout"] == "9"
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "standby")
    with pool_of(dsn) as pool:
        assert pool.run(is_standby) is True


def test_reads_of_several_hosts_go_to_the_primary_if_no_standby_answers(pair: Pair) -> None:
    pair.stop_server("replica")
    try:
        with pool_of(pair.both(replica_first=True), reads=True) as reads:
            assert reads.run(is_standby) is False
    finally:
        pair.start_server("replica")


def test_a_first_host_that_takes_connections_and_says_nothing_leaves_time_for_the_second(
    pair: Pair,
) -> None:
    with pair.stalled("replica"), pool_of(pair.both(replica_first=True)) as pool:

        def reaches_the_second() -> bool:
            # A busy machine may need all of its time for that one, too.
            with suppress(DatabaseUnavailable):
                return pool.run(is_standby) is False
            return False

        until(reaches_the_second)
        assert pool.run(lambda conn: conn.get_dsn_parameters())["connect_timeout"] == "2"


def test_a_connection_to_a_primary_that_became_read_only_is_not_kept(pair: Pair) -> None:
    pair.do(pair.primary, "CREATE TABLE notes (text text)")
    with pool_of(pair.primary) as pool:
        fill(pool, 3)
        read_only = "ALTER SYSTEM SET default_transaction_read_only = on"
        pair.do(pair.primary, read_only, "SELECT pg_reload_conf()")
        try:
            until(lambda: pool.run(ask("SHOW default_transaction_read_only")) == "on")
            with pytest.raises(DatabaseUnavailable, match="read-only transaction"):
                pool.run(ask("INSERT INTO notes VALUES ('lost')"))
            assert pool.stats().idle == 0
        finally:
            reset = "ALTER SYSTEM RESET default_transaction_read_only"
            pair.do(pair.primary, reset, "SELECT pg_reload_conf()")


def test_a_primary_that_stalls_costs_one_deadline_and_the_next_try_reaches_its_successor(
    tmp_path: Path,
) -> None:
    with pair_in(tmp_path / "pair") as pair, pool_of(pair.both(), size=4) as pool:
        fill(pool, 4)
        other = gevent.spawn(pool.run, ask("SELECT pg_sleep(600)"), timeout_s=600.0)
        active = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
        until(lambda: pair.on_primary(active), "it is at work")
        with pair.stalled("primary"):
            with pytest.raises(DatabaseUnavailable, match="no answer in time"):
                pool.run(is_standby, timeout_s=1.0)
            assert pool.stats().idle == 0
            # It was cut off, long before its own deadline.
            with pytest.raises(DatabaseUnavailable, match="was lost"):
                other.get(timeout=PATIENCE_S)
            pair.promote()
            assert pool.run(ask("SELECT pg_is_in_recovery()::text")) == "false"
            assert pool.stats().in_use == 0
