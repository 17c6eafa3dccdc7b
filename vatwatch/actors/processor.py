"""Processor: turns one snapshot after another into live state, events, and batches to store.

Receives  SnapshotJournaled, BatchStored, BatchOutOfSequence, BatchInvalid, EntrySkipped,
          StoreStarted, CatchUp, NetworkStateRead, AnswerDue, CacheStarted, SettingsChanged,
          AreasChanged
Asks      journal NextPending and LastEntry, store ReadNetworkState
Sends     LiveChanged to cache, NetworkMoved to subscriptions, Publish to event_bus, StoreBatch to
          store; SnapshotFailed, BatchInvalid and BatchStored to journal; ServiceReport
Holds     the live path, the durable path, and what is wrong with the feed's content (handed over)
Restart   costs one recovery from database and journal; until the database answers, the live state
          goes on from the feed alone. How many pilots are usual, and what is wrong with the feed's
          content, is handed over; if that is thrown away, a file tells what is usual

Two paths lead from a snapshot to its readers, because they may not wait for each other:

- The *live path* (`LivePath`) answers at once. It compares each snapshot that the journal tells of
  with the live state, and the cache and the event bus have the result, whatever the database does.
- The *durable path* (`DurablePath`) is complete and in order. It sends each journal entry to the
  store once, compared with the entry before it. While the database is away it waits, and
  afterwards it catches up from the journal.

Normally both paths have the same state, even the same object. Then a snapshot is compared once, and
both use the result (`DurablePath.continues`). They part when the database is away or slow, or when
a batch is void. They join again when the durable path has caught up with the journal
(`LivePath.join`). While they are apart each snapshot is compared twice, perhaps with different
states, so its events may differ from its rows in details: docs/architecture.md says in which.

Three rules keep that safe: the store refuses a batch that was not derived from its newest snapshot;
the journal hands out an entry until the store has it; and a path in doubt starts over from what the
database says (`DurablePath.start_over`). So nothing here has to be remembered.

This actor is only the switch: it decodes, gives each snapshot to the right path, sends the messages
that the paths ask for, and counts a failure against the snapshot that caused it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns
from typing import TypeAlias, assert_never

from vatwatch.actors.durable_path import DurablePath
from vatwatch.actors.feed_content import NOTHING_SEEN, FeedContent
from vatwatch.actors.live_path import LivePath
from vatwatch.actors.processor_report import health_of, status_of
from vatwatch.actors.service import Service
from vatwatch.actors.snapshot_reader import SnapshotReader
from vatwatch.errors import FeedError, JournalError, SupervisionError
from vatwatch.messages import (
    AreasChanged,
    BatchInvalid,
    BatchOutOfSequence,
    BatchStored,
    CacheStarted,
    EntrySkipped,
    LastEntry,
    NetworkMoved,
    NextPending,
    Publish,
    ReadNetworkState,
    SettingsChanged,
    SnapshotJournaled,
    StoreStarted,
)
from vatwatch.messages.processor import ToProcessor
from vatwatch.messages.store import Recovered
from vatwatch.supervision import Tell, correlation_of
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.conditions import TrafficConditions
from vatwatch.traffic.events import summary_of
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import ComparedSnapshot, DecodedSnapshot, Options


@dataclass(frozen=True, slots=True)
class CatchUp(Tell):
    """Check whether the journal has entries that the database lacks."""


@dataclass(frozen=True, slots=True)
class NetworkStateRead(Tell):
    """The store's answer, or none; void if the generation has passed."""

    generation: int
    entry: SnapshotJournaled | None
    recovered: Recovered | None


@dataclass(frozen=True, slots=True)
class AnswerDue(Tell):
    """Check whether the durable path has got the answer that it was waiting for."""

    wanted: tuple[str, int]
    """As `DurablePath.waits_for` was."""


Received: TypeAlias = ToProcessor | CatchUp | NetworkStateRead | AnswerDue

# Seconds until another try. The store's breaker makes asking cheap.
RETRY_S = 1.0
# Reading an entry takes milliseconds; the journal may be writing to a slow disk just now.
JOURNAL_TIMEOUT_S = 10.0
# Longer than the store may take to write what is before the question.
RECOVERY_TIMEOUT_S = 120.0
# Longer than one question to the store takes. After that it is asked again: its answer is lost, or
# the database is away.
ANSWER_TIMEOUT_S = RECOVERY_TIMEOUT_S + 30.0


