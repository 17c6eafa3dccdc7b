"""The pool of connections, on a real PostgreSQL with real accidents."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gevent
import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from vatwatch.errors import DatabaseUnavailable
from vatwatch.storage import pool as pool_module
from vatwatch.storage.migrate import migrate
from vatwatch.storage.pool import ConnectionPool

if TYPE_CHECKING:
    from psycopg2.extensions import connection

WAIT_S = 20.0


@pytest.fixture
def admin(database_url: str) -> Iterator[connection]:
    conn = psycopg2.connect(database_url)
    conn.autocommit = True
    with conn.cursor() as cur:
        cur.execute("CREATE TABLE notes (text text)")
    yield conn
    conn.close()


@contextmanager
def pool_of(url: str, size: int = 2, timeout_s: float = WAIT_S) -> Iterator[ConnectionPool]:
    pool = ConnectionPool(url, size=size, timeout_s=timeout_s)
    try:
        yield pool
    finally:
        pool.close()


@pytest.fixture
def pool(database_url: str, admin: connection) -> Iterator[ConnectionPool]:
    with pool_of(database_url) as pool:
        yield pool


def ask(sql: str, *values: object) -> Callable[[connection], object]:
    """Work that gives the first value of a statement's first row."""

    def work(conn: connection) -> object:
        with conn.cursor() as cur:
            cur.execute(sql, values)
            row = cur.fetchone() if cur.description else None
            return None if row is None else row[0]

    return work


def note(text: str) -> Callable[[connection], object]:
    return ask("INSERT INTO notes VALUES (%s)", text)


backend_pid = ask("SELECT pg_backend_pid()")


def notes(admin: connection) -> list[str]:
    with admin.cursor() as cur:
        cur.execute("SELECT text FROM notes ORDER BY text")
        return [text for (text,) in cur]


def eventually(condition: Callable[[], object]) -> None:
    with gevent.Timeout(WAIT_S):
        while not condition():
            gevent.sleep(0.005)


def waits_for_lock(admin: connection, count: int = 1) -> bool:
    """Whether so many backends stand before the lock that `admin` holds."""
    waiting = ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return waiting(admin) == count


