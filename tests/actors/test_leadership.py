"""The actor `leadership`: of several processes on one database one collects. Each has a tree of its
own here, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest

from tests.actors.harness import PATIENCE_S, Poison, Query, as_url, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.pgbouncer import pgbouncer
from vatwatch.actors import leadership as module
from vatwatch.actors.leadership import LeadershipActor
from vatwatch.config.database import DatabaseSettings
from vatwatch.messages import ServiceReport
from vatwatch.messages.leadership import Role
from vatwatch.monitoring.health import Health
from vatwatch.storage.collector_epoch import raise_epoch
from vatwatch.storage.collector_lock import NAME
from vatwatch.storage.migrate import newest_known
from vatwatch.supervision import Actor, Fault, FaultKind, Strategy, Tree, supervisor, worker

HANGS_S = 2.0
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"


class Reported(Actor):
    """In the health monitor's place: keeps the reports."""

    def __init__(self, reports: list[ServiceReport]) -> None:
        super().__init__()
        self._reports = reports

    def on_receive(self, message: ServiceReport) -> None:
        self._reports.append(message)


class Member:
    """One process of several: what it is, and what it was told."""

    def __init__(self, node: str, url: str, **settings: str) -> None:
        self.roles: list[bool] = []
        self.seen_at_calls: list[bool] = []
        self.reports: list[ServiceReport] = []
        database = DatabaseSettings(DATABASE_URL=as_url(url), **settings)  # type: ignore[arg-type]
        self.tree = Tree(
            supervisor(
                node,
                Strategy.ONE_FOR_ONE,
                children=[
                    worker("health_monitor", Reported, self.reports),
                    worker(
                        "leadership",
                        LeadershipActor,
                        database,
                        node=node,
                        on_role=self._on_role,
                        handler_deadline_s=HANGS_S,
                    ),
                ],
            )
        )

    def _on_role(self, leads: bool) -> None:
        self.roles.append(leads)
        self.seen_at_calls.append(self.role.leads)

    @property
    def role(self) -> Role:
        return self.tree.directory.address("leadership").shared(Role) or Role("nobody")

    def until_it_leads(self) -> Role:
        until(lambda: self.role.may_write(), "it leads")
        return self.role

    def until_it_waits(self) -> None:
        until(lambda: self.role.why_not == module.OTHER, "another one leads")

    def until_told(self, health: Health, reason: str) -> None:
        until(
            lambda: (
                self.reports
                and self.reports[-1].health is health
                and reason in self.reports[-1].reason
            ),
            f"{health}: {reason}",
        )


