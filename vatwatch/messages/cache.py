"""To the cache: the live state, and questions about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from vatwatch.events.event import Event
from vatwatch.feed.correlation import correlation_id
from vatwatch.feed.records import Feed
from vatwatch.live.area_names import AreaNames
from vatwatch.live.board_pages import PageQuery
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.live_table import LiveTable
from vatwatch.live.query.selection import RecordQuery
from vatwatch.live.records import Body, Collection
from vatwatch.live.sector_records import SectorKey
from vatwatch.messages.shared import SettingsChanged, UseRole
from vatwatch.messages.status import CacheReport
from vatwatch.supervision import Ask, BestEffort, Latest, Tell
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.frequency_match import MatchFilter, MatchKey, MatchPage
from vatwatch.traffic.marks import Marks
from vatwatch.traffic.network_state import NetworkState


@dataclass(frozen=True, slots=True)
class Followed:
    """What comes with a live state that another node has published."""

    epoch: int
    """The number of that node's reign."""
    marks: Marks
    published_at: datetime
    """By the wall clock."""
    inherited: bool
    """As in `PublishedState`."""


@dataclass(frozen=True, slots=True)
class LiveChanged(Tell):
    """processor → cache: this is the live state now. `feed` is None if the database gave it.

    follower → cache: this is the live state of the node that collects.
    """

    state: NetworkState
    feed: Feed | None
    recovered: bool  # from database or journal, and not fetched since the start
    entry_id: int | None = None
    """The journal's id of the entry, if a snapshot was the reason."""
    areas: KnownAreas = NO_AREAS
    """Those in use, for the positions of stations and all that is told of areas."""
    followed: Followed | None = None
    """None: it is this node's own."""

    @property
    def correlation_id(self) -> str:
        """The snapshot's correlation id, if one was the reason."""
        return "" if self.feed is None else correlation_id(self.feed.general.update_timestamp)

    def is_behind(self, served: LiveChanged | None, since: datetime | None) -> bool:
        """Whether it is to be left, as this node serves a later one.

        Whatever another node has fetched since it collects counts, whatever its time is: the feed
        itself may go back. What it has not fetched may be older than what was published before: it
        has it from the database, or from the collector before, whose latest it has not heard of.
        For a moment after this node has ceased to collect, so may what was published before.

        Args:
            served: what this node serves
            since: since when, by the wall clock
        """
        if self.followed is None or served is None or since is None:
            return False
        ours, theirs = served.state.time, self.state.time
        if ours is None or theirs is None or ours <= theirs:
            return False
        is_own = served.followed is None and not served.recovered
        is_from_before = is_own and self.followed.published_at < since
        return self.recovered or self.followed.inherited or is_from_before


@dataclass(frozen=True, slots=True)
class SnapshotSetAside(Tell):
    """journal → cache: this entry is in quarantine, or gone; do not try it again."""

    entry_id: int


@dataclass(frozen=True, slots=True)
class MarksChanged(Latest):
    """store → cache: these will be derived again, as late snapshots have touched them."""

    marks: Marks


@dataclass(frozen=True, slots=True)
class StreamStarted(BestEffort):
    """stream → cache: the stream has (re)started; tell it the live state."""


@dataclass(frozen=True, slots=True)
class GetLive(Ask[LiveTable | None]):
    """http → cache: the live state, which the cache also shares; None while nothing is known."""


@dataclass(frozen=True, slots=True)
class QueryLive(Ask[Body | None]):
    """http → cache: the records of a collection that a query selects; None as above."""

    collection: Collection
    query: RecordQuery
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class FindFlightId(Ask[int | None]):
    """http → cache: the flight that is online under this callsign."""

    callsign: str


@dataclass(frozen=True, slots=True)
class GetAirports(Ask[Body | None]):
    """http → cache: a page of the list of airports; None without a live state of our own."""

    query: PageQuery
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class GetAirport(Ask[Body | None]):
    """http → cache: the board of a known airport; None as above."""

    icao: str
    block_min: int
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class GetFirs(Ask[Body | None]):
    """http → cache: a page of the list of FIRs; None as above."""

    query: PageQuery
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class GetFir(Ask[Body | None]):
    """http → cache: the board of a FIR; None as above, and if the files do not have it."""

    fir: str
    block_min: int
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class ListFirIds(Ask[tuple[str, ...] | None]):
    """http → cache: the ids of all FIRs that the files have; None as above."""


@dataclass(frozen=True, slots=True)
class GetSectors(Ask[Body | None]):
    """http → cache: a page of the list of sectors; `kind`: empty for all; None as above."""

    query: PageQuery
    kind: str
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class GetSector(Ask[Body | None]):
    """http → cache: one sector; None as above, and if the files do not have it."""

    key: SectorKey
    format: AnswerFormat = AnswerFormat.JSON


@dataclass(frozen=True, slots=True)
class ListSectors(Ask[tuple[SectorKey, ...] | None]):
    """http → cache: all FIRs and sectors that the files have; None as above."""


@dataclass(frozen=True, slots=True)
class ListAreaNames(Ask[AreaNames | None]):
    """http → cache: what the areas of the live state are called; None as above."""


@dataclass(frozen=True, slots=True)
class GetLiveMatches(Ask[MatchPage | None]):
    """http → cache: contacts that last, the newest first, after the previous page; None while
    nothing is known."""

    wanted: MatchFilter
    limit: int
    after: MatchKey | None = None


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
    | StreamStarted
    | GetLive
    | QueryLive
    | FindFlightId
    | GetAirports
    | GetAirport
    | GetFirs
    | GetFir
    | ListFirIds
    | GetSectors
    | GetSector
    | ListSectors
    | ListAreaNames
    | GetLiveMatches
    | InspectCache
    | MirrorEvents
    | UseRole
    | SettingsChanged
)
