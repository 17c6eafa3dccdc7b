"""To the cache: the live state, and questions about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.events.event import Event
from vatwatch.feed.correlation import correlation_id
from vatwatch.feed.records import Feed
from vatwatch.live.records import Body, Collection
from vatwatch.messages.shared import SettingsChanged
from vatwatch.messages.status import CacheReport
from vatwatch.supervision import Ask, BestEffort, Latest, Tell
from vatwatch.traffic.marks import Marks
from vatwatch.traffic.network_state import NetworkState


@dataclass(frozen=True, slots=True)
class LiveChanged(Tell):
    """processor → cache: this is the live state now. `feed` is None if the database gave it."""

    state: NetworkState
    feed: Feed | None
    recovered: bool  # from database or journal, and not fetched since the start
    entry_id: int | None = None
    """The journal's id of the entry, if a snapshot was the reason."""

    @property
    def correlation_id(self) -> str:
        """The snapshot's correlation id, if one was the reason."""
        return "" if self.feed is None else correlation_id(self.feed.general.update_timestamp)


@dataclass(frozen=True, slots=True)
class SnapshotSetAside(Tell):
    """journal → cache: this entry is in quarantine, or gone; do not try it again."""

    entry_id: int


@dataclass(frozen=True, slots=True)
class MarksChanged(Latest):
    """store → cache: these will be derived again, as late snapshots have touched them."""

    marks: Marks


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
class InspectCache(Ask[CacheReport]):
    """http, health_monitor → cache: report your counts, and ask Redis now."""


@dataclass(frozen=True, slots=True)
class MirrorEvents(BestEffort):
    """event_bus → cache: these were published; write them to Redis for other programs."""

    events: tuple[Event, ...]


ToCache: TypeAlias = (
    LiveChanged
    | SnapshotSetAside
    | MarksChanged
    | GetLive
    | FindLive
    | FindFlightId
    | InspectCache
    | MirrorEvents
    | SettingsChanged
)