def is_gone(admin: connection, pid: int) -> bool:
    return ask("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid)(admin) == 0


# --- transactions --------------------------------------------------------------------------------


def test_work_that_returns_is_committed_and_its_result_is_returned(
    pool: ConnectionPool, admin: connection
) -> None:
    pool.run(note("a"))
    assert notes(admin) == ["a"]
    assert pool.run(ask("SELECT 41 + 1")) == 42


def test_work_that_raises_is_rolled_back_and_the_caller_gets_the_error(
    pool: ConnectionPool, admin: connection
) -> None:
    def work(conn: connection) -> None:
        note("a")(conn)
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        pool.run(work)
    with pytest.raises(psycopg2.errors.UndefinedTable):
        pool.run(ask("SELECT * FROM nowhere"))
    assert notes(admin) == []
    assert pool.run(ask("SELECT 1")) == 1
    assert pool.stats().discarded == 0


def test_times_are_utc_on_every_connection(pool: ConnectionPool) -> None:
    assert pool.run(ask("SHOW TIME ZONE")) == "UTC"


# --- waiting -------------------------------------------------------------------------------------


def test_many_greenlets_share_a_few_connections_and_the_hub_goes_on(
    database_url: str, admin: connection
) -> None:
    with pool_of(database_url, size=3) as pool:
        greenlets = [gevent.spawn(pool.run, note(f"{n:03d}")) for n in range(200)]
        gevent.joinall(greenlets, timeout=WAIT_S, raise_error=True)
        assert notes(admin) == [f"{n:03d}" for n in range(200)]
        stats = pool.stats()
        assert 1 <= stats.opened <= 3
        assert (stats.in_use, stats.waiting, stats.discarded) == (0, 0, 0)
        assert stats.idle == stats.opened


def test_a_caller_waits_for_a_free_connection(database_url: str, admin: connection) -> None:
    with pool_of(database_url, size=1) as pool:
        ask("SELECT pg_advisory_lock(1)")(admin)
        first = gevent.spawn(pool.run, ask("SELECT 1 FROM pg_advisory_xact_lock(1)"))
        eventually(lambda: waits_for_lock(admin))
        second = gevent.spawn(pool.run, ask("SELECT 2"))
        eventually(lambda: pool.stats().waiting == 1)
        assert pool.stats().in_use == 1
        ask("SELECT pg_advisory_unlock(1)")(admin)
        assert first.get(timeout=WAIT_S) == 1
        assert second.get(timeout=WAIT_S) == 2
        assert pool.stats().opened == 1


def test_a_caller_that_waits_for_too_long_gets_an_error(
    database_url: str, admin: connection
) -> None:
    with pool_of(database_url, size=1) as pool:
        ask("SELECT pg_advisory_lock(1)")(admin)
        first = gevent.spawn(pool.run, ask("SELECT 1 FROM pg_advisory_xact_lock(1)"))
        eventually(lambda: waits_for_lock(admin))
        with pytest.raises(DatabaseUnavailable, match="all 1 connections are in use"):
            pool.run(ask("SELECT 2"), timeout_s=0.05)
        assert pool.stats().timeouts == 1
        assert pool.stats().waiting == 0
        ask("SELECT pg_advisory_unlock(1)")(admin)
        assert first.get(timeout=WAIT_S) == 1


# --- accidents -----------------------------------------------------------------------------------


def test_a_connection_that_died_while_idle_is_never_handed_out(
    pool: ConnectionPool, admin: connection
) -> None:
    for round_number in range(5):
        pid = pool.run(backend_pid)
        assert isinstance(pid, int)
        ask("SELECT pg_terminate_backend(%s)", pid)(admin)
        eventually(lambda pid=pid: is_gone(admin, pid))
        pool.run(note(str(round_number)))
    assert notes(admin) == ["0", "1", "2", "3", "4"]
    assert pool.stats().discarded == 5


def test_a_connection_that_was_idle_for_long_is_tried_first(
    pool: ConnectionPool, admin: connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "FRESH_S", 0.0)
    pid = pool.run(backend_pid)
    assert isinstance(pid, int)
    assert pool.run(backend_pid) == pid
    ask("SELECT pg_terminate_backend(%s)", pid)(admin)
    eventually(lambda: is_gone(admin, pid))
    assert pool.run(backend_pid) != pid


def test_a_connection_that_dies_at_work_says_the_database_is_unavailable(
    pool: ConnectionPool, admin: connection
) -> None:
    ask("SELECT pg_advisory_lock(1)")(admin)
    work = gevent.spawn(pool.run, ask("SELECT 1 FROM pg_advisory_xact_lock(1)"))
    eventually(lambda: waits_for_lock(admin))
    ask(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    )(admin)
    with pytest.raises(DatabaseUnavailable):
        work.get(timeout=WAIT_S)
    assert pool.run(ask("SELECT 1")) == 1
    assert pool.stats().discarded == 1


def test_a_statement_that_takes_too_long_frees_the_caller_and_the_thread(
    database_url: str, admin: connection
) -> None:
    with pool_of(database_url, size=1) as pool:
        ask("SELECT pg_advisory_lock(1)")(admin)
        with pytest.raises(DatabaseUnavailable, match="no answer in time"):
            pool.run(ask("SELECT 1 FROM pg_advisory_xact_lock(1)"), timeout_s=0.3)
        # There is one thread and one connection: both can be had again, the lock still held.
        assert pool.run(ask("SELECT 1")) == 1
        assert pool.stats().timeouts == 1
        assert pool.stats().discarded == 1


@pytest.mark.parametrize("fresh_s", [0.0, 1e9])
def test_a_stalled_server_costs_the_timeout_and_then_nothing(
    database_url: str, admin: connection, monkeypatch: pytest.MonkeyPatch, fresh_s: float
) -> None:
    """Stopped, not dead: the connection stays up, and nothing comes back."""
    monkeypatch.setattr(pool_module, "FRESH_S", fresh_s)
    monkeypatch.setattr(pool_module, "TRIAL_S", 0.3)
    with pool_of(database_url, size=1) as pool:
        pid = pool.run(backend_pid)
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGSTOP)
        try:
            if fresh_s:
                with pytest.raises(DatabaseUnavailable, match="no answer in time"):
                    pool.run(note("lost"), timeout_s=0.3)
            # One that is tried first is found out before the work is given to it.
            pool.run(note("kept"))
            assert notes(admin) == ["kept"]
        finally:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: is_gone(admin, pid))
        assert notes(admin) == ["kept"]


def test_a_killed_caller_frees_its_place_and_its_connection_is_not_reused(
    database_url: str, admin: connection
) -> None:
    with pool_of(database_url, size=1) as pool:
        ask("SELECT pg_advisory_lock(1)")(admin)
        victim = gevent.spawn(pool.run, ask("SELECT 1 FROM pg_advisory_xact_lock(1)"))
        eventually(lambda: waits_for_lock(admin))
        victim.kill(timeout=WAIT_S)
        assert pool.stats().in_use == 0
        assert pool.run(ask("SELECT 1")) == 1
        assert pool.stats().opened == 2


@pytest.mark.parametrize(
    "dsn",
    [
        "host=/nowhere/at/all dbname=x",
        "host=127.0.0.1 port=1 dbname=x",
        "host=localhost.invalid dbname=x",
    ],
)
def test_a_server_that_is_not_there_is_unavailable(dsn: str) -> None:
    with pool_of(dsn) as pool:
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                pool.run(ask("SELECT 1"))
        assert pool.stats().in_use == 0


