"""Leadership: of several processes on one external database, one collects; is it this one?

Receives  LockMoved, CheckEpoch
Sends     ServiceReport
Holds     the collector's lock, or its place in the queue; one connection of its own
Restart   costs the role: another process takes it at once, or this one again, with a new epoch
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, assert_never

import psycopg2

from vatwatch.actors.collecting import Collecting, LockStanding
from vatwatch.actors.service import Service
from vatwatch.actors.store_schema import bring_up_to_date
from vatwatch.errors import DatabaseUnavailable, SchemaRefused, StorageError
from vatwatch.messages import NodesView, Role, UseRole
from vatwatch.messages.leadership_status import LeadershipStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.collector_epoch import RAISE_S, raise_epoch, read_epoch
from vatwatch.storage.collector_lock import CollectorLock, LockPhase, Term
from vatwatch.storage.pool import ConnectionPool
from vatwatch.storage.snapshot_times import newest_fetch
from vatwatch.storage.weather import said
from vatwatch.supervision import Latest, Tell

if TYPE_CHECKING:
    from vatwatch.config.database import DatabaseSettings


@dataclass(frozen=True, slots=True)
class LockMoved(Latest):
    """The lock was taken, lost, or cannot be had: look at it."""


@dataclass(frozen=True, slots=True)
class CheckEpoch(Tell):
    """Look whether our epoch is in force."""


Received: TypeAlias = LockMoved | CheckEpoch

log = logging.getLogger(__name__)

NAME = "vatwatch leadership"
# Of one transaction: to raise the epoch may take `RAISE_S`.
TIMEOUT_S = RAISE_S + 5.0
# Somebody must start another version, or stop the one that is not to run.
SCHEMA_RETRY_S = 30.0
# The database refuses what the role needs; another process may fare better.
RETRY_S = 2.0
# How soon it is noticed that another one has raised the epoch without leading.
CHECK_S = 1.0
CONNECTING = "it looks for the lock in the database"
# So long a service without Redis waits for one that is just ending.
ALONE_QUEUES_S = 10.0
TWO_ALONE = (
    "another vatwatch collects into this database. Stop one of the two, or let both have the same "
    "REDIS_URL: then one collects, and the other follows it and gives the same answers"
)
OTHER = "another process on this database collects"


class LeadershipActor(Service):
    """Leads while it holds the lock, from the moment on in which its epoch is in force.

    What it shares is a `Role`. While it leads, every writing transaction must check the epoch:
    that, and not the lock, keeps an older collector from writing.
    """

    _lock: CollectorLock
    _pool: ConnectionPool

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        node: str,
        tells: Sequence[str] = (),
        on_role: Callable[[bool], None] = lambda _collects: None,
        on_refused: Callable[[str], None] = lambda _why: None,
    ) -> None:
        """
        Args:
            settings: of an external database
            node: what this process calls itself; no other one may have the same name
            tells: who is told whether this process collects now, each time that it is decided
            on_role: called at each change with whether this process collects now, in this actor,
                one call after the other. The role is shared before
            on_refused: called with the reason why this process can never collect as things are
        """
        super().__init__()
        assert settings.url is not None, "an embedded database has but one user"
        assert settings.way_to_lock is not None
        self._dsn = settings.url.get_secret_value()
        self._lock_dsn, self._lock_setting = settings.way_to_lock
        self._called = node
        self._tells = tells
        self._untold: set[str] = set()
        self._on_role = on_role
        self._on_refused = on_refused
        self._role = Role(node, why_not=CONNECTING)
        self._term: Term | None = None
        # Why the lock was given back, as it was logged last.
        self._told = ""
        self._refusal = ""
        self._is_refused = False
        self._taken = self._lost = 0
        self._last_loss = ""

    def on_start(self) -> None:
        self._collecting = self.lasting(Collecting)
        self._role = replace(self._role, collects=self._collecting.collects)
        self.share(self._role)
        self._pool = ConnectionPool(self._dsn, size=1, timeout_s=TIMEOUT_S, application_name=NAME)
        own = self.address(self.name)
        self._lock = CollectorLock(
            self._lock_dsn,
            node=self._called,
            on_move=lambda: own.tell(LockMoved()),
            setting=self._lock_setting,
        )
        self.after(CHECK_S, CheckEpoch())
        self._report()

    def on_stop(self) -> None:
        try:
            self._follow("it stops")
        finally:
            self._close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        # Others take over at once; what is begun here is refused by the epoch.
        self._close()
        self._follow("it has failed")

    def on_receive(self, message: Received) -> None:
        match message:
            case LockMoved():
                self._look()
            case CheckEpoch():
                self._check()
                self.after(CHECK_S, CheckEpoch())
            case _:
                assert_never(message)
        self._decide()
        self._report()

    def _close(self) -> None:
        # They are missing if `on_start` has failed.
        if hasattr(self, "_lock"):
            self._lock.close()
        if hasattr(self, "_pool"):
            self._pool.close()

    # --- the role

    def _look(self) -> None:
        state = self._lock.state
        if self._role.leads and not self._role.may_write():
            self._lose()
        if self._role.leads:
            return
        if state.term is not None and state.term.holds():
            self._lead(state.term)
            return
        if state.phase is LockPhase.WAITING:
            self._refusal, self._is_refused = "", False
        waits = OTHER if state.phase is LockPhase.WAITING else CONNECTING
        self._follow(self._refusal or state.why_not or waits)

    def _lead(self, term: Term) -> None:
        """Lead, if the schema is one for this version and the epoch can be raised."""
        self.take_longer(2 * TIMEOUT_S)
        try:
            bring_up_to_date(self._pool, take_longer=self.take_longer, on_refused=self._on_refused)
            epoch = self._pool.run(lambda conn: raise_epoch(conn, self._called))
            fetched_before = self._pool.run(newest_fetch)
        except (StorageError, psycopg2.Error) as error:
            self._give_back(error)
            return
        if not term.holds():
            self._last_loss = term.ended
            self._follow(CONNECTING)
            return
        self._refusal = self._told = ""
        self._is_refused = False
        self._taken += 1
        self._term = term
        self._role = Role(
            self._called,
            leads=True,
            collects=True,
            epoch=epoch,
            since=datetime.now(UTC),
            fetched_before=fetched_before,
            lease=term.holds,
        )
        level = logging.DEBUG if self._is_alone else logging.INFO
        log.log(level, "This process collects from now on, in epoch %d.", epoch)
        self.share(self._role)
        self._decide(anew=True)

    def _give_back(self, error: StorageError | psycopg2.Error) -> None:
        again_in_s = SCHEMA_RETRY_S if isinstance(error, SchemaRefused) else RETRY_S
        refusal = said(error) if isinstance(error, psycopg2.Error) else str(error)
        if refusal != self._told:
            self._told = refusal
            if not isinstance(error, DatabaseUnavailable):
                self.report_failure("lead", error)
            log.warning(
                "This process cannot collect: %s. It is tried every %.0f s.", refusal, again_in_s
            )
        self._refusal = refusal
        self._is_refused = isinstance(error, SchemaRefused)
        self._lock.release(again_in_s=again_in_s)
        self._follow(self._refusal)

    def _lose(self) -> None:
        assert self._term is not None
        self._lost += 1
        self._last_loss = self._term.ended or "the lease is over"
        # Alone it takes the role again at once; what is wrong with the database is told elsewhere.
        level = logging.DEBUG if self._is_alone else logging.WARNING
        log.log(level, "This process collects no more: %s.", self._last_loss)
        self._follow(self._last_loss)

    def _follow(self, why_not: str) -> None:
        """Say that this process does not lead, and why."""
        led = self._role.leads
        if led or why_not != self._role.why_not:
            self._role = Role(self._called, collects=self._role.collects, why_not=why_not)
            self.share(self._role)
        if led:
            self._term = None

    @property
    def _is_alone(self) -> bool:
        return self.address("nodes").shared(NodesView) is None

    def _decide(self, *, anew: bool = False) -> None:
        """Decide whether this process fetches, and tell the others if that has changed, or
        `anew`."""
        before, now_s = self._collecting.collects, monotonic()
        nodes = self.address("nodes").shared(NodesView)
        collects = self._collecting.decide(self._standing(), self._role.epoch, nodes, now_s)
        if nodes is None and self._collecting.queued_s(now_s) > ALONE_QUEUES_S:
            self._on_refused(TWO_ALONE)
        elif self._lock.state.refused:
            self._on_refused(self._lock.state.why_not)
        if self._role.collects != collects:
            self._role = replace(self._role, collects=collects)
            self.share(self._role)
        changed = collects != before or anew
        # Who gets what is fetched knows of it first.
        if changed and not collects:
            self._on_role(False)
        if changed:
            self._untold = {*self._tells}
        # One that hangs, and whose mailbox is full, must not hold up who collects.
        self._untold = {
            name for name in self._untold if not self.address(name).offer(UseRole(collects))
        }
        if changed and collects:
            self._on_role(True)

    def _standing(self) -> LockStanding:
        if self._role.may_write():
            return LockStanding.LEADS
        if self._is_refused or self._lock.state.refused:
            return LockStanding.REFUSED
        if self._lock.state.phase is LockPhase.WAITING:
            return LockStanding.QUEUES
        if self._lock.state.why_not or self._refusal:
            return LockStanding.AWAY
        return LockStanding.TRIES

    def _check(self) -> None:
        """Begin again if our epoch is not in force.

        A process that stood still between taking the lock and raising the epoch raises it when it
        goes on; it does not lead then, but nothing of ours would be taken any more.
        """
        if not self._role.may_write():
            self._look()
            return
        try:
            epoch = self._pool.run(read_epoch)
        except (StorageError, psycopg2.Error):
            return  # weather; the lock says whether it costs the role
        if epoch != self._role.epoch:
            self._lost += 1
            self._last_loss = f"the epoch in force is {epoch}, and not ours"
            log.warning("Another process has raised the epoch to %s. It is raised again.", epoch)
            self._follow(self._last_loss)
            self._look()

    def _report(self) -> None:
        self.describe(self._report_status)

    def _report_status(self) -> None:
        role = self._role
        trouble = "" if role.leads else self._refusal or self._lock.state.why_not
        status = LeadershipStatus(
            node=role.node,
            leads=role.leads,
            epoch=role.epoch,
            since=role.since,
            why_not=role.why_not,
            taken=self._taken,
            lost=self._lost,
            last_loss=self._last_loss,
        )
        self.report(Health.DEGRADED if trouble else Health.HEALTHY, trouble, status)
