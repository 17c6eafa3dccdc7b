"""The real tree on a real database, a real journal and a feed server of the test's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import falcon.testing
import gevent
import psycopg2
from psycopg2.extensions import connection, parse_dsn

from tests.feed_server import FeedServer
from vatsim_simulator.publication import Publication
from vatwatch.config.settings import Settings, load
from vatwatch.errors import SupervisionError
from vatwatch.feed.decode import peek
from vatwatch.feed.times import parse_time
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.in_process import InProcess
from vatwatch.messages import AppendSnapshot, GetDsn, GetReports, Reports
from vatwatch.messages.status import Status
from vatwatch.supervision import NodeInfo, Notice, State, Tell, Tree
from vatwatch.system import build
from vatwatch.wiring import Membership

T = TypeVar("T")
S = TypeVar("S", bound=Status)

# Far more than anything takes; a test that gets here has failed.
PATIENCE_S = 60.0
POLL_S = 0.02
# Longer than handling a message takes. Who takes longer hangs, or the machine does.
CALM_S = 0.3
# Who has one message in hand for so long hangs.
HANGS_S = 3.0
# The header of requests that change something.
KEY = "key-of-the-tests"


@dataclass(frozen=True, slots=True)
class Poison(Tell):
    """An unknown message: the actor that gets it raises in its handler."""


def until(condition: Callable[[], T], what: str = "") -> T:
    """Wait until the condition holds, and give what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"never came true: {what or condition}"
        gevent.sleep(POLL_S)