# --- closing -------------------------------------------------------------------------------------


def test_the_servers_reason_for_refusing_connections_is_shown_without_its_detail(
    database_url: str, admin: connection
) -> None:
    role = f"r{uuid.uuid4().hex}"
    name = admin.info.dbname
    with admin.cursor() as cur:
        cur.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; CREATE ROLE {role} LOGIN")
    try:
        pool = ConnectionPool(make_dsn(database_url, user=role), size=1, timeout_s=20)
        with pytest.raises(DatabaseUnavailable, match=f'permission denied for database "{name}"'):
            pool.run(backend_pid)
        pool.close()
    finally:
        with admin.cursor() as cur:
            cur.execute(f"DROP ROLE {role}")


def test_a_closed_pool_has_no_connection_and_takes_no_work(
    database_url: str, admin: connection
) -> None:
    pool = ConnectionPool(database_url, size=2, timeout_s=WAIT_S, application_name="closing")
    pool.run(ask("SELECT 1"))
    pool.close()
    open_ones = ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing'")
    eventually(lambda: open_ones(admin) == 0)
    with pytest.raises(DatabaseUnavailable, match="closed"):
        pool.run(ask("SELECT 1"))
    pool.close()


def test_a_caller_that_waits_when_the_pool_closes_gets_an_error(
    database_url: str, admin: connection
) -> None:
    pool = ConnectionPool(database_url, size=1, timeout_s=WAIT_S)
    ask("SELECT pg_advisory_lock(1)")(admin)
    first = gevent.spawn(pool.run, ask("SELECT 1 FROM pg_advisory_xact_lock(1)"))
    eventually(lambda: waits_for_lock(admin))
    second = gevent.spawn(pool.run, ask("SELECT 2"))
    eventually(lambda: pool.stats().waiting == 1)
    closing = gevent.spawn(pool.close)
    eventually(lambda: pool._closed)
    ask("SELECT pg_advisory_unlock(1)")(admin)
    assert first.get(timeout=WAIT_S) == 1
    with pytest.raises(DatabaseUnavailable, match="closed"):
        second.get(timeout=WAIT_S)
    closing.get(timeout=WAIT_S)
    assert pool.stats().idle == 0


# --- what the address asks for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("-c search_path=elsewhere,public", {"search_path": "elsewhere,public"}),
        ("-c work_mem=7MB -c geqo=off", {"work_mem": "7MB", "geqo": "off"}),
        (r'-c search_path="with\ space"', {"search_path": '"with space"'}),
        ("--lock-timeout=1234", {"lock_timeout": "1234ms"}),
        ("-c timezone=Asia/Tokyo", {"timezone": "UTC"}),  # times are read as UTC everywhere
        ("-c statement_timeout=0", {"statement_timeout": "20s"}),  # nothing may take for ever
        ("-c client_encoding=LATIN1", {"client_encoding": "UTF8"}),  # what is sent is UTF-8
    ],
)
def test_the_options_of_the_address_are_kept_beside_our_own(
    options: str, shown: dict[str, str], database_url: str
) -> None:
    with pool_of(make_dsn(database_url, options=options)) as pool:
        for name, value in shown.items():
            assert pool.run(ask(f"SHOW {name}")) == value
        assert pool.run(ask("SHOW timezone")) == "UTC"
        assert pool.run(ask("SHOW statement_timeout")) == "20s"


def test_options_of_the_environment_count_as_those_of_the_address(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=9MB")
    with pool_of(database_url) as pool:
        assert pool.run(ask("SHOW work_mem")) == "9MB"
        assert pool.run(ask("SHOW timezone")) == "UTC"


def test_tables_are_where_the_addresss_search_path_says(
    database_url: str, admin: connection
) -> None:
    with admin.cursor() as cur:
        cur.execute("CREATE SCHEMA apart")
    with pool_of(make_dsn(database_url, options="-c search_path=apart")) as pool:
        pool.run(migrate)
        schema = ask("SELECT schemaname FROM pg_tables WHERE tablename = 'snapshots'")
        assert pool.run(schema) == "apart"


@pytest.mark.parametrize("given", [None, "of the operator"])
def test_the_name_of_the_application_is_ours_only_if_the_address_has_none(
    given: str | None, database_url: str
) -> None:
    url = database_url if given is None else make_dsn(database_url, application_name=given)
    with pool_of(url) as pool:
        assert pool.run(ask("SHOW application_name")) == (given or "vatwatch")


@pytest.mark.parametrize(("given", "used"), [(None, "5"), ("0", "5"), ("9", "9")])
def test_a_timeout_of_the_address_is_used_but_not_one_that_is_none(
    given: str | None, used: str, database_url: str
) -> None:
    url = database_url if given is None else make_dsn(database_url, connect_timeout=given)
    with pool_of(url) as pool:
        assert pool.run(lambda conn: conn.get_dsn_parameters())["connect_timeout"] == used
