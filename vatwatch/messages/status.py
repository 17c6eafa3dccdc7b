"""Status: what each service reports about itself, and the answers of the database and the cache to
questions.

Plain values of JSON's types and times. `COUNTERS` names the fields that count since the start of
the process, across restarts of the service (`monitoring.counters`); all other fields are current
values. What the event bus and the alerter count outlives them anyway.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from msgspec import Struct

from vatwatch.messages.access_status import KeysStatus, SessionsStatus
from vatwatch.messages.areas_status import AreasStatus
from vatwatch.messages.follower_status import FollowerStatus
from vatwatch.messages.handover_status import HandoverStatus
from vatwatch.messages.leadership_status import LeadershipStatus
from vatwatch.messages.nodes_status import NodesStatus
from vatwatch.messages.pool_status import PoolStatus
from vatwatch.messages.reads_status import ReadsStatus
from vatwatch.messages.refill_status import RefillStatus
from vatwatch.messages.stream_status import StreamStatus
from vatwatch.messages.subscription_status import SubscriptionsStatus
from vatwatch.traffic.sector_warnings import ReachedLevel


class FetcherStatus(Struct, frozen=True):
    """The state of the feed. Ages are seconds by the wall clock, times are the feed's."""

    COUNTERS: ClassVar = ("outcomes",)

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
    transceivers_missing: bool = False  # for longer than by chance
    transceivers_error: str = ""  # why the latest snapshot has no radios
    held: int = 0  # updates whose clock is in doubt
    breaker: str = "closed"


class JournalStatus(Struct, frozen=True):
    """The content of the journal."""

    COUNTERS: ClassVar = ("torn", "corrupt", "dropped", "shed", "quarantined_total", "missing")

    pending: int = 0
    archived: int = 0
    quarantined: int = 0
    bytes: int = 0
    max_bytes: int = 0
    torn: int = 0
    corrupt: int = 0
    pending_bytes: int = 0
    oldest_pending: datetime | None = None  # the feed's time of the oldest pending entry
    dropped: int = 0  # of the quarantine, as the journal is full
    shed: int = 0  # archived entries that were deleted to make room
    quarantined_total: int = 0  # entries that were quarantined
    missing: int = 0  # entries whose files were gone
    unusable: int = 0  # files that can be neither used nor moved away
    held: int = 0  # updates whose clock is in doubt; they wait for the fetcher's decision
    held_bytes: int = 0
    unmoved: int = 0  # stored entries that the disk refuses to move into the archive
    last_error: str = ""  # the disk's reason why the journal cannot be opened or written
    keeps_archive: bool = True


class ProcessorStatus(Struct, frozen=True):
    """What was processed."""

    COUNTERS: ClassVar = ("processed", "quarantined_records")

    processed: int = 0
    quarantined_records: int = 0
    lost_values: dict[str, int] = {}  # values that could not be read, by kind and field
    plan_texts_unreadable: dict[str, int] = {}  # texts of plans that mean nothing, by field
    radios_unreadable: dict[str, int] = {}  # snapshots without radios, by why
    conditions: tuple[str, ...] = ()  # what is wrong with the feed's content now
    fewer_pilots: str | None = (
        None  # of these, the one about far fewer pilots than usual; null: not checked yet
    )
    kept_out: dict[str, dict[str, int]] = {}
    let_through: dict[str, dict[str, int]] = {}
    behind: bool = False


class RulesStatus(Struct, frozen=True):
    """By which rules the history was derived.

    `since` is the first snapshot of the oldest flight by the rules of this version; flights before
    it are by older rules, or were not derived. null while there is no such flight, or it is not
    known yet."""

    version: int
    since: datetime | None = None


class StoreStatus(Struct, frozen=True):
    """The state of the database.

    `last_error` is why the latest try failed, `since` when it began to fail, `retry_at` when it is
    tried again; empty and null while it works."""

    COUNTERS: ClassVar = ("stored", "duplicates", "rejected", "derived_again")

    kind: str = ""  # embedded, or external
    server_version: str = ""
    reachable: bool = True
    last_error: str = ""
    since: datetime | None = None  # wall clock
    broken: bool = False  # it answers, but its schema or this program is wrong: a bug
    stored: int = 0
    quarantined_records: int = 0  # rows in the table quarantine, of the snapshots in `stored`
    duplicates: int = 0
    rejected: int = 0
    waiting: int = 0
    last_write_ms: float | None = None
    stored_at: datetime | None = None  # wall clock, of the latest snapshot that was written
    breaker: str = "closed"
    retry_at: datetime | None = None  # wall clock
    pool: PoolStatus | None = None
    rules: RulesStatus | None = None
    derived_again: int = 0  # flights, sessions and ATIS that late snapshots had touched


class CacheStatus(Struct, frozen=True):
    """The state of the cache. `last_error`, `since`, `retry_at` are about Redis."""

    COUNTERS: ClassVar = ("hits", "misses", "redis_hits", "redis_misses")

    backend: str = "in-process"  # or redis
    reachable: bool = True
    last_error: str = ""
    since: datetime | None = None  # wall clock
    retry_at: datetime | None = None  # wall clock
    update_timestamp: datetime | None = None
    changed_at: datetime | None = None  # wall clock, since when this live state is served
    recovered: bool = False
    pilots: int = 0
    controllers: int = 0
    atis: int = 0
    prefiles: int = 0
    bytes: int = 0
    hits: int = 0  # questions that there was a live state for, as of its latest report
    misses: int = 0
    redis_hits: int = 0  # collections that were read from Redis after a start, and were there
    redis_misses: int = 0
    # Sectors that have reached their warning level, the busiest first; None: nobody has looked yet.
    sectors_over: tuple[ReachedLevel, ...] | None = None


