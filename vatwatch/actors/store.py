"""Store: writes each snapshot into PostgreSQL, in order, once, and says when it is there.

Receives  StoreBatch, StoreEvents, StoreErrors, StoreAlerts, ReadNetworkState, RetryWrite,
          DatabaseReturned, CacheStarted, PurgeOld, DeriveAgain, SettingsChanged,
          AreasChanged, UseRole
Asks      postgres GetDsn, if the cluster is embedded; health_monitor GetReports, for a line of log
Sends     BatchStored, BatchOutOfSequence, BatchInvalid, EventsStored, ErrorsStored, AlertsStored,
          StoreStarted, MarksChanged, Publish, ServiceReport
Holds     batches that wait for the database (the processor sends but a few), and of the event bus,
          the error manager and the alerter what they sent last, which is all that they want written
Restart   costs what waits: the journal has the snapshots, the processor derives them again; the
          others send their own again
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from vatwatch.actors.batch_queue import BatchQueue
from vatwatch.actors.collectors_database import CollectorsDatabase, role_of
from vatwatch.actors.database import Database, expect_schema, nothing, open_database
from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.purge import Purge
from vatwatch.actors.recovered_state import recovered_state
from vatwatch.actors.rederivation import Rederivation
from vatwatch.actors.service import Service
from vatwatch.actors.store_outage import OutageLog
from vatwatch.actors.store_schema import bring_up_to_date, server_version
from vatwatch.actors.store_tables import ServiceRecords
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import (
    DatabaseUnavailable,
    OutOfSequence,
    StorageError,
    SupervisionError,
)
from vatwatch.messages import (
    AreasChanged,
    BatchInvalid,
    BatchOutOfSequence,
    BatchStored,
    CacheStarted,
    DatabaseReturned,
    ReadNetworkState,
    Recovered,
    SettingsChanged,
    StoreAlerts,
    StoreBatch,
    StoreErrors,
    StoreEvents,
    StoreStarted,
    UseRole,
)
from vatwatch.messages.status import StoreStatus
from vatwatch.messages.store import ToStore
from vatwatch.monitoring.health import Health
from vatwatch.storage.pool import ConnectionPool
from vatwatch.storage.retention import Retention, retentions_of
from vatwatch.storage.writer import write_batch
from vatwatch.supervision import Backoff, Tell, Timer
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.batch import Batch, Outcome
from vatwatch.traffic.events import summary_of
from vatwatch.traffic.network_state import Rules

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings


@dataclass(frozen=True, slots=True)
class RetryWrite(Tell):
    """Try the waiting batches again."""


@dataclass(frozen=True, slots=True)
class PurgeOld(Tell):
    """Delete rows that are older than their retention."""


@dataclass(frozen=True, slots=True)
class DeriveAgain(Tell):
    """Derive again what late snapshots have touched."""


Received: TypeAlias = ToStore | RetryWrite | PurgeOld | DeriveAgain

log = logging.getLogger(__name__)

# Seconds between two looks for rows that are older than their retention.
PURGE_S = 3600.0
# Between two tries; a backoff may draw zero.
MIN_RETRY_S = 0.1
# Between two tries while the database is away; its breaker may ask for more.
BACKOFF = Backoff(base_s=0.5, cap_s=5.0)


class StoreActor(Service):
    """The only writer of the database, and the one that brings its schema up to date.

    A batch is written or void, in the order in which the batches came, as PostgreSQL's error says
    (`storage/weather.py`). With weather it waits and is tried again without end. One that was
    derived from another state (`OutOfSequence`), or whose values PostgreSQL refuses, is void, and
    so are all behind it. Events, errors and alerts come after the batches, the latest of a sender.
    """

    _database: Database
    _collectors: CollectorsDatabase

    def __init__(
        self,
        settings: DatabaseSettings,
        breaker: BreakerSettings,
        rules: Rules,
        retentions: Sequence[Retention] = (),
        *,
        connections: int = 1,
        purge_s: float = PURGE_S,
        on_refused: Callable[[str], None] = lambda _why: None,
        areas: Callable[[], KnownAreas] = lambda: NO_AREAS,
        led: bool = False,
    ) -> None:
        """
        Args:
            settings: where the database is, and how long one transaction may take
            breaker: when the breaker around the database opens, and for how long
            rules: those by which the processor compares; a state is read back by the same
            retentions: what is too old is deleted at the start and every `purge_s` seconds
            connections: how many may be open at once
            on_refused: called with the reason when the schema cannot be used: the service must end
            areas: reads those in use from the disk
            led: there is a leadership, which says whether this node may write snapshots
        """
        super().__init__()
        self._settings = settings
        self._breaker = breaker
        self._connections = connections
        self._rules = rules
        self._purge = Purge(self, PurgeOld(), retentions, every_s=purge_s)
        self._rederivation = Rederivation(self, DeriveAgain(), areas)
        self._on_refused = on_refused
        self._led = led
        self._attempt = 0
        self._server_version = ""
        self._waiting = BatchQueue()
        self._records = ServiceRecords(self)
        # The journal entry that is being written, or asked about.
        self._working_on: int | None = None
        self._retry: Timer | None = None
        self._retry_at: datetime | None = None
        self._stored = self._duplicates = self._rejected = self._quarantined = 0
        self._write_ms: float | None = None
        self._stored_at: datetime | None = None
        self._last_error = ""
        self._broken = False
        self._outages = OutageLog(self, log)

    def on_start(self) -> None:
        self._database = open_database(
            self,
            self._settings,
            self._breaker,
            connections=self._connections,
            prepare=self._prepare,
        )
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=self._led)
        self._collectors = CollectorsDatabase(self._database, role_of(self, led=self._led))
        self.send("processor", StoreStarted())
        for name in ("event_bus", "error_manager"):
            # Without this message they send again, too, only later.
            self.address(name).offer(StoreStarted())
        self.after(0, RetryWrite())
        self._purge.start()
        self._rederivation.start()
        self._report()

    def on_stop(self) -> None:
        self._drain()  # a last time: what the processor has sent is written before we stop
        self._database.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.blame_if_at_fault(self._working_on, error)
        self._database.close()

    def on_receive(self, message: Received) -> Any:
        match message:
            case StoreBatch():
                self._batch(message)
            case StoreEvents() | StoreErrors() | StoreAlerts():
                self._records.note(message)
                self._drain_unless_waiting()
            case ReadNetworkState():
                return self._recover(message)
            case RetryWrite():
                self._retry = None
                self._drain()
            case DatabaseReturned():
                self._database.reset()
                self._drain()
            case PurgeOld():
                self._purge.step(self._collectors)
            case CacheStarted():
                self._rederivation.tell_marks()
            case DeriveAgain():
                self._rederivation.step(self._collectors, self._rules)
            case SettingsChanged():
                self._change(message.settings, message.options.rules)
            case UseRole(collects):
                self._use_role(collects=collects)
            case AreasChanged(areas):
                self._rederivation.areas = areas
            case _:
                assert_never(message)
        self._report()
        return None

    # --- writing -----------------------------------------------------------------------------

    def _batch(self, message: StoreBatch) -> None:
        if self._role.collects and self._waiting.add(message):
            self._drain_unless_waiting()

    def _drain_unless_waiting(self) -> None:
        """Note what to write. While a retry is due, a new message must not cause another try."""
        if self._retry is None:
            self._drain()

    def _drain(self) -> None:
        """Write what waits, the oldest first, until it is done or the database fails."""
        try:
            if self._last_error or not self._server_version:
                self._database.run(nothing)
                self._outages.count_pending()
            while self._waiting:
                self._write(self._waiting.first())
            self._records.write(self._database)
        except StorageError as error:
            self._working_on = None  # weather: the snapshot is not to blame
            self._later(error)
        else:
            self._works_again()

    def _write(self, message: StoreBatch) -> None:
        batch = message.batch
        started = monotonic()
        self._working_on = batch.entry_id
        # Several may be written in one go; each has the full time for one batch.
        self.take_longer(self._settings.timeout_s)
        try:
            outcome = self._collectors.run(lambda conn: write_batch(conn, batch))
        except OutOfSequence as error:
            log.debug("Snapshot %d is out of sequence: %s", batch.entry_id, error)
            self._waiting.void(message.generation)
            self.address("processor").tell(BatchOutOfSequence(batch.entry_id, str(error)))
        except (StorageError, SupervisionError):
            raise
        except Exception as error:  # noqa: BLE001 - it is about this batch, or cannot be told apart
            # The batches behind it are derived from it, and are sent again without it.
            self._rejected += 1
            self._waiting.void(message.generation)
            self.snapshot_failed(
                batch.entry_id, "write snapshot", error, correlation_id=message.correlation_id
            )
            reason = f"it cannot be written: {error!r}"
            self.address("processor").tell(BatchInvalid(batch.entry_id, reason))
        else:
            self._waiting.remove_first()
            duplicate = outcome is Outcome.DUPLICATE
            if duplicate:
                self._duplicates += 1
                self._waiting.void(message.generation)
            else:
                self._stored += 1
                self._quarantined += len(batch.quarantined)
                self._write_ms = (monotonic() - started) * 1000
                self._stored_at = datetime.now(UTC)
                self._rederivation.stored(batch.changes.time)
            ms = (monotonic() - started) * 1000
            log.debug("Snapshot %d: %s; %.0f ms", batch.entry_id, outcome.value, ms)
            self._tell_stored(batch, duplicate)
        self._working_on = None

    def _tell_stored(self, batch: Batch, duplicate: bool) -> None:
        changes = batch.changes
        stored = BatchStored(batch.entry_id, changes.time, duplicate)
        # Before the journal's report: a reader that sees nothing pending must see all counted.
        self._report()
        self.address("journal").tell(stored)
        self.address("processor").tell(stored)
        if not duplicate:
            payload = summary_of(changes, quarantined=batch.set_aside)
            self.publish("DATA_STORED", payload, correlation_id=changes.general.update_timestamp)

    # --- the database ------------------------------------------------------------------------

    def _use_role(self, *, collects: bool) -> None:
        """Write snapshots from now on, or leave it to the node that collects now."""
        self._role.use(collects=collects)
        self._database.reset()
        if not collects:
            self._waiting.clear()  # the journal has them, and they are handed over
        self._drain()

    def _change(self, settings: Settings, rules: Rules) -> None:
        self._settings, self._breaker, self._rules = settings.database, settings.breaker, rules
        self._database.change(settings.database, settings.breaker)
        if self._purge.deletes:
            self._purge.change(retentions_of(settings))

    def _recover(self, question: ReadNetworkState) -> Recovered:
        self._drain_unless_waiting()
        if self._waiting:
            raise DatabaseUnavailable(self._last_error)
        self._working_on = question.entry_id
        try:
            found = self._database.run(
                lambda conn: recovered_state(conn, self._rules, question.time)
            )
        except (StorageError, SupervisionError):
            self._working_on = None  # weather: the snapshot is not to blame
            raise
        except Exception as error:
            self._working_on = None
            if question.entry_id is not None:
                self.snapshot_failed(
                    question.entry_id,
                    "read network state",
                    error,
                    correlation_id=question.correlation_id,
                )
            raise
        self._working_on = None
        return found

    def _prepare(self, pool: ConnectionPool) -> None:
        role = self._collectors.role()
        if role is not None and not role.leads:
            expect_schema(pool)  # who collects has brought it up to date, or will
        elif bring_up_to_date(pool, take_longer=self.take_longer, on_refused=self._on_refused):
            self._database.tell_the_others()
        self._server_version = pool.run(server_version)

    def _works_again(self) -> None:
        """Everything was written, so the outage is over. An answer alone would prove too little."""
        self._attempt = 0
        self._last_error = ""
        self._broken = False
        self._retry_at = None
        if self._retry is not None:
            # Another actor found the database back: what comes next must not wait for the retry.
            self._retry.cancel()
            self._retry = None
        self._outages.take("")

    def _later(self, error: StorageError) -> None:
        self._last_error = str(error)
        self._broken = not isinstance(error, DatabaseUnavailable)
        delay = max(
            self._database.retry_in_s, BACKOFF.delay(self._attempt, random.random), MIN_RETRY_S
        )
        self._attempt += 1
        self._retry_at = datetime.now(UTC) + timedelta(seconds=delay)
        if self._retry is not None:
            self._retry.cancel()
        self._retry = self.after(delay, RetryWrite())
        self._outages.take(self._last_error, is_broken=self._broken, next_try_s=delay)

    def _report(self) -> None:
        self.describe(self._report_status)

    def _report_status(self) -> None:
        status = StoreStatus(
            kind="embedded" if self._database.embedded else "external",
            server_version=self._server_version,
            reachable=not self._last_error,
            last_error=self._last_error,
            since=self._outages.since,
            broken=self._broken,
            stored=self._stored,
            quarantined_records=self._quarantined,
            duplicates=self._duplicates,
            rejected=self._rejected,
            waiting=len(self._waiting),
            last_write_ms=self._write_ms,
            stored_at=self._stored_at,
            breaker=self._database.breaker,
            retry_at=self._retry_at,
            pool=self._database.pool,
            rules=self._rederivation.rules,
            derived_again=self._rederivation.derived,
        )
        reason = self._outages.reason(self._last_error, self._retry_at)
        self.report(Health.UNHEALTHY if reason else Health.HEALTHY, reason, status)
