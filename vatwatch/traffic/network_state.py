"""What is known of the network at one moment, as much as tells what the next snapshot means.

`NetworkState` is a value: `diff` says what a snapshot changes in it, `apply` gives the next one.
The processor holds it, the database can give it back as of any stored snapshot
(`storage/read_network_state.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.feed.records import Atis, Controller, Feed, FlightPlan, General, Pilot
from vatwatch.feed.unread import UnreadLists
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.atis_text import AtisText
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.movements import MovementKind
from vatwatch.traffic.parsed_plan import ParsedPlan
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import Progress
from vatwatch.traffic.surface import REACH_KT, REACH_NM_SLACK


class Snapshot(Struct, frozen=True, gc=False):
    """One feed update, ready to be compared: decoded, valid, and filtered but for the pilots."""

    time: datetime
    feed: Feed
    # None: the transceivers feed is unavailable, so nothing is known, and nothing has ended.
    radios: dict[str, tuple[Radio, ...]] | None
    # Who is in the feed though the record cannot be read: nothing of theirs has ended.
    unread: UnreadLists = UnreadLists()
    # Callsigns of the pilots that the filters let through; None: all. What the others do is derived
    # too, for who leaves a boundary goes on flying.
    let_through: frozenset[str] | None = None


class Radio(Struct, frozen=True, gc=False):
    """One radio of one client: Hz as sent, degrees, metres."""

    radio_id: int
    frequency_hz: int
    latitude: float
    longitude: float
    height_msl_m: float | None
    height_agl_m: float | None


class FlightConnection(Struct, frozen=True, gc=False):
    """One connection of a flight. `last_seen` is None while it lasts."""

    callsign: str
    logon_time: datetime
    first_seen: datetime
    last_seen: datetime | None = None


class Gap(Struct, frozen=True, gc=False, rename={"start": "from", "end": "to"}):
    """A time in which a flight was not seen: after `start`, and before `end`."""

    start: datetime
    end: datetime


class Flight(Struct, frozen=True, gc=False):
    """One flight of one pilot, its reconnects merged."""

    flight_id: int
    pilot: Pilot
    logon_time: datetime  # of its first connection
    connection_logon: datetime  # of its present connection
    first_seen: datetime
    last_seen: datetime
    progress: Progress
    connections: tuple[FlightConnection, ...]
    """All that were joined, in order; the last one is the present one."""
    gaps: tuple[Gap, ...] = ()
    written: Position | None = None
    plan_id: int | None = None
    # What the texts of the plan mean; read once for each revision.
    parsed_plan: ParsedPlan | None = None
    # Known from a later snapshot than the one that this state is of (late snapshots only).
    seen_in_later_snapshot: bool = False
    shown: bool = True
    """Whether the filters let it through in the latest snapshot with it: it is served."""
    stored: bool = True
    """Whether the filters have ever let it through: it has a row, which is kept up to its end."""
    # The snapshot as of which its row has what the rules remember; None: it has nothing.
    remembered: datetime | None = None

    @property
    def reconnects(self) -> int:
        """How often a new connection continued it."""
        return len(self.connections) - 1

    @property
    def flown(self) -> bool:
        """Whether it has ever been in the air."""
        progress = self.progress
        return progress.airborne or bool(progress.movements) or progress.joined_in_flight

    @property
    def online_s(self) -> int:
        """Whole seconds that it was seen, its gaps left out."""
        if not self.gaps:
            return int((self.last_seen - self.first_seen).total_seconds())
        away = sum(((gap.end - gap.start) for gap in self.gaps), timedelta())
        return int((self.last_seen - self.first_seen - away).total_seconds())


class Break(Struct, frozen=True, gc=False, rename={"start": "from", "end": "to"}):
    """A time in which a session was away: after its last snapshot before, until its first since."""

    start: datetime
    end: datetime


class Tuned(Struct, frozen=True, gc=False):
    """A frequency, and the first snapshot that shows it; null is none."""

    since: datetime
    frequency_hz: int | None


class StationPlace(Struct, frozen=True, gc=False):
    """Where a station is, degrees WGS84, and by what: its `radios`, or its `airport`."""

    latitude: float
    longitude: float
    placed_by: str


class HeldNews(Struct, frozen=True, gc=False):
    """An event that waits for a frequency; see `traffic.sessions`."""

    news: str
    """`logon`, `return` (after a break), or `reconnect` (within one)."""
    snapshots: int
    """For how many it was held, the first one included."""
    before_hz: int | None = None
    """Of a reconnect: the frequency before."""


class Session(Struct, frozen=True, gc=False):
    """One session of one controller position, its reconnects merged."""

    session_id: int
    controller: Controller
    logon_time: datetime
    connection_logon: datetime
    first_seen: datetime
    last_seen: datetime
    reconnects: int = 0
    seen_in_later_snapshot: bool = False
    breaks: tuple[Break, ...] = ()
    # Since the first snapshot of it; at least one.
    frequencies: tuple[Tuned, ...] = ()
    place: StationPlace | None = None
    # When its text says that the controller goes.
    until: datetime | None = None
    held: HeldNews | None = None


def who(one: Flight | Session) -> tuple[int, str]:
    """Who flies or controls: cid and callsign."""
    record = one.pilot if isinstance(one, Flight) else one.controller
    return (record.cid, record.callsign)


class AtisVersion(Struct, frozen=True, gc=False):
    """One version of one station's ATIS, while it lasts."""

    atis_id: int
    atis: Atis
    first_seen: datetime
    said: AtisText = AtisText()
    # The derived letter as the version begins, and since when the feed has another one
    # (`traffic.atis`).
    letter: str | None = None
    other_since: datetime | None = None
    # Of a station that has left: the last snapshot with it.
    last_seen: datetime | None = None