@contextmanager
def member(node: str, url: str, **settings: str) -> Iterator[Member]:
    made = Member(node, url, **settings)
    made.tree.start()
    try:
        yield made
    finally:
        made.tree.stop(PATIENCE_S)


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose path is short enough for a socket, and where others may look."""
    with TemporaryDirectory(prefix="lead-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def query(database_url: str) -> Iterator[Query]:
    query = Query(database_url)
    yield query
    query.close()


def test_the_first_one_leads_and_the_next_one_takes_over_when_it_stops(
    database_url: str, query: Query
) -> None:
    with member("b", database_url) as b:
        first = b.until_it_leads()
        assert (first.node, first.epoch, first.why_not) == ("b", 1, "")
        a = Member("a", database_url)
        a.tree.start()
        a.until_it_waits()
        assert a.roles == []
        assert not a.role.may_write()
        a.until_told(Health.HEALTHY, "")
        b.tree.stop(PATIENCE_S)
        assert b.roles == [True]
        assert not first.may_write()
        assert a.until_it_leads().epoch == 2
        assert query("SELECT epoch, node FROM collector") == [(2, "a")]
        a.tree.stop(PATIENCE_S)
        # The role is shared before anybody is told.
        assert a.seen_at_calls == a.roles == [True]
    assert query(f"SELECT count(*) {SESSIONS}", NAME) == [(0,)]


def test_who_leads_first_makes_the_tables(empty_database_url: str) -> None:
    with member("a", empty_database_url) as a:
        assert a.until_it_leads().epoch == 1
    query = Query(empty_database_url)
    assert query("SELECT max(version) FROM schema_migrations") == [(newest_known(),)]
    query.close()


def test_a_newer_schema_is_left_to_those_who_know_it(
    database_url: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCHEMA_RETRY_S", 0.5)
    conn = psycopg2.connect(database_url)
    with conn, conn.cursor() as cur:
        cur.execute("INSERT INTO schema_migrations VALUES (9999, 'of_tomorrow', 'x')")
    with member("a", database_url) as a:
        a.until_told(Health.DEGRADED, "schema 9999")
        assert "schema 9999" in a.role.why_not
        assert a.roles == []
        assert query("SELECT count(*) FROM collector") == [(0,)]
        with conn, conn.cursor() as cur:
            cur.execute("DELETE FROM schema_migrations WHERE version = 9999")
        a.until_it_leads()
        a.until_told(Health.HEALTHY, "")
    conn.close()


@pytest.mark.parametrize("attempt", [1, 2])
def test_who_loses_its_lock_is_told_at_once_and_waits_for_it_again(
    attempt: int, database_url: str, query: Query
) -> None:
    with member("a", database_url) as a:
        first = a.until_it_leads()
        query(f"SELECT pg_terminate_backend(pid) {SESSIONS}", NAME)
        until(lambda: a.role.epoch == 2)
        # It fetches all the time, and is told again, to write at once.
        assert a.roles == a.seen_at_calls == [True, True]
        assert not first.may_write()
        assert a.until_it_leads().epoch == 2
        until(lambda: a.reports[-1].status.lost == 1)  # type: ignore[union-attr]
        assert "was lost" in a.reports[-1].status.last_loss  # type: ignore[union-attr]


def test_behind_a_cut_link_it_leads_no_more_and_another_one_does(
    database_url: str, short: Path
) -> None:
    with PostgresProxy(short, database_url) as cable, member("a", cable.dsn) as a:
        first = a.until_it_leads()
        with member("b", database_url) as b:
            b.until_it_waits()
            cable.stall()
            b.until_it_leads()
            assert not first.may_write()
            a.until_told(Health.DEGRADED, "")
            # It cannot know that another one leads, and goes on to fetch.
            assert a.roles == [True]
            cable.cut()
            cable.mend()
            a.until_it_waits()
            until(lambda: a.roles == [True, False])
            a.until_told(Health.HEALTHY, "")


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("how", ["crash", "hang"])
def test_an_actor_that_fails_leaves_no_lock_behind(
    attempt: int, how: str, database_url: str, query: Query
) -> None:
    with member("a", database_url) as a:
        first = a.until_it_leads()
        address = a.tree.directory.address("leadership")
        if how == "hang":
            a.tree.faults.inject(Fault(FaultKind.HANG, "leadership", seconds=3600))
        address.tell(Poison())
        until(lambda: a.role.epoch == 2)
        assert a.roles == [True, True]
        assert not first.may_write()
        assert a.until_it_leads().epoch == 2
        until(lambda: query(f"SELECT count(*) {SESSIONS}", NAME) == [(1,)])


def test_an_epoch_that_another_one_has_raised_without_leading_is_raised_again(
    database_url: str, query: Query
) -> None:
    """It stood still between taking the lock and raising the epoch."""
    with member("a", database_url) as a:
        assert a.until_it_leads().epoch == 1
        conn = psycopg2.connect(database_url)
        assert raise_epoch(conn, "late") == 2
        conn.close()
        until(lambda: a.role.epoch == 3)
        assert a.role.may_write()
        assert a.roles == [True, True]
        assert query("SELECT epoch, node FROM collector") == [(3, "a")]


def test_through_a_pooler_the_lock_goes_its_own_way(database_url: str, short: Path) -> None:
    options = partial(pgbouncer, short, database_url, ignore_startup_parameters="options")
    with options(pool_mode="transaction") as through:
        with member("a", through) as a:
            a.until_told(Health.DEGRADED, "DATABASE_LOCK_URL")
            assert a.roles == []
        with member("b", through, DATABASE_LOCK_URL=as_url(database_url)) as b:
            b.until_it_leads()


def test_a_database_that_is_away_is_waited_for(database_url: str, short: Path) -> None:
    with PostgresProxy(short, database_url) as cable:
        cable.cut()
        with member("a", cable.dsn) as a:
            a.until_told(Health.DEGRADED, "cannot be reached")
            cable.mend()
            a.until_it_leads()
