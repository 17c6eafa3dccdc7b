"""Every message that actors exchange.

Who tells whom (`make docs` draws it from the messages' own docstrings; a question mark is an ask):

    alerter
      ◀ config_watcher   SettingsChanged
      ◀ event_bus        Delivered?, NotifyAgain
      ◀ http             GetAlerts?, GetLatestAlerts?
      ◀ store            AlertsStored
    areas
      ◀ config_watcher   SettingsChanged
    cache
      ◀ config_watcher   SettingsChanged
      ◀ event_bus        MirrorEvents
      ◀ follower         LiveChanged
      ◀ health_monitor   InspectCache?
      ◀ http             FindFlightId?, GetAirport?, GetAirports?, GetApproaches?, GetFir?,
                         GetFirs?, GetLive?, GetLiveMatches?, GetSector?, GetSectors?,
                         InspectCache?, ListAreaNames?, ListFirIds?, ListSectors?, QueryLive?
      ◀ journal          SnapshotSetAside
      ◀ leadership       UseRole
      ◀ processor        LiveChanged
      ◀ store            MarksChanged
      ◀ stream           StreamStarted
    config_watcher
      ◀ http             GetSettings?, ReloadSettings?
      ◀ server           ReloadOrdered
    error_manager
      ◀ config_watcher   SettingsChanged
      ◀ event_bus        Delivered?
      ◀ http             GetErrorAnalytics?, GetErrorRecovery?, GetErrorTrends?, GetErrors?
      ◀ store            ErrorsStored, StoreStarted
      ◀ supervision      SupervisionNoticed
    event_bus
      ◀ alerter          DeleteDeadLetter, StoreDeadLetter
      ◀ cache            GetEvents?
      ◀ config_watcher   SettingsChanged
      ◀ every service    Publish
      ◀ follower         EventsFollowed
      ◀ http             AcceptEvent?, DiscardDeadLetter?, GetDeadLetter?, GetDeadLetters?,
                         GetEventMetrics?, GetEvents?, RedeliverDeadLetter?
      ◀ leadership       UseRole
      ◀ resource_monitor EvictHistory
      ◀ store            EventsStored, StoreStarted
      ◀ subscriptions    AcceptEvent?
      ◀ supervision      MessageUndelivered, Publish
    fetcher
      ◀ config_watcher   SettingsChanged
    follower
      ◀ areas            AreasChanged
      ◀ cache            CacheStarted
      ◀ leadership       UseRole
    handover
      ◀ history          DatabaseReturned
      ◀ keys             DatabaseReturned
      ◀ leadership       UseRole
      ◀ postgres         DatabaseReturned
      ◀ refill           DatabaseReturned
      ◀ store            DatabaseReturned
      ◀ subscriptions    DatabaseReturned
    health_monitor
      ◀ alerter          GetReports?
      ◀ config_watcher   SettingsChanged
      ◀ event_bus        Delivered?
      ◀ every service    ServiceReport
      ◀ http             GetReports?
      ◀ nodes            GetReports?
      ◀ replay           GetReports?
      ◀ resource_monitor GetReports?
      ◀ store            GetReports?
      ◀ supervision      NodeChanged
    history
      ◀ alerter          FindAlerts?
      ◀ config_watcher   SettingsChanged
      ◀ error_manager    FindErrors?
      ◀ handover         DatabaseReturned
      ◀ health_monitor   InspectDatabase?
      ◀ http             FindAlerts?, FindDeadLetter?, FindDeadLetters?, FindErrors?, FindEvents?,
                         FindFlightContacts?, FindMatches?, FindSectorMinutes?,
                         FindSessionContacts?, FindTrack?, InspectDatabase?
      ◀ keys             DatabaseReturned
      ◀ postgres         DatabaseReturned
      ◀ refill           DatabaseReturned
      ◀ store            DatabaseReturned
      ◀ subscriptions    DatabaseReturned
    journal
      ◀ config_watcher   SettingsChanged
      ◀ every service    SnapshotFailed
      ◀ fetcher          AppendSnapshot?, FindFeedClock?, HoldSnapshot?, QuarantineHeld?,
                         RejectSnapshot, ReleaseHeld?
      ◀ handover         AppendSnapshot?, BatchStored, GetHeld?, NextPending?, ReleaseHeld?
      ◀ processor        BatchInvalid, BatchStored, LastEntry?, NextPending?
      ◀ refill           ArchivedEntries?, StoreAgain?
      ◀ replay           AppendSnapshot?
      ◀ resource_monitor CleanJournal, EvictArchive, KeepArchive
      ◀ store            BatchStored
    keys
      ◀ config_watcher   SettingsChanged
      ◀ handover         DatabaseReturned
      ◀ history          DatabaseReturned
      ◀ http             CreateKey?, FindKey?, KeyUsed, ListKeys?, RevokeKey?
      ◀ postgres         DatabaseReturned
      ◀ refill           DatabaseReturned
      ◀ store            DatabaseReturned
      ◀ subscriptions    DatabaseReturned
    nodes
      ◀ http             AskNode?, TellReload
      ◀ server           TellReload
    postgres
      ◀ handover         GetDsn?
      ◀ history          GetDsn?
      ◀ keys             GetDsn?
      ◀ refill           GetDsn?
      ◀ store            GetDsn?
      ◀ subscriptions    GetDsn?
    processor
      ◀ areas            AreasChanged
      ◀ cache            CacheStarted
      ◀ config_watcher   SettingsChanged
      ◀ journal          EntrySkipped, SnapshotJournaled
      ◀ store            BatchInvalid, BatchOutOfSequence, BatchStored, StoreStarted
    refill
      ◀ handover         DatabaseReturned
      ◀ history          DatabaseReturned
      ◀ keys             DatabaseReturned
      ◀ postgres         DatabaseReturned
      ◀ store            DatabaseReturned
      ◀ subscriptions    DatabaseReturned
    resource_monitor
      ◀ config_watcher   SettingsChanged
      ◀ event_bus        Delivered?
    sessions
      ◀ config_watcher   SettingsChanged
      ◀ http             FindSession?, LogIn?, LogOut?
    store
      ◀ alerter          StoreAlerts
      ◀ areas            AreasChanged
      ◀ cache            CacheStarted
      ◀ config_watcher   SettingsChanged
      ◀ error_manager    StoreErrors
      ◀ event_bus        StoreEvents
      ◀ handover         DatabaseReturned
      ◀ history          DatabaseReturned
      ◀ keys             DatabaseReturned
      ◀ leadership       UseRole
      ◀ postgres         DatabaseReturned
      ◀ processor        ReadNetworkState?, StoreBatch
      ◀ refill           DatabaseReturned
      ◀ subscriptions    DatabaseReturned
    stream
      ◀ cache            LiveEncoded
      ◀ event_bus        StreamEvents
      ◀ http             AwaitStream?, OpenStream?
      ◀ leadership       UseRole
    subscriptions
      ◀ config_watcher   SettingsChanged
      ◀ handover         DatabaseReturned
      ◀ history          DatabaseReturned
      ◀ http             DeleteSubscription?, DeliverAgain?, FindDeliveries?, ListSubscriptions?,
                         SaveSubscription?, SendTestMessage?
      ◀ keys             DatabaseReturned
      ◀ leadership       UseRole
      ◀ postgres         DatabaseReturned
      ◀ processor        NetworkMoved
      ◀ refill           DatabaseReturned
      ◀ store            DatabaseReturned

Not drawn: messages of an actor to itself, which are in the actor's file. `supervision` stands for
the runtime (`actors/notices.py`), `replay` for the command, `subscribers` for the subscribers of
the event bus.

An actor asks only actors that were started before it (system.py), or asks in a separate greenlet,
so no two actors wait for each other; tells may go to any actor. Facts are in the past tense, orders
in the imperative.
"""