class FiledPlan(Struct, frozen=True, gc=False):
    """One revision of a plan: a flight's (`flight_id`), or a prefile."""

    plan_id: int
    flight_id: int | None
    cid: int
    callsign: str
    plan: FlightPlan
    parsed: ParsedPlan
    first_seen: datetime
    # A prefile's `last_updated`: one person may have several under one callsign, filed at
    # different times (six pairs and a four in the capture of 2020-12-03).
    filed_at: datetime | None = None
    last_updated: str = ""
    name: str = ""


class FlownFlight(Struct, frozen=True, gc=False):
    """A flight that has flown and ended, as long as its plan may come back as a prefile."""

    flight_id: int
    departure: str
    arrival: str
    last_seen: datetime


class RadioState(Struct, frozen=True, gc=False):
    """One radio on one frequency, while it lasts. A station's also ends when the station moves."""

    state_id: int
    callsign: str
    radio: Radio
    """As the latest snapshot has it."""
    kept: Radio
    """As its row has it: as it was when the state began. A station's contacts are told from this
    one, so that they are the same after a restart."""
    first_seen: datetime
    flight_id: int | None
    session_id: int | None


class RecentMovement(Struct, frozen=True, gc=False):
    """A movement of the last hour. `airport`: ICAO, or `off_airport`."""

    flight_id: int
    callsign: str
    """The flight's latest."""
    airport: str
    kind: MovementKind
    time: datetime


class LastingContact(Struct, frozen=True, gc=False):
    """A contact that goes on: a flight tuned to a station (`traffic.contact_rules`)."""

    flight_id: int
    session_id: int
    frequency_hz: int
    """The station's: the main name of its channel."""
    callsign: str
    """The pilot's, as it began; so are all that follow up to `since`."""
    cid: int
    station: str
    station_cid: int
    facility: int | None
    """The feed's number."""
    placed_by: str
    """Where the station is taken to be: at its `radios`, or at its `airport`."""
    since: datetime
    """The first snapshot that shows it."""
    closest_nm: float
    """So far, to a tenth."""

    @property
    def key(self) -> tuple[int, int, int]:
        """What is the same in the next snapshot if the contact lasts."""
        return (self.flight_id, self.session_id, self.frequency_hz)


