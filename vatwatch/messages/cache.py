"""To the cache: the live state, and questions about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

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


class ShownState(NamedTuple):
    """What a node serves."""

    time: datetime | None
    """The feed's."""
    since: datetime | None
    """By the wall clock; None: it serves nothing."""
    is_followed: bool
    """Whether another node has published it. Else it is this node's own, or what Redis gave at the
    start."""


@dataclass(frozen=True, slots=True)
class LiveChanged(Tell):
    """processor → cache: this is the live state now. `feed` is None if the database gave it.

    follower → cache: this is the live state of the node that collects.
    """

    state: NetworkState
    feed: Feed | None
    recovered: bool  # from database or journal, and not fetched since the start
    fetched: bool
    """Whether the node that collects has fetched it itself. Else it has it from the database, a
    journal, or the collector before, and later ones may have been served."""
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

    def goes_back(self, shown: ShownState) -> bool:
        """Whether it is to be left, as it would take back who reads here.

        What was fetched counts, whatever its time is: the feed itself may go back. But for a moment
        after a start, or after this node has ceased to collect, what another node has fetched may
        be from before what is shown.
        """
        theirs = self.state.time
        if shown.time is None or shown.since is None or theirs is None or shown.time <= theirs:
            return False
        if not self.fetched:
            return True
        if self.followed is None:
            return False
        return not shown.is_followed and self.followed.published_at < shown.since


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
class GetApproaches(Ask[Body | None]):
    """http → cache: a page of the list of approach units; None as above."""

    query: PageQuery
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
    | GetApproaches
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
