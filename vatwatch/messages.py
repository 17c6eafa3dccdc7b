"""Every message that actors exchange.

    http ─▶ cache, history, event_bus, error_manager, health_monitor, alerter     asks
    fetcher ──AppendSnapshot?──▶ journal ──SnapshotJournaled──▶ processor
    fetcher ──FindFeedClock?, HoldSnapshot?, ReleaseHeld?, QuarantineHeld?──▶ journal
    fetcher ──RejectSnapshot──▶ journal
    processor ──NextPending?, LastEntry?, BatchRejected──▶ journal
    processor, store, cache, event_bus ──SnapshotFailed──▶ journal ──SnapshotSetAside──▶ cache
    journal ──EntryPassedOver──▶ processor
    processor ──RecoverTracking?──▶ store                 processor ──StoreBatch──▶ store
    store, history ──GetDsn?──▶ postgres
    postgres, store, history ──DatabaseReturned──▶ store, history
    store ──BatchStored──▶ journal
    store ──BatchStored, BatchRefused, BatchRejected──▶ processor
    store ──StoreStarted──▶ processor, event_bus, error_manager
    processor ──LiveChanged──▶ cache ──▶ Redis            cache ──CacheStarted──▶ processor
    any service ──Publish──▶ event_bus ──StoreEvents──▶ store ──EventsStored──▶ event_bus
                                       ├──Delivered?──▶ subscribers    (each from a lane of its own)
                                       └──FindEvents?──▶ history       (for a replay)
    system (dead letters of the runtime) ──LetterDied──▶ event_bus
    alerter ──KeepLetter, ForgetLetter──▶ event_bus ──NotifyAgain──▶ alerter
    system (notices of the supervisors) ──SupervisionNoticed──▶ error_manager
    error_manager ──StoreErrors──▶ store ──ErrorsStored──▶ error_manager
    error_manager ──FindErrors?──▶ history
    every service ──ServiceReport──▶ health_monitor ──HealthChanged──▶ alerter
    system (notices) ──LookAgain──▶ health_monitor ──InspectDatabase?──▶ history
                                    health_monitor ──InspectCache?──▶ cache
    resource_monitor ──ShedHistory──▶ event_bus
    resource_monitor ──ShedArchive, KeepArchive, CleanJournal──▶ journal
    resource_monitor, alerter, store ──GetReports?──▶ health_monitor

Not drawn: what an actor sends to itself, and what a subscriber sends to event_bus (Subscribe,
Unsubscribe, Replay).

A question mark is an ask. An actor asks only those that were started before it (system.py), or asks
in a greenlet of its own, so no two actors wait for each other; tells go anywhere. Facts are in the
past tense, orders in the imperative.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from vatwatch.feed.clock import Moment
from vatwatch.feed.correlation import correlation_id
from vatwatch.feed.decode import peek
from vatwatch.feed.records import Feed
from vatwatch.live.records import Body, Collection
from vatwatch.monitoring.error_statistics import Analytics, RecoveryNumbers, Trends
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.monitoring.health import Health as Health
from vatwatch.monitoring.health import PartHealth
from vatwatch.monitoring.notifications import Alerts
from vatwatch.monitoring.status import CacheReport, DatabaseReport, EventBusStatus, Status
from vatwatch.supervision import Ask, BestEffort, DeadLetterReason, Latest, Notice, Tell
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.dead_letters import DeadLetter, LetterFilter
from vatwatch.traffic.events import Event, EventFilter, EventRow, Place
from vatwatch.traffic.tracking import Position, Tracking

# --- the way of a snapshot -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PollDue(Tell):
    """fetcher → itself: the next poll's time has come."""


@dataclass(frozen=True, slots=True)
class AppendSnapshot(Ask[int]):
    """fetcher → journal: make this durable. Answered with the entry's id; JournalFull."""

    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str

    @property
    def correlation_id(self) -> str:
        """The snapshot's. Raises FeedError if the bytes have none."""
        return correlation_id(peek(self.data).update_timestamp)


@dataclass(frozen=True, slots=True)
class HoldSnapshot(Ask[bool]):
    """fetcher → journal: make this durable, but do not hand it out: its clock is in doubt.

    Answered with whether there was anything to hold: False if an update of that time is kept
    already. JournalFull.
    """

    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str


