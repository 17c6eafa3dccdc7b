"""Messages that more than one actor receives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vatwatch.config.settings import Settings
from vatwatch.supervision import Latest, Tell
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.pipeline import Options


@dataclass(frozen=True, slots=True)
class BatchStored(Tell):
    """store → journal, processor: this snapshot is in the database; a duplicate was there before.

    processor → journal: the database says that it has this snapshot.

    handover → journal: it was handed over, for another node to store.
    """

    entry_id: int
    update_timestamp: datetime
    duplicate: bool


@dataclass(frozen=True, slots=True)
class BatchInvalid(Tell):
    """store → processor: this batch could not be written, and an outage is not the reason; it and
    all after it are void. (The journal gets a SnapshotFailed.)

    processor → journal: this entry is unusable; it goes to quarantine.
    """

    entry_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class CacheStarted(Tell):
    """cache → processor, store, follower: the cache has (re)started, and holds nothing."""


@dataclass(frozen=True, slots=True)
class StoreStarted(Tell):
    """store → processor, event_bus, error_manager: the store has (re)started and has lost what it
    was sent."""


@dataclass(frozen=True, slots=True)
class DatabaseReturned(Tell):
    """postgres, store, history → store, history, keys, subscriptions, handover, refill: the
    database answers again; try at once.

    keys, subscriptions → store, history, keys, subscriptions, handover, refill: the same.

    handover, refill → store, history, keys, subscriptions, handover, refill: the same.
    """


@dataclass(frozen=True, slots=True)
class AreasChanged(Latest):
    """areas → store, processor, follower: these are in use from now on. They are kept on the disk
    already, so whoever starts later finds them there."""

    areas: KnownAreas


@dataclass(frozen=True, slots=True)
class UseRole(Latest):
    """leadership → cache, stream, event_bus, follower, store, subscriptions, handover: whether this
    node collects from now on, or follows the one that does. The next incarnations of who was told
    know it, too."""

    collects: bool


@dataclass(frozen=True, slots=True)
class SettingsChanged(Latest):
    """config_watcher → event_bus, error_manager, journal, store, cache, history, keys: these
    settings are in force from now on. Actors that start later get them at the start.

    config_watcher → areas, processor, fetcher, health_monitor, resource_monitor, alerter: these
    settings are in force from now on.

    config_watcher → subscriptions: the same.

    config_watcher → sessions: these settings are in force from now on.

    `options`: the same as the settings say it about the traffic, with the boundary's file read.
    """

    settings: Settings
    options: Options
