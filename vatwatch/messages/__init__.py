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

from vatwatch.messages.alerter import GetAlerts, HealthChanged, NotifyAgain
from vatwatch.messages.cache import (
    FindFlightId,
    FindLive,
    GetLive,
    InspectCache,
    LiveChanged,
    SnapshotSetAside,
)
from vatwatch.messages.error_manager import (
    ErrorsStored,
    GetErrorAnalytics,
    GetErrorRecovery,
    GetErrors,
    GetErrorTrends,
    SupervisionNoticed,
)
from vatwatch.messages.event_bus import (
    AcceptEvent,
    DiscardLetter,
    EventsStored,
    ForgetLetter,
    GetEventMetrics,
    GetEvents,
    GetLetter,
    GetLetters,
    KeepLetter,
    LetterDied,
    Publish,
    RedeliverLetter,
    Redelivery,
    Replay,
    ShedHistory,
    Subscribe,
    Unsubscribe,
)
from vatwatch.messages.health_monitor import GetReports, LookAgain, Reports, ServiceReport
from vatwatch.messages.history import (
    FindErrors,
    FindEvents,
    FindLetter,
    FindLetters,
    FindTrack,
    InspectDatabase,
    Track,
)
from vatwatch.messages.journal import (
    AppendSnapshot,
    CleanJournal,
    FindFeedClock,
    HoldSnapshot,
    KeepArchive,
    KnownClock,
    LastEntry,
    NextPending,
    QuarantineHeld,
    RejectSnapshot,
    ReleaseHeld,
    ShedArchive,
    SnapshotFailed,
)
from vatwatch.messages.postgres import GetDsn
from vatwatch.messages.processor import (
    BatchRefused,
    CacheStarted,
    EntryPassedOver,
    SnapshotJournaled,
)
from vatwatch.messages.shared import BatchRejected, BatchStored, DatabaseReturned, StoreStarted
from vatwatch.messages.store import Recovered, RecoverTracking, StoreBatch, StoreErrors, StoreEvents
from vatwatch.messages.subscribers import Delivered