@dataclass(frozen=True, slots=True)
class ReleaseHeld(Ask[None]):
    """fetcher → journal: hand out the held updates of these times, in this order. JournalError."""

    times: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class QuarantineHeld(Ask[None]):
    """fetcher → journal: the held updates of these times were of a wrong clock. JournalError."""

    times: tuple[datetime, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class RejectSnapshot(Tell):
    """fetcher → journal: this has no valid time, so it can only be kept to be looked at."""

    fetched_at: datetime
    data: bytes
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class KnownClock:
    """What the journal tells of the feed's clock."""

    followed: tuple[Moment, ...]
    """The newest update that was handed out; empty if there is none."""
    held: tuple[Moment, ...]
    """Updates that are held, as they were fetched."""


@dataclass(frozen=True, slots=True)
class FindFeedClock(Ask[KnownClock]):
    """fetcher → journal: which updates were kept last. JournalError."""


@dataclass(frozen=True, slots=True)
class SnapshotJournaled(Tell):
    """journal → processor: this is durable, look at it."""

    entry_id: int
    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str

    @property
    def correlation_id(self) -> str:
        """The snapshot's. Raises FeedError if the bytes have none."""
        return correlation_id(peek(self.data).update_timestamp)


@dataclass(frozen=True, slots=True)
class NextPending(Ask[SnapshotJournaled | None]):
    """processor → journal: the oldest entry after this one that is not committed."""

    after_entry_id: int


@dataclass(frozen=True, slots=True)
class LastEntry(Ask[SnapshotJournaled | None]):
    """processor → journal: the newest entry there is, committed or not."""


@dataclass(frozen=True, slots=True)
class SnapshotFailed(Tell):
    """processor, store, cache, event_bus → journal: this entry made me fail. Too often, and it is
    quarantined.

    Sent once for each failure, by whoever had the entry in hand: when it could go on, or when it
    dies. Never for a failure that is nobody's: a database that is away, an order to stop.
    """

    entry_id: int
    by: str
    """The service."""
    error: str


@dataclass(frozen=True, slots=True)
class EntryPassedOver(Tell):
    """journal → processor: a later entry is stored, this one is not, so a message about it is lost.

    (Entries are stored in their order.)
    """

    entry_id: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the database knows. `stored`: the snapshot that was asked about is in it already."""

    tracking: Tracking
    stored: bool


@dataclass(frozen=True, slots=True)
class RecoverTracking(Ask[Recovered]):
    """processor → store: what is known as of the snapshot of this time, if it is stored, else of
    the newest before it; without a time, of the newest of all.

    Whatever was sent to the store before is written first. DatabaseUnavailable. `entry_id`: the
    snapshot's, against which the store counts it if it cannot answer or dies of the question.
    """

    time: datetime | None
    entry_id: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class TrackingRecovered(Tell):
    """processor → itself: the store's answer, or none; void if the generation has passed."""

    generation: int
    entry: SnapshotJournaled | None
    recovered: Recovered | None


@dataclass(frozen=True, slots=True)
class StoreBatch(Tell):
    """processor → store: write this snapshot. Once one of a generation is void, all of it are."""

    batch: Batch
    generation: int

    @property
    def correlation_id(self) -> str:
        """The snapshot's."""
        return correlation_id(self.batch.changes.general.update_timestamp)


@dataclass(frozen=True, slots=True)
class BatchStored(Tell):
    """store → journal, processor: this snapshot is in the database; a duplicate was before."""

    entry_id: int
    update_timestamp: datetime
    duplicate: bool


@dataclass(frozen=True, slots=True)
class BatchRefused(Tell):
    """store → processor: this batch was derived from another past; it and all after it are void."""

    entry_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class BatchRejected(Tell):
    """store → processor: this batch could not be written, and no outage is why; it and all after it
    are void. (The journal gets a SnapshotFailed.)
    processor → journal: nothing can be done with this entry; it goes to quarantine.
    """

    entry_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoreStarted(Tell):
    """store → processor, event_bus, error_manager: it has (re)started; what was in its hands is
    not."""


@dataclass(frozen=True, slots=True)
class GetDsn(Ask[str]):
    """store, history → postgres: where the embedded cluster listens."""


@dataclass(frozen=True, slots=True)
class WatchCluster(Tell):
    """postgres → itself: see whether the cluster still runs."""


@dataclass(frozen=True, slots=True)
class DatabaseReturned(Tell):
    """postgres, store, history → store, history: the database answers again; no need to wait."""


@dataclass(frozen=True, slots=True)
class RetryWrite(Tell):
    """store → itself: try the waiting batches again."""


@dataclass(frozen=True, slots=True)
class TryDatabase(Tell):
    """history → itself: it was away at the last question; see whether it is back."""


@dataclass(frozen=True, slots=True)
class CatchUp(Tell):
    """processor → itself: see whether the journal holds what the database does not."""


@dataclass(frozen=True, slots=True)
class LiveChanged(Tell):
    """processor → cache: this is the live state now. `feed` is None if the database gave it."""

    tracking: Tracking
    feed: Feed | None
    recovered: bool  # from database or journal, and not fetched since the start
    entry_id: int | None = None
    """The journal's, if a snapshot was the reason."""

    @property
    def correlation_id(self) -> str:
        """The snapshot's, if one was the reason."""
        return "" if self.feed is None else correlation_id(self.feed.general.update_timestamp)


@dataclass(frozen=True, slots=True)
class ServeAgain(Tell):
    """cache → itself: try once more to encode the live state that could not be encoded."""


@dataclass(frozen=True, slots=True)
class SnapshotSetAside(Tell):
    """journal → cache: this entry is in quarantine, or gone; do not try it again."""

    entry_id: int


@dataclass(frozen=True, slots=True)
class CacheStarted(Tell):
    """cache → processor: the cache has (re)started, and holds nothing."""


# --- what is asked of the live state and the history ---------------------------------------------


@dataclass(frozen=True, slots=True)
class GetLive(Ask[Body | None]):
    """http → cache: a whole collection, ready-encoded; None while nothing is known."""

    collection: Collection


@dataclass(frozen=True, slots=True)
class FindLive(Ask[bytes | None]):
    """http → cache: one record by its callsign, as JSON; None if it is not online."""

    collection: Collection
    callsign: str


@dataclass(frozen=True, slots=True)
class FindFlightId(Ask[int | None]):
    """http → cache: the flight that is online under this callsign."""

    callsign: str


@dataclass(frozen=True, slots=True)
class Track:
    """The positions of one flight, oldest first; its callsign if the database knows it."""

    flight_id: int
    points: tuple[Position, ...]
    callsign: str = ""


@dataclass(frozen=True, slots=True)
class FindTrack(Ask[Track | None]):
    """http → history: the track of a flight, or of the latest flight under a callsign."""

    callsign: str
    flight_id: int | None


# --- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Publish(BestEffort):
    """anybody → event_bus: these happened.

    `stored`: somebody else writes them to the table. `entry_id`: of the snapshot that tells all of
    them, if one does. `checked`: by who sends them, against the schemas of their types; else the
    bus does it.
    """

    events: tuple[Event, ...]
    stored: bool = False
    entry_id: int | None = None
    checked: bool = False

    @property
    def correlation_id(self) -> str:
        """The first event's; they are of one snapshot, or one is alone."""
        return self.events[0].correlation_id if self.events else ""


@dataclass(frozen=True, slots=True)
class AcceptEvent(Ask[None]):
    """http → event_bus: this happened outside. Answered once it cannot be lost."""

    event: Event

    @property
    def correlation_id(self) -> str:
        """The event's."""
        return self.event.correlation_id


@dataclass(frozen=True, slots=True)
class Subscribe(Tell):
    """anybody → event_bus: deliver events of these types and this source to this actor.

    Empty is all. It replaces what this actor subscribed to before, and outlives restarts of both.
    """

    subscriber: str
    types: frozenset[str] = frozenset()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Unsubscribe(Tell):
    """anybody → event_bus: no new events for this actor."""

    subscriber: str


@dataclass(frozen=True, slots=True)
class Delivered(Ask[None]):
    """event_bus → subscriber: this happened. Handled when answered; it may come again."""

    event: Event

    @property
    def correlation_id(self) -> str:
        """The event's."""
        return self.event.correlation_id


@dataclass(frozen=True, slots=True)
class Replay(Tell):
    """subscriber → event_bus: deliver to me what the table has of this time, the oldest first.

    Without an end: until now. Events that happen meanwhile come in between.
    """

    subscriber: str
    since: datetime | None = None
    until: datetime | None = None
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GetEvents(Ask[tuple[Event, ...]]):
    """http → event_bus: events in the ring, the newest first, beyond the last page's last."""

    wanted: EventFilter
    limit: int
    beyond: Place | None = None


@dataclass(frozen=True, slots=True)
class GetEventMetrics(Ask[EventBusStatus]):
    """http → event_bus: what went over the bus, as of now."""


@dataclass(frozen=True, slots=True)
class LetterDied(BestEffort):
    """system → event_bus: nobody will handle this message."""

    path: str
    message: Tell
    reason: DeadLetterReason


@dataclass(frozen=True, slots=True)
class KeepLetter(BestEffort):
    """alerter → event_bus: this could not be delivered, or once more not."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class ForgetLetter(BestEffort):
    """alerter → event_bus: this dead letter was delivered after all."""

    letter_id: UUID


@dataclass(frozen=True, slots=True)
class GetLetters(Ask[tuple[DeadLetter, ...]]):
    """http → event_bus: dead letters in memory, the newest first, beyond the last page's last."""

    wanted: LetterFilter
    limit: int
    beyond: Place | None = None


@dataclass(frozen=True, slots=True)
class GetLetter(Ask[DeadLetter | None]):
    """http → event_bus: this dead letter, if it is in memory."""

    letter_id: UUID


class Redelivery(Enum):
    """What became of the wish to deliver a dead letter after all."""

    QUEUED = "queued"
    ALREADY_QUEUED = "already queued"
    MESSAGE_GONE = "message gone"
    """Of messages nothing is kept but what is in memory."""


@dataclass(frozen=True, slots=True)
class RedeliverLetter(Ask[Redelivery]):
    """http → event_bus: try this dead letter again."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class DiscardLetter(Ask[None]):
    """http → event_bus: forget this dead letter. Answered once the table has forgotten it, too."""

    letter_id: UUID


@dataclass(frozen=True, slots=True)
class StoreEvents(Tell):
    """event_bus → store: write these; whatever was sent before and is not written is among them."""

    events: tuple[Event, ...]
    letters: tuple[tuple[UUID, DeadLetter | None], ...] = ()
    """As they are now; without a letter the row of that id goes."""


@dataclass(frozen=True, slots=True)
class EventsStored(BestEffort):
    """store → event_bus: these are in the table, but for those that PostgreSQL will never take."""

    written: StoreEvents
    refused: tuple[tuple[UUID, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FlushEvents(Tell):
    """event_bus → itself: see whether the store still owes an answer."""


@dataclass(frozen=True, slots=True)
class PurgeOld(Tell):
    """store → itself: delete what was kept long enough."""


@dataclass(frozen=True, slots=True)
class FindEvents(Ask[tuple[EventRow, ...]]):
    """http, event_bus → history: events in the table, beyond the last page's last.

    DatabaseUnavailable.
    """

    wanted: EventFilter
    limit: int
    beyond: Place | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class FindLetters(Ask[tuple[DeadLetter, ...]]):
    """http → history: dead letters in the table, the newest first, beyond the last page's last."""

    wanted: LetterFilter
    limit: int
    beyond: Place | None = None


@dataclass(frozen=True, slots=True)
class FindLetter(Ask[DeadLetter | None]):
    """http → history: this dead letter."""

    letter_id: UUID


# --- how the services are ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServiceReport(Latest):
    """any service → health_monitor: this is how I am, sent whenever it changes."""

    service: str
    health: Health
    reason: str
    status: Status

    @property
    def topic(self) -> str:
        """One for each service."""
        return self.service


@dataclass(frozen=True, slots=True)
class Reports:
    """How the whole is, each part of it, and the latest report of each service.

    Parts are the services, and what is outside: postgresql, redis, feed, transceivers.
    """

    health: Health
    reason: str
    services: dict[str, ServiceReport]
    parts: dict[str, PartHealth]
    whole: PartHealth
    checked_at: datetime | None  # wall clock


@dataclass(frozen=True, slots=True)
class GetReports(Ask[Reports]):
    """http, resource_monitor, alerter → health_monitor: how is everybody?"""


@dataclass(frozen=True, slots=True)
class CheckHealth(Tell):
    """health_monitor → itself: ask everybody, and publish what is found."""


@dataclass(frozen=True, slots=True)
class LookAgain(BestEffort):
    """system (notices of the supervisors) → health_monitor: something happened to this service."""

    service: str
    started: bool


@dataclass(frozen=True, slots=True)
class Probed(Tell):
    """health_monitor → itself: a service has answered, or (with what is known of it) has not."""

    service: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class DependencyInspected(Tell):
    """health_monitor → itself: what is outside has answered, or why not."""

    name: str
    health: Health
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HealthChanged(Latest):
    """health_monitor → alerter: somebody's health is another now."""


@dataclass(frozen=True, slots=True)
class InspectDatabase(Ask[DatabaseReport]):
    """http, health_monitor → history: ask the database something, now."""


@dataclass(frozen=True, slots=True)
class InspectCache(Ask[CacheReport]):
    """http, health_monitor → cache: count, and ask Redis something, now."""


# --- resources -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MeasureResources(Tell):
    """resource_monitor → itself: read everything, and do what follows."""


@dataclass(frozen=True, slots=True)
class CleanUpDue(Tell):
    """resource_monitor → itself: remove what nobody needs."""


@dataclass(frozen=True, slots=True)
class ShedHistory(BestEffort):
    """resource_monitor → event_bus: keep so many events in memory; None: as many as ever."""

    size: int | None


@dataclass(frozen=True, slots=True)
class ShedArchive(Tell):
    """resource_monitor → journal: drop so much of the archive, oldest first; None: all but one."""

    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class KeepArchive(Tell):
    """resource_monitor → journal: whether what is committed stays in the archive."""

    keep: bool


@dataclass(frozen=True, slots=True)
class CleanJournal(Tell):
    """resource_monitor → journal: remove what nobody will ever look for."""


# --- alerts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EvaluateAlerts(Tell):
    """alerter → itself: see what holds, and tell."""


@dataclass(frozen=True, slots=True)
class GetAlerts(Ask[Alerts]):
    """http → alerter: what fires, what was told, and to whom?"""


@dataclass(frozen=True, slots=True)
class NotifyAgain(BestEffort):
    """event_bus → alerter: try this dead letter again."""

    letter: DeadLetter


# --- errors --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoreErrors(Tell):
    """error_manager → store: write these; whatever was sent before and is not written is among
    them."""

    records: tuple[ErrorRecord, ...]


@dataclass(frozen=True, slots=True)
class ErrorsStored(BestEffort):
    """store → error_manager: these are in the table, but for those that PostgreSQL never takes."""

    written: StoreErrors


@dataclass(frozen=True, slots=True)
class FlushErrors(Tell):
    """error_manager → itself: hand on what was folded."""


@dataclass(frozen=True, slots=True)
class ErrorsLoaded(Tell):
    """error_manager → itself: what the table knows, the newest first."""

    records: tuple[ErrorRecord, ...]


@dataclass(frozen=True, slots=True)
class FindErrors(Ask[tuple[ErrorRecord, ...]]):
    """http, error_manager → history: a page of the table. DatabaseUnavailable."""

    wanted: ErrorFilter
    limit: int
    beyond: Place | None


@dataclass(frozen=True, slots=True)
class GetErrors(Ask[tuple[ErrorRecord, ...]]):
    """http → error_manager: a page of what is in memory."""

    wanted: ErrorFilter
    limit: int
    beyond: Place | None


@dataclass(frozen=True, slots=True)
class GetErrorAnalytics(Ask[Analytics]):
    """http → error_manager: what was wrong in the window that ends now."""

    window: timedelta


@dataclass(frozen=True, slots=True)
class GetErrorRecovery(Ask[dict[str, RecoveryNumbers]]):
    """http → error_manager: what was done about it, per strategy."""

    window: timedelta


@dataclass(frozen=True, slots=True)
class GetErrorTrends(Ask[Trends]):
    """http → error_manager: where it goes."""


@dataclass(frozen=True, slots=True)
class SupervisionNoticed(BestEffort):
    """the supervisors → error_manager: a child started, failed, stopped; a letter died."""

    notice: Notice