from vatwatch.messages.alerter import AlertsStored, GetAlerts, GetLatestAlerts, NotifyAgain
from vatwatch.messages.cache import (
    FindFlightId,
    Followed,
    GetAirport,
    GetAirports,
    GetApproaches,
    GetFir,
    GetFirs,
    GetLive,
    GetLiveMatches,
    GetSector,
    GetSectors,
    InspectCache,
    ListAreaNames,
    ListFirIds,
    ListSectors,
    LiveChanged,
    MarksChanged,
    MirrorEvents,
    QueryLive,
    SnapshotSetAside,
    StreamStarted,
)
from vatwatch.messages.config_watcher import (
    GetSettings,
    ReloadOrdered,
    ReloadOutcome,
    ReloadSettings,
    SettingsInForce,
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
    DeleteDeadLetter,
    DiscardDeadLetter,
    EventsFollowed,
    EventsStored,
    EvictHistory,
    GetDeadLetter,
    GetDeadLetters,
    GetEventMetrics,
    GetEvents,
    MessageUndelivered,
    Publish,
    RedeliverDeadLetter,
    Redelivery,
    StoreDeadLetter,
)
from vatwatch.messages.health_monitor import GetReports, NodeChanged, Reports, ServiceReport
from vatwatch.messages.history import (
    FindAlerts,
    FindDeadLetter,
    FindDeadLetters,
    FindErrors,
    FindEvents,
    FindFlightContacts,
    FindMatches,
    FindSectorMinutes,
    FindSessionContacts,
    FindTrack,
    InspectDatabase,
    Track,
)
from vatwatch.messages.journal import (
    AppendSnapshot,
    ArchivedEntries,
    ArchivedEntry,
    CleanJournal,
    EvictArchive,
    FindFeedClock,
    GetHeld,
    HoldSnapshot,
    KeepArchive,
    KnownClock,
    LastEntry,
    NextPending,
    QuarantineHeld,
    RejectSnapshot,
    ReleaseHeld,
    SnapshotFailed,
    StoreAgain,
)
from vatwatch.messages.keys import CreateKey, FindKey, KeyUsed, ListKeys, RevokeKey
from vatwatch.messages.leadership import Role
from vatwatch.messages.nodes import AskNode, NodesView, TellReload
from vatwatch.messages.postgres import GetDsn
from vatwatch.messages.processor import (
    BatchOutOfSequence,
    EntrySkipped,
    SnapshotJournaled,
)
from vatwatch.messages.sessions import FindSession, FoundSession, LogIn, LogOut
from vatwatch.messages.shared import (
    AreasChanged,
    BatchInvalid,
    BatchStored,
    CacheStarted,
    DatabaseReturned,
    SettingsChanged,
    StoreStarted,
    UseRole,
)
from vatwatch.messages.store import (
    ReadNetworkState,
    Recovered,
    StoreAlerts,
    StoreBatch,
    StoreErrors,
    StoreEvents,
)
from vatwatch.messages.stream import AwaitStream, LiveEncoded, OpenStream, StreamEvents
from vatwatch.messages.subscribers import Delivered
from vatwatch.messages.subscriptions import (
    DeleteSubscription,
    DeliverAgain,
    FindDeliveries,
    ListSubscriptions,
    NetworkMoved,
    SaveSubscription,
    SendTestMessage,
)
