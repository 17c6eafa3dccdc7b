"""Processor: turns one snapshot after another into live state, events, and batches to store.

Receives  SnapshotJournaled, BatchStored, BatchRefused, BatchRejected, EntryPassedOver,
          StoreStarted, CatchUp, TrackingRecovered, CacheStarted
Asks      journal NextPending and LastEntry, store RecoverTracking
Sends     LiveChanged to cache, Publish to event_bus, StoreBatch to store, SnapshotFailed and
          BatchRejected to journal, ServiceReport
Holds     the live tracking, the durable one (docs/architecture.md), what is on its way to store
Restart   costs one recovery from database and journal; until the database answers, the live state
          goes on from the feed alone
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import TypeVar, assert_never

from vatwatch.actors.service import Service
from vatwatch.errors import FeedError, JournalError, RecordsUnreadable, SupervisionError
from vatwatch.feed.outcomes import outcome_of
from vatwatch.feed.records import Feed
from vatwatch.messages import (
    BatchRefused,
    BatchRejected,
    BatchStored,
    CacheStarted,
    CatchUp,
    EntryPassedOver,
    Health,
    LastEntry,
    LiveChanged,
    NextPending,
    Publish,
    RecoverTracking,
    SnapshotJournaled,
    StoreBatch,
    StoreStarted,
    TrackingRecovered,
)
from vatwatch.monitoring.status import ProcessorStatus
from vatwatch.storage.work_note import WorkNote
from vatwatch.supervision import NativePool, Timer, correlation_of
from vatwatch.traffic.conditions import Usual, observe
from vatwatch.traffic.payloads import DataPayload
from vatwatch.traffic.pipeline import (
    Advanced,
    Options,
    Prepared,
    advance,
    batch_of,
    prepare,
)
from vatwatch.traffic.tracking import Tracking

Received = (
    SnapshotJournaled
    | BatchStored
    | BatchRefused
    | BatchRejected
    | EntryPassedOver
    | StoreStarted
    | CatchUp
    | TrackingRecovered
    | CacheStarted
)

T = TypeVar("T")

# Batches on their way to the store. More would only move the journal into memory.
IN_FLIGHT = 8
# How soon to ask again for a database that is away (the store's breaker makes asking cheap), and to
# try a snapshot again that made somebody fail: what made it fail may be over by then.
RETRY_S = 1.0
JOURNAL_TIMEOUT_S = 10.0
# Records that one error names; the table of quarantined records has more.
TOLD_FAULTS = 3
# Longer than the store may take to write what is before the question.
RECOVERY_TIMEOUT_S = 120.0


class ProcessorActor(Service):
    """Keeper of what is known."""

    def __init__(self, options: Options, *, journal: Path | None = None) -> None:
        """`journal`: its directory, for the note of which entry the process is working on."""
        super().__init__()
        self._options = options
        self._note = None if journal is None else WorkNote(journal)
        self._pool = NativePool(1, "processor")
        self._live: Tracking | None = None
        self._live_feed: Feed | None = None  # None: the database gave the live state
        self._live_recovered = False
        self._live_entry = 0
        # None: what the database holds is not known, it must be asked.
        self._durable: Tracking | None = None
        self._durable_entry = 0
        # Rises whenever the durable tracking is given up: what was sent before is void.
        # It goes on where the processor before this one ended: the store remembers what is void,
        # and must not take this one's batches for that.
        self._generation = monotonic_ns()
        self._in_flight: set[int] = set()
        self._catch_up: Timer | None = None
        self._recovering = False
        self._working_on: int | None = None
        self._processed = 0
        self._quarantined = 0
        self._let_through: dict[str, dict[str, int]] = {}
        self._kept_out: dict[str, dict[str, int]] = {}
        self._lost: Counter[str] = Counter()
        self._radios_unreadable: Counter[str] = Counter()
        self._radios_outcome = ""
        self._usual = Usual()
        self._conditions: tuple[str, ...] = ()
        self._faults: set[tuple[str, str, str]] = set()

    def on_start(self) -> None:
        self._catch_up_soon(0)

    def on_stop(self) -> None:
        self._pool.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.blame_if_at_fault(self._working_on, error)
        self._pool.close()

    def on_receive(self, message: Received) -> None:
        match message:
            case SnapshotJournaled():
                self._fresh(message)
            case BatchStored(entry_id, _, duplicate):
                self._stored(entry_id, duplicate)
            case BatchRefused() | StoreStarted() | EntryPassedOver():
                self._forget_durable()
            case BatchRejected():
                self._forget_durable(retry_s=RETRY_S)
            case CatchUp():
                self._catch_up = None
                self._catch_up_step()
            case TrackingRecovered():
                self._recovered(message)
            case CacheStarted():
                self._show()
            case _:
                assert_never(message)
        self._report()

    # --- the live way ------------------------------------------------------------------------

    def _fresh(self, entry: SnapshotJournaled) -> None:
        if entry.entry_id <= self._live_entry:
            return  # the journal handed it out while catching up, before this message came
        prepared = self._prepare(entry)
        if prepared is None:
            return
        before = self._live
        if before is not None and before.time == prepared.snapshot.time:
            # The fetcher has restarted, and fetched again what is known: nothing has happened.
            self._live_feed, self._live_entry = prepared.snapshot.feed, entry.entry_id
            self._live_recovered = False
            self._show()
            self._working_on = None
            self._catch_up_soon(0)
            return
        if before is None or before.time is None or before.time > prepared.snapshot.time:
            # Nothing known, or another source whose clock is behind: the live state starts anew,
            # and the durable one asks the database what was known then.
            before = Tracking()
        joined = (
            self._durable is before
            and self._catch_up is None
            and len(self._in_flight) < IN_FLIGHT
            and self._durable_entry in (0, entry.entry_id - 1)  # none has been missed
        )
        advanced = self._advance(entry, before, prepared)
        if advanced is None:
            return
        self._serve(entry, advanced)
        if joined:
            self._send(entry, advanced)
        else:
            self._catch_up_soon(0)
        self._working_on = None

    def _serve(self, entry: SnapshotJournaled, advanced: Advanced) -> None:
        """Make it the live state, and tell what happened: once, whatever the database does."""
        self._observe(advanced.prepared)
        self._live_recovered = False
        self._make_live(entry, advanced)
        changes = advanced.changes
        payload = DataPayload(
            update_timestamp=changes.time,
            pilots=len(changes.flights),
            controllers=len(changes.sessions),
            atis=len(changes.atis),
            prefiles=len(changes.prefiles),
            quarantined=advanced.prepared.set_aside,
        )
        self.publish("DATA_PROCESSED", payload, correlation_id=changes.general.update_timestamp)
        self.address("event_bus").tell(
            Publish(tuple(advanced.events), stored=True, entry_id=entry.entry_id)
        )

    def _observe(self, prepared: Prepared) -> None:
        """What is wrong with the content of the newest snapshot, and has it become known."""
        snapshot, error = prepared.snapshot, prepared.radios_error
        live = self._live
        if self._usual.time is None and live is not None and live.time is not None:
            self._usual = Usual(live.time, float(len(live.flights)))
        seen = observe(
            self._usual, snapshot.time, prepared.tallies, "" if error is None else str(error)
        )
        self._usual, self._conditions = seen.usual, seen.conditions
        stamp = snapshot.feed.general.update_timestamp
        if error is None:
            self._radios_outcome = ""
        else:
            outcome = outcome_of(error)
            self._radios_unreadable[outcome] += 1
            if outcome != self._radios_outcome:  # once, when it begins: it may last for hours
                self.report_failure("read radios", error, correlation_id=stamp)
            self._radios_outcome = outcome
        faults = {(q.kind, q.callsign, q.reason) for q in prepared.quarantined}
        if fresh := sorted(faults - self._faults):
            some = "; ".join(f"{kind} {who}: {why}" for kind, who, why in fresh[:TOLD_FAULTS])
            self.report_failure(
                "read records",
                RecordsUnreadable(f"{prepared.set_aside} records are quarantined: {some}"),
                correlation_id=stamp,
                remedy="quarantine",
            )
        self._faults = faults

    def _make_live(self, entry: SnapshotJournaled, advanced: Advanced) -> None:
        self._live = advanced.tracking
        self._live_feed = advanced.prepared.snapshot.feed
        self._live_entry = entry.entry_id
        self._show()

    def _show(self) -> None:
        if self._live is not None and self._live.time is not None:
            self.address("cache").tell(
                LiveChanged(
                    self._live, self._live_feed, self._live_recovered, self._live_entry or None
                )
            )

    # --- the durable way ---------------------------------------------------------------------

    def _send(self, entry: SnapshotJournaled, advanced: Advanced) -> None:
        batch = batch_of(
            advanced, entry_id=entry.entry_id, fetched_at=entry.fetched_at, source=entry.source
        )
        self._durable = advanced.tracking
        self._durable_entry = entry.entry_id
        self._in_flight.add(entry.entry_id)
        self.address("store").tell(StoreBatch(batch, self._generation))

    def _stored(self, entry_id: int, duplicate: bool) -> None:
        # In their order, so those before are stored too, should nobody have said so.
        self._in_flight = {each for each in self._in_flight if each > entry_id}
        if duplicate:
            # Somebody wrote it before us, perhaps from another past.
            self._forget_durable()
        elif self._durable is None or self._durable is not self._live:
            self._catch_up_soon(0)

    def _forget_durable(self, *, retry_s: float = 0.0) -> None:
        self._durable = None
        self._durable_entry = 0
        self._generation += 1
        self._in_flight.clear()
        self._recovering = False
        self._catch_up_soon(retry_s)

    def _catch_up_soon(self, seconds: float) -> None:
        if self._catch_up is None:
            self._catch_up = self.after(seconds, CatchUp())

    def _catch_up_step(self) -> None:
        """Bring the durable tracking one entry further; a fresh snapshot may come in between."""
        if self._recovering or len(self._in_flight) >= IN_FLIGHT:
            return  # goes on with the store's answer
        try:
            entry = self.address("journal").ask(
                NextPending(self._durable_entry), timeout_s=JOURNAL_TIMEOUT_S
            )
        except (JournalError, SupervisionError):
            self._catch_up_soon(RETRY_S)
            return
        if self._durable is None:
            self._recovering = True
            self.spawn(self._ask_store, self._generation, entry)
        elif entry is None:
            self._join(self._durable)
        else:
            self._follow(self._durable, entry)

    def _ask_store(self, generation: int, entry: SnapshotJournaled | None) -> None:
        """In a greenlet of its own: a database that hangs must not keep the live state waiting."""
        question = RecoverTracking(None)
        if entry is not None:
            question = RecoverTracking(
                entry.update_timestamp, entry.entry_id, correlation_of(entry)
            )
        recovered = None
        # Weather, or the store's own failure: that is told as such, and counted there.
        with suppress(Exception):
            recovered = self.address("store").ask(question, timeout_s=RECOVERY_TIMEOUT_S)
        self.address(self.name).tell(TrackingRecovered(generation, entry, recovered))

    def _recovered(self, answer: TrackingRecovered) -> None:
        if answer.generation != self._generation:
            return
        self._recovering = False
        if answer.recovered is None:
            self._recover_live_from_journal()
            self._catch_up_soon(RETRY_S)
            return
        self._durable = answer.recovered.tracking
        if answer.entry is not None and answer.recovered.stored:
            # Written before, and the acknowledgement was lost.
            self._durable_entry = answer.entry.entry_id
            self.address("journal").tell(
                BatchStored(answer.entry.entry_id, answer.entry.update_timestamp, True)
            )
        self._catch_up_soon(0)

    def _follow(self, durable: Tracking, entry: SnapshotJournaled) -> None:
        prepared = self._prepare(entry)
        if prepared is None:
            pass  # it is quarantined, or comes again until it is
        elif durable.time is not None and durable.time >= prepared.snapshot.time:
            self._forget_durable()  # an older time: ask what was known then
        else:
            advanced = self._advance(entry, durable, prepared)
            if advanced is not None:
                self._send(entry, advanced)
                if entry.entry_id > self._live_entry:
                    self._serve(entry, advanced)
                elif entry.entry_id == self._live_entry:
                    # It has come up to the live one, and may know more: ids of older flights.
                    self._make_live(entry, advanced)
        self._working_on = None
        self._catch_up_soon(0)

    def _join(self, durable: Tracking) -> None:
        """Nothing is pending: what the database holds, or is about to, is what is live."""
        if self._live is None:
            self._live, self._live_recovered = durable, True
            self._show()
        elif self._live.time == durable.time:
            self._live = durable

    def _recover_live_from_journal(self) -> None:
        """No database, and nothing is live yet: serve the newest bytes there are."""
        if self._live is not None:
            return
        try:
            entry = self.address("journal").ask(LastEntry(), timeout_s=JOURNAL_TIMEOUT_S)
        except (JournalError, SupervisionError):
            return
        prepared = None if entry is None else self._prepare(entry)
        if entry is not None and prepared is not None:
            advanced = self._advance(entry, Tracking(), prepared)
            if advanced is not None:
                self._live_recovered = True
                self._make_live(entry, advanced)
        self._working_on = None

    # --- both --------------------------------------------------------------------------------

    def _prepare(self, entry: SnapshotJournaled) -> Prepared | None:
        """Decoded, valid and filtered. None if the whole is of no use (then it is quarantined), or
        if this fails (then that is counted against it)."""
        self._working_on = entry.entry_id
        try:
            prepared = self._noted(entry, prepare, entry.data, entry.transceivers, self._options)
        except FeedError as error:
            self.address("journal").tell(BatchRejected(entry.entry_id, str(error)))
            self._working_on = None
            return None
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this snapshot
            # A bug that this snapshot wakes. Nothing is changed yet: the next one can go on.
            self._failed_on(entry, "decode snapshot", error)
            return None
        self._processed += 1
        self._quarantined += prepared.set_aside
        self._lost.update(prepared.lost)
        self._let_through = prepared.counts.let_through
        self._kept_out = prepared.counts.kept_out
        self._report()  # before anybody can see the snapshot stored, and count
        return prepared

    def _advance(
        self, entry: SnapshotJournaled, before: Tracking, prepared: Prepared
    ) -> Advanced | None:
        """Compared with what was known; None if that fails, then it counts against it."""
        try:
            return self._noted(entry, advance, before, prepared, self._options.rules)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - as in _prepare
            self._failed_on(entry, "compare snapshot", error)
            return None

    def _noted(self, entry: SnapshotJournaled, work: Callable[..., T], *args: object) -> T:
        """Do it in a thread, and let the next process know if this one dies of it."""
        if self._note is None:
            return self._pool.run(work, *args)
        done: T = self._pool.run(self._note.during, entry.entry_id, work, *args)
        return done

    def _failed_on(self, entry: SnapshotJournaled, operation: str, error: Exception) -> None:
        self._working_on = None
        about = correlation_of(entry)
        self.snapshot_failed(entry.entry_id, operation, error, correlation_id=about)
        self._catch_up_soon(RETRY_S)

    def _report(self) -> None:
        behind = self._durable is None or self._durable is not self._live
        status = ProcessorStatus(
            processed=self._processed,
            quarantined_records=self._quarantined,
            let_through=self._let_through,
            kept_out=self._kept_out,
            behind=behind,
            lost_values=dict(self._lost),
            radios_unreadable=dict(self._radios_unreadable),
            conditions=self._conditions,
        )
        if self._conditions:
            self.report(Health.DEGRADED, "; ".join(self._conditions), status)
        elif behind:
            self.report(Health.DEGRADED, "the database is behind the live state", status)
        else:
            self.report(Health.HEALTHY, "", status)