class ResourceStatus(Struct, frozen=True):
    """What the process uses, and what is done about it. Levels: normal, soft, hard."""

    COUNTERS: ClassVar = ("times_blocked", "cleaned")

    readings: dict[str, float] = {}  # in the units of `limits`
    units: dict[str, str] = {}
    limits: dict[str, dict[str, float]] = {}
    levels: dict[str, str] = {}
    steps: tuple[str, ...] = ()
    greenlets: int = 0
    threads: int = 0
    hub_p50_ms: float = 0.0
    hub_p99_ms: float = 0.0
    times_blocked: int = 0
    blocked: tuple[dict[str, Any], ...] = ()  # when, for how long, and where
    cleaned: int = 0
    cleaned_at: datetime | None = None  # wall clock
    disk_full_at: datetime | None = None
    """If it fills on as in the last hours; None: it does not, or that is not known yet."""


class AlerterStatus(Struct, frozen=True):
    """The state of alerts and webhooks."""

    firing: int = 0
    waiting: int = 0
    delivered: int = 0
    undelivered: int = 0
    unwritten: int = 0  # records of alerts on their way to the table
    given_up: int = 0  # of these, dropped because too many waited


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
    """One handler: its subscription, its queue, its deliveries."""

    types: tuple[str, ...]  # empty: all
    source: str  # empty: all
    subscribed: bool
    depth: int  # events that wait
    high_water: int
    in_hand: str  # type of the event
    breaker: str
    metrics: DeliveryMetrics


class EventBusStatus(Struct, frozen=True):
    """The figures of the bus since the service was started."""

    published: int = 0
    handled: int = 0
    failed: int = 0
    retried: int = 0
    dead: int = 0
    refused: int = 0  # did not fit their schema
    repeated: int = 0  # published again, but delivered once
    by_type: dict[str, int] = {}
    by_source: dict[str, int] = {}
    types: dict[str, DeliveryMetrics] = {}
    handlers: dict[str, HandlerStatus] = {}
    dead_messages: int = 0  # between actors
    dead_letters: int = 0  # in memory
    unstored: int = 0  # events and letters on their way to the table
    given_up: int = 0  # of these, dropped because too many waited
    outbox_error: str = ""


class ErrorStatus(Struct, frozen=True):
    """The errors of the service."""

    COUNTERS: ClassVar = (
        "failures",
        "unexpected",
        "restarts",
        "dead_letters",
        "given_up",
        "unsent",
    )

    enabled: bool = True
    note: str = ""  # that it is off, and what that means
    failures: int = 0
    unexpected: int = 0  # of these, without weather, which another part reports
    restarts: int = 0
    dead_letters: int = 0
    groups: int = 0  # kinds of errors that are known
    unwritten: int = 0  # on their way to the table
    given_up: int = 0  # of these, dropped because too many waited
    unsent: int = 0  # messages for which the receiver had no room
    last_failure: str = ""
    last_failure_at: datetime | None = None  # wall clock


class PostgresStatus(Struct, frozen=True):
    """The state of the embedded cluster."""

    COUNTERS: ClassVar = ("restarts",)

    version: str = ""
    binaries: str = ""  # the directory of its programs: psql, pg_dump and the others too
    socket: str = ""  # the directory of its socket, for psql -h
    running: bool = False
    restarts: int = 0


class HistoryStatus(Struct, frozen=True):
    """The questions to the database. `last_error`, `since`, `retry_at` are as of the store."""

    COUNTERS: ClassVar = ("queries", "failures", "fallbacks")

    queries: int = 0
    failures: int = 0
    last_error: str = ""
    since: datetime | None = None  # wall clock
    retry_at: datetime | None = None  # wall clock
    fallbacks: int = 0  # questions that the primary answered because the replica could not
    reads: ReadsStatus | None = None  # null without DATABASE_READ_URL


class ConfigStatus(Struct, frozen=True):
    """The settings: how often they were changed while the service ran, and what is wrong now."""

    COUNTERS: ClassVar = ("reloads", "rejections")

    version: int = 0
    reloads: int = 0
    rejections: int = 0
    faults: tuple[str, ...] = ()  # the faults of the present files
    needs_restart: tuple[str, ...] = ()  # settings that take effect at the next start
    changed_at: datetime | None = None  # wall clock
    rejected_at: datetime | None = None  # wall clock


Status: TypeAlias = (
    PostgresStatus
    | LeadershipStatus
    | HistoryStatus
    | KeysStatus
    | SessionsStatus
    | NodesStatus
    | HandoverStatus
    | RefillStatus
    | FetcherStatus
    | JournalStatus
    | ProcessorStatus
    | StoreStatus
    | CacheStatus
    | StreamStatus
    | FollowerStatus
    | EventBusStatus
    | ErrorStatus
    | ResourceStatus
    | AlerterStatus
    | ConfigStatus
    | AreasStatus
    | SubscriptionsStatus
)


class DatabaseReport(Struct, frozen=True):
    """The database's numbers now, or why it does not answer (`error`), which is a valid answer,
    too."""

    latency_ms: float | None = None
    size_bytes: int | None = None
    connections: int | None = None
    max_connections: int | None = None
    migrations: tuple[str, ...] = ()
    pool: PoolStatus | None = None
    reads: ReadsStatus | None = None
    error: str = ""


class CacheReport(Struct, frozen=True):
    """How the cache is now. Hits and misses are since the start of the whole, as `CacheStatus`'."""

    hits: int = 0
    misses: int = 0
    redis_hits: int = 0
    redis_misses: int = 0
    redis_server: str = ""
    redis_latency_ms: float | None = None
    redis_used_bytes: int | None = None
    redis_error: str = ""
