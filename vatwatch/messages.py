"""Every message that actors exchange.

    http ─▶ cache, history, event_bus, health_monitor                        asks
    fetcher ──AppendSnapshot?──▶ journal ──SnapshotJournaled──▶ processor
    processor ──NextPending?, LastEntry?──▶ journal       ◀──SnapshotFailed── processor
    processor ──RecoverTracking?──▶ store                 processor ──StoreBatch──▶ store
    store ──BatchStored, BatchRejected──▶ journal
    store ──BatchStored, BatchRefused, BatchRejected, StoreStarted──▶ processor
    processor ──LiveChanged──▶ cache ──▶ Redis            cache ──CacheStarted──▶ processor
    any service ──Publish──▶ event_bus ──StoreEvents──▶ store ──EventsStored──▶ event_bus
                                       ├──Delivered?──▶ subscribers    (each from a lane of its own)
                                       └──FindEvents?──▶ history       (for a replay)
    system (dead letters of the runtime) ──LetterDied──▶ event_bus
    system (notices of the supervisors) ──SupervisionNoticed──▶ error_manager
    every service ──ServiceReport──▶ health_monitor

A question mark is an ask. Asks go to who was started before (system.py), tells go anywhere, so no
two actors wait for each other. Facts are in the past tense, orders in the imperative.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from vatwatch.feed.records import Feed
from vatwatch.supervision import Ask, DeadLetterReason, Notice, Tell
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.dead_letters import DeadLetter, LetterFilter
from vatwatch.traffic.events import Event, EventFilter, EventRow, Place
from vatwatch.traffic.live import Body, Collection
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


@dataclass(frozen=True, slots=True)
class SnapshotJournaled(Tell):
    """journal → processor: this is durable, look at it."""

    entry_id: int
    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str


@dataclass(frozen=True, slots=True)
class NextPending(Ask[SnapshotJournaled | None]):
    """processor → journal: the oldest entry after this one that is not committed."""

    after_entry_id: int


@dataclass(frozen=True, slots=True)
class LastEntry(Ask[SnapshotJournaled | None]):
    """processor → journal: the newest entry there is, committed or not."""


@dataclass(frozen=True, slots=True)
class SnapshotFailed(Tell):
    """processor → journal: this entry brought the processor down; too often is quarantine."""

    entry_id: int
    error: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the database knows. `stored`: the snapshot that was asked about is in it already."""

    tracking: Tracking
    stored: bool


@dataclass(frozen=True, slots=True)
class RecoverTracking(Ask[Recovered]):
    """processor → store: what is known as of the snapshot of this time, if it is stored, else of
    the newest before it; without a time, of the newest of all.

    Whatever was sent to the store before is written first. DatabaseUnavailable.
    """

    time: datetime | None


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
    """store → journal, processor: PostgreSQL can never take this batch; it goes to quarantine."""

    entry_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoreStarted(Tell):
    """store → processor, event_bus: the store has (re)started; what was in its hands is not."""


@dataclass(frozen=True, slots=True)
class GetDsn(Ask[str]):
    """store, history → postgres: where the embedded cluster listens."""


@dataclass(frozen=True, slots=True)
class WatchCluster(Tell):
    """postgres → itself: see whether the cluster still runs."""


@dataclass(frozen=True, slots=True)
class DatabaseReturned(Tell):
    """postgres → store: the embedded cluster runs again; no need to wait for a breaker."""


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
    """The positions of one flight, oldest first."""

    flight_id: int
    points: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class FindTrack(Ask[Track | None]):
    """http → history: the track of a flight, or of the latest flight under a callsign."""

    callsign: str
    flight_id: int | None


# --- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Publish(Tell):
    """anybody → event_bus: these happened. `stored`: somebody else writes them to the table."""

    events: tuple[Event, ...]
    stored: bool = False


@dataclass(frozen=True, slots=True)
class AcceptEvent(Ask[None]):
    """http → event_bus: this happened outside. Answered once it cannot be lost."""

    event: Event


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
class GetEventMetrics(Ask["EventBusStatus"]):
    """http → event_bus: what went over the bus, as of now."""


@dataclass(frozen=True, slots=True)
class LetterDied(Tell):
    """system → event_bus: nobody will handle this message."""

    path: str
    message: Tell
    reason: DeadLetterReason


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
class EventsStored(Tell):
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