class ProcessorActor(Service):
    """The switch between the live path and the durable path."""

    def __init__(
        self, options: Options, *, journal: Path | None = None, usual: Path | None = None,
        areas: Callable[[], KnownAreas] = lambda: NO_AREAS,
    ) -> None:  # fmt: skip
        """`options`: what a restart takes over; for the others see `SnapshotReader`."""
        super().__init__()
        self._reader = SnapshotReader(options, journal, usual, areas)
        self._live = LivePath()
        # Generations must be greater than those of the previous processor. The time is.
        self._durable = DurablePath(generation=monotonic_ns())
        self._content = FeedContent()
        # The entry to blame if this actor fails now.
        self._working_on: int | None = None
        self._answer_due = False

    def on_start(self) -> None:
        self._reader.read_areas()
        seen = self.inherited(TrafficConditions)
        before = self._reader.usual_before() if seen is None else None
        self._content = FeedContent(seen or NOTHING_SEEN, usual_before=before)
        self._catch_up_in(0)

    def on_stop(self) -> None:
        self._reader.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.blame_if_at_fault(self._working_on, error)
        self._reader.close()

    def hand_over(self) -> TrafficConditions:
        return self._content.seen

    def on_receive(self, message: Received) -> None:
        match message:
            case SnapshotJournaled():
                self._take_fetched(message)
            case BatchStored(entry_id, _, duplicate):
                self._take_acknowledgement(entry_id, duplicate)
            case BatchOutOfSequence() | StoreStarted() | EntrySkipped():
                self._start_over()
            case BatchInvalid():
                self._start_over(retry_s=RETRY_S)
            case CatchUp():
                self._durable.catch_up_due = False
                self._catch_up()
            case NetworkStateRead():
                self._take_recovered(message)
            case CacheStarted():
                self._show()
            case AnswerDue(wanted):
                self._answer_due = False
                self._check_answer(wanted)
            case SettingsChanged():
                self._reader.change_options(message.options)
            case AreasChanged(areas):
                if self._reader.change_areas(areas):
                    self._show()
            case _:
                assert_never(message)
        self._report()

    # --- the live path -----------------------------------------------------------------------

    def _take_fetched(self, entry: SnapshotJournaled) -> None:
        """Serve a snapshot that was fetched just now, and store it if the durable path is here."""
        self._live = self._live.without_recovered(entry.entry_id)
        if self._live.has_seen(entry.entry_id):
            if self._live.announce(entry.entry_id):
                self._show()
            return
        decoded = self._decode(entry)
        if decoded is None:
            return
        time = decoded.snapshot.time
        if self._live.shows(time):
            # The fetcher has restarted and fetched a known snapshot again: nothing has changed.
            self._live.confirm(entry.entry_id, decoded.snapshot.feed)
            self._show()
            self._catch_up_in(0)
        else:
            before = self._live.state_before(time)
            is_joined = self._durable.continues(before, entry.entry_id)
            compared = self._compare(entry, before, decoded)
            if compared is None:
                return
            self._serve(entry, compared, fetched=True)
            if is_joined:
                self._store(entry, compared)
            else:
                self._catch_up_in(0)
        self._working_on = None

    def _serve(self, entry: SnapshotJournaled, compared: ComparedSnapshot, fetched: bool) -> None:
        """Make it the live state and publish its events, once, whatever the database does."""
        changes = compared.changes
        stamp = changes.general.update_timestamp
        for failure in self._content.observe(compared.decoded, self._live.state):
            self.report_failure(
                failure.operation, failure.error, correlation_id=stamp, remedy=failure.remedy
            )
        self._live.follow(entry.entry_id, compared, fetched=fetched)
        self._show()
        payload = summary_of(changes, quarantined=compared.decoded.set_aside)
        self.publish("DATA_PROCESSED", payload, correlation_id=stamp)
        self.send("event_bus", Publish(tuple(compared.events), True, entry.entry_id))
        self._reader.keep_usual(self._content.seen.usual)

    def _show(self) -> None:
        shown = self._live.shown(self._reader.options.rules.areas)
        if shown is None:
            return
        self.send("cache", shown)
        if not shown.recovered:
            self.send("subscriptions", NetworkMoved(shown.state, shown.areas))

    def _recover_live_from_journal(self) -> None:
        """Without a database and a live state: serve the newest entry of the journal."""
        if self._live.state is not None:
            return
        try:
            entry = self.address("journal").ask(LastEntry(), timeout_s=JOURNAL_TIMEOUT_S)
        except (JournalError, SupervisionError):
            return
        decoded = None if entry is None else self._decode(entry)
        if entry is not None and decoded is not None:
            compared = self._compare(entry, NetworkState(), decoded)
            if compared is not None:
                self._live.recover(entry.entry_id, compared)
                self._show()
        self._working_on = None

    # --- the durable path --------------------------------------------------------------------

    def _store(self, entry: SnapshotJournaled, compared: ComparedSnapshot) -> None:
        self.address("store").tell(self._durable.send(entry, compared))
        self._expect_answer()

    def _expect_answer(self) -> None:
        """If the durable path waits for the store: set a timer that ends the wait."""
        wanted = self._durable.waits_for
        if wanted is not None and not self._answer_due:
            self._answer_due = True
            self.after(ANSWER_TIMEOUT_S, AnswerDue(wanted))

    def _check_answer(self, wanted: tuple[str, int]) -> None:
        if self._durable.waits_for == wanted:
            self._start_over()
        else:
            self._expect_answer()

    def _take_acknowledgement(self, entry_id: int, duplicate: bool) -> None:
        self._durable.acknowledge(entry_id)
        if duplicate:
            # Another processor wrote it before us, perhaps compared with another state.
            self._start_over()
        elif not self._is_joined:
            self._catch_up_in(0)

    def _start_over(self, *, retry_s: float = 0.0) -> None:
        self._durable.start_over()
        self._catch_up_in(retry_s)

    def _catch_up_in(self, seconds: float) -> None:
        if not self._durable.catch_up_due:
            self._durable.catch_up_due = True
            self.after(seconds, CatchUp())

    def _catch_up(self) -> None:
        """Bring the durable path one entry further; a fetched snapshot may come in between."""
        if self._durable.is_waiting:
            return  # goes on with the store's answer
        try:
            entry = self.address("journal").ask(
                NextPending(self._durable.entry_id), timeout_s=JOURNAL_TIMEOUT_S
            )
        except (JournalError, SupervisionError):
            self._catch_up_in(RETRY_S)
            return
        if self._durable.state is None:
            self.spawn(self._ask_store, self._durable.begin_recovery(), entry)
            self._expect_answer()
        elif entry is None and self._durable.is_late:
            self._start_over()  # with what is stored last
        elif entry is None:
            if self._live.join(self._durable.state):
                self._show()
        else:
            self._follow(self._durable.state, entry)

    def _ask_store(self, generation: int, entry: SnapshotJournaled | None) -> None:
        """Ask the store in a separate greenlet: a hanging database must not delay the live path."""
        question = ReadNetworkState(None)
        if entry is not None:
            question = ReadNetworkState(
                entry.update_timestamp, entry.entry_id, correlation_of(entry)
            )
        recovered = None
        # Weather, or a failure of the store, which reports and counts it itself.
        with suppress(Exception):
            recovered = self.address("store").ask(question, timeout_s=RECOVERY_TIMEOUT_S)
        self.address(self.name).tell(NetworkStateRead(generation, entry, recovered))

    def _take_recovered(self, answer: NetworkStateRead) -> None:
        if not self._durable.expects(answer.generation):
            return
        was_stored = self._durable.recovered(answer.recovered, answer.entry)
        if answer.recovered is None:
            self._recover_live_from_journal()
            self._catch_up_in(RETRY_S)
            return
        if answer.entry is not None and was_stored:
            self.address("journal").tell(
                BatchStored(answer.entry.entry_id, answer.entry.update_timestamp, True)
            )
        self._catch_up_in(0)

    def _follow(self, durable: NetworkState, entry: SnapshotJournaled) -> None:
        """Compare the next pending entry with what the database will hold, and send it there."""
        decoded = self._decode(entry)
        if decoded is None:
            pass  # it is quarantined, or comes again until it is
        elif not self._durable.leads_to(time := decoded.snapshot.time, self._live):
            self._start_over()  # ask what was known then
        else:
            compared = self._compare(entry, durable, decoded)
            if compared is not None:
                self._store(entry, compared)
                if self._live.wants(entry.entry_id, time) and not self._durable.is_late:
                    self._serve(entry, compared, fetched=False)
                elif entry.entry_id == self._live.entry_id:
                    self._live.refine(compared)
                    self._show()
        self._working_on = None
        self._catch_up_in(0)

    @property
    def _is_joined(self) -> bool:
        """Whether the database holds what is live, or is about to."""
        return self._durable.state is not None and self._durable.state is self._live.state

    # --- both --------------------------------------------------------------------------------

    def _decode(self, entry: SnapshotJournaled) -> DecodedSnapshot | None:
        """The entry, decoded, validated and filtered. None if it is unusable (then it is
        quarantined), or if decoding fails (then the failure is counted against it)."""
        self._working_on = entry.entry_id
        try:
            decoded = self._reader.decode(entry)
        except FeedError as error:
            self.address("journal").tell(BatchInvalid(entry.entry_id, str(error)))
            self._working_on = None
            return None
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this snapshot
            # The snapshot has found a bug. Nothing is changed yet: the next one can be processed.
            self._failed_on(entry, "decode snapshot", error)
            return None
        self._report()  # before the snapshot can be seen as stored, and counted
        return decoded

    def _compare(
        self, entry: SnapshotJournaled, before: NetworkState, decoded: DecodedSnapshot
    ) -> ComparedSnapshot | None:
        """Compare it with the state before. None if that fails, which is counted against it."""
        try:
            return self._reader.compare(entry, before, decoded)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - as in _decode
            self._failed_on(entry, "compare snapshot", error)
            return None

    def _failed_on(self, entry: SnapshotJournaled, operation: str, error: Exception) -> None:
        self._working_on = None
        about = correlation_of(entry)
        self.snapshot_failed(entry.entry_id, operation, error, correlation_id=about)
        self._catch_up_in(RETRY_S)

    def _report(self) -> None:
        self.describe(self._report_status)

    def _report_status(self) -> None:
        status = status_of(self._reader, self._content, behind=not self._is_joined)
        self.report(*health_of(status), status)