def eventually(check: Callable[[], T]) -> T:
    """Wait until no assertion in the check fails, and give what it gives.

    For what comes true after what was waited for, and not with it: another actor's report, an
    answer that is a 503 while a group restarts, the second of two rows.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return check()
        except (AssertionError, LookupError):
            if time.monotonic() >= deadline:
                raise
        gevent.sleep(POLL_S)


class Query:
    """Looks into the database, past the service."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._conn: connection | None = None

    def __call__(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        if self._conn is not None:
            try:
                return self._ask(self._conn, sql, values)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                # A server that was stopped or has thrown us out; it may be back.
                if not self._conn.closed:
                    raise
        self._conn = self._connected()
        return self._ask(self._conn, sql, values)

    def _connected(self) -> connection:
        """Each connection is a process of the server: a test that looks often keeps its own."""
        conn = psycopg2.connect(self._url)
        conn.autocommit = True  # it holds no lock and sees what is there now
        with conn.cursor() as cur:
            cur.execute("SET TIME ZONE 'UTC'")
        return conn

    @staticmethod
    def _ask(conn: connection, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with conn.cursor() as cur:
            cur.execute(sql, values)
            return cur.fetchall()

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()

    def snapshots(self) -> list[datetime]:
        try:
            rows = self(
                "SELECT update_timestamp FROM snapshots ORDER BY stored_at, update_timestamp"
            )
        except (psycopg2.errors.UndefinedTable, psycopg2.OperationalError):
            return []  # not there yet, or not there now
        return [row[0] for row in rows]


class Running:
    """A tree that runs."""

    def __init__(
        self, tree: Tree, settings: Settings, feeds: FeedServer | None, look_at: str | None
    ) -> None:
        self.tree, self.settings, self.feeds = tree, settings, feeds
        self._looks = None if look_at is None else Query(look_at)
        self.notices: list[Notice] = []
        tree.observe(self.notices.append)
        authorization = WriteAuthorization([KEY], rate="1000/minute")
        self.service = AppContext(
            tree,
            datetime.now(UTC),
            authorization,
            faults_allowed=True,
            keeps_errors=settings.errors.enabled,
        )
        self.app = create_app(self.service)
        self.http = falcon.testing.TestClient(self.app)

    @property
    def sql(self) -> Query:
        """The service's database; the embedded one may be on its way."""
        if self._looks is not None:
            return self._looks
        return Query(self.tree.directory.address("postgres").ask(GetDsn(), timeout_s=PATIENCE_S))

    def close(self) -> None:
        if self._looks is not None:
            self._looks.close()

    # --- what it says of itself

    def reports(self) -> Reports:
        """What the parts have reported; what each has just done is in it, unless it hangs."""
        deadline = time.monotonic() + CALM_S
        while time.monotonic() < deadline and self._somebody_is_at_it():
            gevent.sleep(POLL_S / 10)
        return self.tree.directory.address("health_monitor").ask(GetReports(), timeout_s=PATIENCE_S)

    def status(self, name: str, kind: type[S]) -> S:
        report = self.reports().services.get(name)
        return report.status if report and isinstance(report.status, kind) else kind()

    def reason(self, name: str) -> str:
        return self.reports().services[name].reason

    def node(self, name: str) -> NodeInfo:
        # Tests poll this while they wait: so this part alone is asked for, and not the whole tree.
        found = self.tree.node(name)
        if found is not None:
            return found
        return next(info for info in self.tree.snapshot().walk() if info.name == name)

    def _somebody_is_at_it(self) -> bool:
        nodes = self.tree.snapshot().walk()
        return any(n.handling is not None and n.busy_s < CALM_S for n in nodes)

    def settle(self, *names: str) -> None:
        """Wait until these actors have handled all that they were told.

        What one of them does is seen (a row, an answer) before it has reported it. When all of them
        are idle at once, and the health monitor with them, the reports say it, too. Nobody waits
        for one that hangs.
        """
        until(lambda: all(map(self._is_idle, (*names, "health_monitor"))), f"{names} are idle")

    def _is_idle(self, name: str) -> bool:
        node = self.node(name)
        depth = node.mailbox.depth if node.mailbox else 0
        if node.state is not State.RUNNING or node.busy_s > HANGS_S:
            return True
        return node.handling is None and not depth

    # --- failures

    def poison(self, name: str) -> None:
        """Let it fail once. A second poison on its way would open its breaker on a slow machine."""
        until(lambda: self.node(name).state is State.RUNNING, f"{name} runs")
        before = self.node(name).failures
        self.tree.directory.address(name).tell(Poison())
        until(lambda: self.node(name).failures > before, f"{name} fails")

    def suspend(self, name: str) -> None:
        """Let it fail until its supervisor gives it a pause."""
        address = self.tree.directory.address(name)

        def is_in(*states: State) -> NodeInfo | None:
            node = self.node(name)
            return node if node.state in states else None

        while not is_in(State.SUSPENDED):
            if (node := is_in(State.RUNNING)) is not None:
                address.tell(Poison())
                until(lambda: is_in(State.SUSPENDED) or self.node(name).failures > node.failures)
            gevent.sleep(POLL_S)

    # --- input

    def hand_in(self, publication: Publication, *, radios: bool = True) -> int:
        """A snapshot past the fetcher, straight to the journal."""
        return self.hand_in_bytes(
            publication.data.raw, publication.transceivers.raw if radios else None
        )

    def hand_in_bytes(self, data: bytes, transceivers: bytes | None = None) -> int:
        time_of_it = parse_time(peek(data).update_timestamp)
        message = AppendSnapshot(time_of_it, datetime.now(UTC), data, transceivers, "test")
        while True:
            try:
                return self.tree.directory.address("journal").ask(message, timeout_s=PATIENCE_S)
            except SupervisionError:
                gevent.sleep(POLL_S)

    def next_update(self) -> datetime:
        """Advance the network by one update. Returns its time."""
        assert self.feeds is not None
        return parse_time(self.feeds.advance().counts.update_timestamp)

    # --- results

    def served(self) -> datetime | None:
        """The time of the snapshot that the API serves."""
        answer = self.http.simulate_get("/api/network")
        return parse_time(answer.json["updated_at"]) if answer.status_code == 200 else None

    def until_served(self, moment: datetime) -> None:
        until(lambda: self.served() == moment, f"{moment} is served")
        self.settle("processor", "cache")

    def until_stored(self, moment: datetime) -> None:
        until(lambda: moment in self.sql.snapshots(), f"{moment} is stored")
        self.settle("store", "journal")

    def until_next_is_through(self) -> datetime:
        moment = self.next_update()
        self.until_served(moment)
        self.until_stored(moment)
        return moment


def as_url(dsn: str) -> str:
    """A DSN of words as an address, which is what the settings want."""
    words = parse_dsn(dsn)
    return f"postgresql:///{words.pop('dbname')}?{urlencode(words)}"


def settings_for(home: Path, **environment: object) -> Settings:
    """Settings of a test: everything in `home`, polls as fast as they come, few patience."""
    env = {
        "VATWATCH_HOME": home / "home",
        "VATSIM_POLL_INTERVAL": 0.1,
        "VATSIM_API_TIMEOUT": 2,
        "VATSIM_API_RETRY_ATTEMPTS": 0,
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 3,
        "CIRCUIT_BREAKER_TIMEOUT": 0.3,
        # Each look costs as much as a snapshot: more often, it is a third of what a test costs.
        "SERVICE_HEALTH_CHECK_INTERVAL": 0.5,
        # Who is late on a slow machine does not hang.
        "VATWATCH_PROBE_TIMEOUT": PATIENCE_S,
        # However full the disk of the machine is.
        "VATWATCH_DISK_SOFT_MB": 0,
        "VATWATCH_DISK_HARD_MB": 0,
        **environment,
    }
    return load(env={k: str(v) for k, v in env.items() if v is not None}, directory=home)


@contextmanager
def running(
    home: Path,
    database_url: str | None,
    *,
    feeds: FeedServer | None = None,
    look_at: str | None = None,
    several_nodes: bool = False,
    **environment: object,
) -> Iterator[Running]:
    """A tree that runs; without `feeds` nothing polls, and the test hands snapshots in.
    `several_nodes`: it follows until it is told to collect (`tell_role`).

    `look_at` is the database's address for the test itself, which blocks in it: it must not be one
    that is served by the test's own hub.
    """
    if feeds is None:
        environment["VATSIM_POLL_INTERVAL"] = (
            15  # there is no poll; less is refused for VATSIM itself
        )
    else:
        environment.setdefault("VATSIM_API_URL", feeds.url)
    settings = settings_for(
        home, DATABASE_URL=None if database_url is None else as_url(database_url), **environment
    )
    answers = InProcess()
    tree = build(
        settings,
        polls=feeds is not None,
        member=Membership(home.name, answers.answer) if several_nodes else None,
        on_settings=lambda s, _options: service.service.use(s),
    )
    service = Running(tree, settings, feeds, look_at or database_url)
    if several_nodes:
        service.service.node = home.name
    answers.app = service.app
    tree.start()
    if feeds is not None and database_url is not None and not several_nodes:
        # It collects as soon as nobody else does.
        until(lambda: service.node("pipeline").state is not State.STANDBY, "it collects")
        until(lambda: service.node("fetcher").state is not State.STANDBY, "it fetches")
    try:
        yield service
    finally:
        service.close()
        tree.stop(PATIENCE_S)
