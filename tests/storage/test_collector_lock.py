"""The lock of the process that collects, on a real PostgreSQL, past a link that is cut, and behind
a real pgbouncer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest
from gevent.monkey import get_original
from psycopg2.extensions import make_dsn, parse_dsn

from tests.actors.harness import Query, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.pgbouncer import pgbouncer
from vatwatch.storage.collector_lock import (
    HUB_S,
    LEASE_S,
    NAME,
    OLDEST,
    CollectorLock,
    LockPhase,
    Term,
    too_old,
)

TWICE = pytest.mark.parametrize("attempt", [1, 2])
native_thread: Callable[[], int] = get_original("_thread", "get_ident")
native_select: Callable[..., object] = get_original("select", "select")
MINE = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"


class Locked:
    """A lock, and what it has told the hub."""

    def __init__(self, dsn: str, node: str) -> None:
        self.moves = 0
        self.threads: set[int] = set()
        self.lock = CollectorLock(dsn, node=node, on_move=self._moved)

    def _moved(self) -> None:
        self.moves += 1
        self.threads.add(native_thread())

    def until_held(self) -> Term:
        until(lambda: self.lock.held)
        term = self.lock.state.term
        assert term is not None
        return term

    def until_it_waits(self) -> None:
        until(lambda: self.lock.state.phase is LockPhase.WAITING)

    def until_told(self, what: str) -> str:
        return until(lambda: what in self.lock.state.why_not and self.lock.state.why_not)


@contextmanager
def locked(dsn: str, node: str = "a") -> Iterator[Locked]:
    made = Locked(dsn, node)
    try:
        yield made
    finally:
        assert made.lock.close()


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose path is short enough for a socket, and where others may look."""
    with TemporaryDirectory(prefix="lock-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def query(database_url: str) -> Iterator[Query]:
    query = Query(database_url)
    yield query
    query.close()


def test_one_holds_it_and_the_next_one_gets_it_when_it_is_given_back(database_url: str) -> None:
    with locked(database_url, "a") as a:
        term = a.until_held()
        with locked(database_url, "b") as b:
            b.until_it_waits()
            a.lock.release(again_in_s=3600)
            assert not term.holds()
            assert not a.lock.held
            b.until_held()
            assert "given back" in term.ended
            until(lambda: a.moves and b.moves)
            assert a.threads == b.threads == {native_thread()}
            assert a.lock.state.why_not == ""


def test_who_gives_it_back_queues_again_when_its_time_has_come(database_url: str) -> None:
    with locked(database_url) as a:
        first = a.until_held()
        a.lock.release()
        assert a.until_held() is not first
        assert not first.holds()


def test_the_later_lock_of_a_node_closes_the_earlier_one(database_url: str) -> None:
    """An actor that is killed while it hangs may leave one."""
    with locked(database_url) as left, locked(database_url) as successor:
        successor.until_held()
        assert not left.lock.held
        assert left.lock.close()


def test_a_closed_lock_leaves_no_session_and_tells_nothing_any_more(
    database_url: str, query: Query
) -> None:
    with locked(database_url) as a:
        a.until_held()
        b = Locked(database_url, "b")
        b.until_it_waits()
        assert b.lock.close()
        assert a.lock.close()
        moves = a.moves, b.moves
        until(lambda: query(f"SELECT count(*) {MINE}", NAME) == [(0,)])
        assert (a.moves, b.moves) == moves


@TWICE
def test_a_session_that_the_server_ends_is_lost_and_begun_again(
    attempt: int, database_url: str, query: Query
) -> None:
    with locked(database_url) as a:
        first = a.until_held()
        query(f"SELECT pg_terminate_backend(pid) {MINE}", NAME)
        until(lambda: not first.holds())
        assert a.until_held() is not first
        assert "was lost" in first.ended


@TWICE
def test_behind_a_cut_link_the_holder_counts_itself_out_and_the_next_one_takes_it(
    attempt: int, database_url: str, short: Path
) -> None:
    with (
        PostgresProxy(short, database_url) as cable,
        locked(cable.dsn, "a") as a,
        locked(database_url, "b") as b,
    ):
        until(lambda: a.lock.held or b.lock.held)
        if b.lock.held:
            b.lock.release(again_in_s=LEASE_S)
        term = a.until_held()
        b.until_it_waits()
        cable.stall()
        b.until_held()
        assert not a.lock.held
        until(lambda: term.ended)
        assert "no beat was answered" in term.ended
        cable.cut()
        cable.mend()
        a.until_it_waits()
        assert b.lock.held


def test_a_lease_ends_by_the_clock_alone(database_url: str) -> None:
    """Whoever asks is told, also while nothing runs that could have noticed."""
    term = Term(sent_at=0.0)
    assert not term.holds()
    assert term.ended == ""


# Longer than the lease, and not so long that it is blocked.
BUSY_S = LEASE_S + (HUB_S - LEASE_S) / 5


def test_a_busy_hub_costs_neither_the_lock_nor_a_message(database_url: str) -> None:
    with locked(database_url) as a:
        native_select((), (), (), BUSY_S)
        assert a.lock.held
        assert a.moves == 0
        until(lambda: a.moves)
        term = a.until_held()
        native_select((), (), (), BUSY_S)
        assert term.holds()


def test_a_statement_that_waits_is_begun_again(
    database_url: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would keep the server from cleaning up what was deleted since it began."""
    monkeypatch.setattr(
        "vatwatch.storage.collector_lock._PREPARE",
        "SELECT set_config('statement_timeout', '50ms', false)",
    )
    begun = f"SELECT query_start {MINE} AND wait_event = 'advisory'"
    with locked(database_url, "a") as a, locked(database_url, "b") as b:
        until(lambda: a.lock.held or b.lock.held)
        starts: set[object] = set()
        until(lambda: starts.update(query(begun, NAME)) or len(starts) > 3)
        assert LockPhase.WAITING in (a.lock.state.phase, b.lock.state.phase)


def test_a_limit_of_the_role_or_the_database_ends_neither_waiting_nor_holding(
    database_url: str, query: Query
) -> None:
    database = parse_dsn(database_url)["dbname"]
    for name in ("lock_timeout", "statement_timeout", "idle_session_timeout"):
        query_nothing(database_url, f"ALTER DATABASE {database} SET {name} = 100")
    with locked(database_url, "a") as a:
        term = a.until_held()
        with locked(database_url, "b") as b:
            b.until_it_waits()
            begun = term.sent_at
            until(lambda: term.sent_at - begun > LEASE_S)
            assert b.lock.state.phase is LockPhase.WAITING


def query_nothing(url: str, statement: str) -> None:
    conn = psycopg2.connect(url)
    conn.autocommit = True
    with conn.cursor() as cur:
        cur.execute(statement)
    conn.close()


def test_each_schema_has_a_lock_of_its_own(database_url: str) -> None:
    query_nothing(database_url, "CREATE SCHEMA other")
    other = make_dsn(database_url, options="-csearch_path=other")
    with locked(database_url, "a") as a, locked(other, "b") as b:
        until(lambda: a.lock.held and b.lock.held)


def test_an_address_that_leads_nowhere_is_told_without_its_password() -> None:
    with locked("postgresql://me:s3cret@127.0.0.1:1/v") as a:
        said = a.until_told("connection refused")
        assert "s3cret" not in said
        assert not a.lock.held


def test_a_server_that_comes_later_is_found(database_url: str, short: Path) -> None:
    with PostgresProxy(short, database_url) as cable:
        cable.cut()
        with locked(cable.dsn) as a:
            a.until_told("cannot be reached")
            cable.mend()
            a.until_held()


@TWICE
@pytest.mark.parametrize(
    ("mode", "ignored"),
    [("transaction", "options"), ("statement", "options"), ("transaction", "")],
    ids=["transaction", "statement", "options refused"],
)
def test_a_pooler_that_changes_servers_is_refused_with_the_cure(
    attempt: int, mode: str, ignored: str, short: Path, database_url: str
) -> None:
    with (
        pgbouncer(
            short, database_url, pool_mode=mode, ignore_startup_parameters=f"{ignored},extra"
        ) as through,
        locked(through) as a,
    ):
        said = a.until_told("DATABASE_LOCK_URL")
        assert "pooler" in said
        assert not a.lock.held


def test_a_pooler_in_session_mode_is_let_be(short: Path, database_url: str) -> None:
    with (
        pgbouncer(
            short, database_url, pool_mode="session", ignore_startup_parameters="options"
        ) as through,
        locked(through, "a") as a,
    ):
        a.until_held()
        with locked(through, "b") as b:
            b.until_it_waits()
            a.lock.release(again_in_s=3600)
            b.until_held()


@pytest.mark.parametrize(("version", "refused"), [(OLDEST - 1, True), (OLDEST, False)])
def test_a_server_that_cannot_end_still_sessions_is_refused(version: int, refused: bool) -> None:
    assert bool(too_old(version)) is refused