class Health(Enum):
    """Of a service, and of the whole."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class FetcherStatus(Struct, frozen=True):
    """How the feed is. Ages are seconds by the wall clock, times the feed's."""

    source: str = ""
    outcomes: dict[str, int] = {}
    last_outcome: str = ""
    last_error: str = ""
    last_update_timestamp: datetime | None = None
    last_advanced_at: datetime | None = None  # wall clock
    last_polled_at: datetime | None = None  # wall clock
    next_poll_at: datetime | None = None  # wall clock
    frozen: bool = False
    reachable: bool = True
    transceivers_frozen: bool = False
    breaker: str = "closed"


class JournalStatus(Struct, frozen=True):
    """What the journal holds."""

    pending: int = 0
    archived: int = 0
    quarantined: int = 0
    bytes: int = 0
    max_bytes: int = 0
    torn: int = 0
    corrupt: int = 0


class ProcessorStatus(Struct, frozen=True):
    """What was processed."""

    processed: int = 0
    quarantined_records: int = 0
    kept_out: dict[str, dict[str, int]] = {}
    let_through: dict[str, dict[str, int]] = {}
    behind: bool = False


class StoreStatus(Struct, frozen=True):
    """How the database is."""

    kind: str = ""  # embedded, or external
    server_version: str = ""
    reachable: bool = True
    last_error: str = ""
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    waiting: int = 0
    last_write_ms: float | None = None
    breaker: str = "closed"
    retry_at: datetime | None = None  # wall clock


class CacheStatus(Struct, frozen=True):
    """What the cache is."""

    backend: str = "in-process"  # or redis
    reachable: bool = True
    last_error: str = ""
    update_timestamp: datetime | None = None
    recovered: bool = False
    pilots: int = 0
    controllers: int = 0
    atis: int = 0
    prefiles: int = 0
    bytes: int = 0


class DeliveryMetrics(Struct, frozen=True):
    """Deliveries, of one type or by one handler. Times are of single attempts, as upper bounds."""

    handled: int = 0
    failed: int = 0  # attempts
    retried: int = 0  # attempts after the first
    dead: int = 0
    p50_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None


class HandlerStatus(Struct, frozen=True):
    """One handler: its subscription, its lane, its deliveries."""

    types: tuple[str, ...]  # empty: all
    source: str  # empty: all
    subscribed: bool
    depth: int  # events that wait
    high_water: int
    in_hand: str  # type of the event
    replays: int  # under way
    breaker: str
    metrics: DeliveryMetrics


class EventBusStatus(Struct, frozen=True):
    """What went over the bus since the service was started."""

    published: int = 0
    handled: int = 0
    failed: int = 0
    retried: int = 0
    dead: int = 0
    refused: int = 0  # did not fit their schema
    repeated: int = 0  # published again, and told once
    by_type: dict[str, int] = {}
    by_source: dict[str, int] = {}
    types: dict[str, DeliveryMetrics] = {}
    handlers: dict[str, HandlerStatus] = {}
    dead_messages: int = 0  # between actors
    dead_letters: int = 0  # in memory
    unstored: int = 0  # events and letters on their way to the table
    given_up: int = 0  # of them, as too many waited
    outbox_error: str = ""


class ErrorStatus(Struct, frozen=True):
    """What went wrong inside."""

    failures: int = 0
    restarts: int = 0
    dead_letters: int = 0
    last_failure: str = ""
    last_failure_at: datetime | None = None  # wall clock


class PostgresStatus(Struct, frozen=True):
    """How the embedded cluster is."""

    version: str = ""
    binaries: str = ""
    running: bool = False
    restarts: int = 0


class HistoryStatus(Struct, frozen=True):
    """What was asked of the database."""

    queries: int = 0
    failures: int = 0


Status: TypeAlias = (
    PostgresStatus
    | HistoryStatus
    | FetcherStatus
    | JournalStatus
    | ProcessorStatus
    | StoreStatus
    | CacheStatus
    | EventBusStatus
    | ErrorStatus
)


@dataclass(frozen=True, slots=True)
class ServiceReport(Tell):
    """any service → health_monitor: this is how I am, sent whenever it changes."""

    service: str
    health: Health
    reason: str
    status: Status


@dataclass(frozen=True, slots=True)
class Reports:
    """How the whole is, and the latest report of each service."""

    health: Health
    reason: str
    services: dict[str, ServiceReport]


@dataclass(frozen=True, slots=True)
class GetReports(Ask[Reports]):
    """http → health_monitor: how is everybody?"""


@dataclass(frozen=True, slots=True)
class CheckHealth(Tell):
    """health_monitor → itself: look at every service and publish what is found."""


@dataclass(frozen=True, slots=True)
class SupervisionNoticed(Tell):
    """the supervisors → error_manager: a child started, failed, stopped; a letter died."""

    notice: Notice