class NetworkState(Struct, frozen=True):
    """All that is known after the snapshot of `time`.

    Online flights and sessions by callsign; those that are gone for less than their window
    (*disconnected*) by cid and callsign.
    """

    time: datetime | None = None
    general: General | None = None
    flights: dict[str, Flight] = {}
    disconnected_flights: dict[tuple[int, str], Flight] = {}
    dropped_flights: dict[int, Flight] = {}
    """Those that were lost in the air and can be resumed, by flight id."""
    sessions: dict[str, Session] = {}
    disconnected_sessions: dict[tuple[int, str], Session] = {}
    atis: dict[str, AtisVersion] = {}
    # Of stations that have left within the last hours.
    stale_atis: dict[str, AtisVersion] = {}
    prefiles: dict[tuple[int, str, datetime | None], FiledPlan] = {}
    # By cid and callsign; see `traffic.prefiles`.
    flown: dict[tuple[int, str], tuple[FlownFlight, ...]] = {}
    radios: dict[str, tuple[RadioState, ...]] = {}
    contacts: dict[tuple[int, int, int], LastingContact] = {}
    """By flight, session and frequency, in the order of these."""
    recent_movements: tuple[RecentMovement, ...] = ()
    """Oldest first, also of flights that have ended; see `traffic.recent_movements`. Only for what
    is served: the state before a late snapshot is read without them."""

    stays: dict[tuple[int, str, str], SectorStay] = {}
    """Who is in which FIR and sector, by `SectorStay.key`; of flights that are stored."""

    @property
    def shown_flights(self) -> int:
        """How many of those online the filters let through."""
        return sum(flight.shown for flight in self.flights.values())


class SectorStay(Struct, frozen=True, gc=False):
    """A flight in a FIR or a sector, while it lasts; see `traffic.sector_stays`."""

    flight_id: int
    callsign: str
    """As it was when the flight came in."""
    kind: str
    """`fir` or `sector`."""
    sector: str
    """Its name."""
    since: datetime
    """The first snapshot that shows it there."""
    entry_altitude_ft: int | None

    @property
    def key(self) -> tuple[int, str, str]:
        """What tells it from others that last: flight, kind and name."""
        return self.flight_id, self.kind, self.sector


class OutsideFilters(Struct, frozen=True):
    """The flights that the filters have never let through, as they are in a `NetworkState`."""

    online: list[Flight]
    disconnected: list[Flight]
    dropped: list[Flight]

    @classmethod
    def of(cls, state: NetworkState) -> OutsideFilters:
        """Those in a state."""
        return cls(
            [flight for flight in state.flights.values() if not flight.stored],
            [flight for flight in state.disconnected_flights.values() if not flight.stored],
            [flight for flight in state.dropped_flights.values() if not flight.stored],
        )

    def added_to(self, state: NetworkState) -> NetworkState:
        """The state of the same snapshot, with them."""
        return replace(
            state,
            flights={**state.flights, **{f.pilot.callsign: f for f in self.online}},
            disconnected_flights={
                **state.disconnected_flights,
                **{who(f): f for f in self.disconnected},
            },
            dropped_flights={**state.dropped_flights, **{f.flight_id: f for f in self.dropped}},
        )


class Rules(Struct, frozen=True):
    """What the operator may set."""

    reconnect_window: timedelta = timedelta(minutes=15)
    resume_window: timedelta = timedelta(hours=24)
    # Nobody is back further away than this speed allows, and this margin on top.
    reach_kt: float = REACH_KT
    reach_margin_nm: float = REACH_NM_SLACK
    session_window: timedelta = timedelta(minutes=15)
    position_keepalive: timedelta = timedelta(minutes=5)
    areas: KnownAreas = NO_AREAS
    contacts: ContactRules = ContactRules()
