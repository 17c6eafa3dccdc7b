"""What the API serves of the live state: VATSIM's own field names, and vatwatch's ids as texts."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Raw, Struct

from vatwatch.feed.records import Facility, FlightPlan, PilotRating, Server, Transceiver
from vatwatch.traffic.movements import Movement, Times
from vatwatch.traffic.network_state import Break, FlightConnection, Gap, Tuned
from vatwatch.traffic.parsed_plan import ParsedPlan
from vatwatch.traffic.phases import FlightPhase


class Collection(Enum):
    """The collections that the API serves whole; the value is the last part of the path."""

    FLIGHTS = "flights"
    CONTROLLERS = "controllers"
    ATIS = "atis"
    PREFILES = "prefiles"
    TRANSCEIVERS = "transceivers"
    NETWORK = "network"


class Body(Struct, frozen=True, gc=False):
    """A response, ready to be sent."""

    plain: bytes
    gzipped: bytes
    etag: str  # the quoted text; the sender decides whether it is weak


class FoundAirports(Struct, frozen=True, gc=False):
    """Where a flight was seen to take off and to land: ICAO, `off_airport`, or null."""

    departure: str | None
    arrival: str | None


class LiveFlight(Struct, frozen=True, gc=False):
    """A flight as served: the pilot's record, and what vatwatch knows of the flight.

    The id is a text, as JavaScript's numbers end at 2^53.
    """

    flight_id: str
    cid: int
    name: str
    callsign: str
    server: str
    pilot_rating: int
    military_rating: int
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None
    transponder: str
    heading: int | None
    qnh_i_hg: float | None
    qnh_mb: int | None
    flight_plan: FlightPlan | Raw | None
    plan: ParsedPlan | Raw | None
    """What the texts of `flight_plan` mean."""
    logon_time: str
    last_updated: str
    state: str
    phase: FlightPhase
    found: FoundAirports
    times: Times
    movements: tuple[Movement, ...]
    diverting: bool
    joined_in_flight: bool
    distance_flown_nm: float
    great_circle_nm: float | None
    route_efficiency: float | None
    eta: datetime | None
    vertical_speed_fpm: int | None
    highest_ft: int | None
    fastest_kt: int | None
    phase_s: dict[str, int]
    """Whole seconds in each phase so far."""
    first_seen: datetime
    online_s: int
    connections: tuple[FlightConnection, ...]
    gaps: tuple[Gap, ...]
    derive_again: bool
    """Whether a snapshot that came late has touched it: what is derived may be wrong until then."""


class LiveController(Struct, frozen=True, gc=False):
    """A controller as served: the record, vatwatch's id of the session, and what it derives."""

    session_id: str
    cid: int
    name: str
    callsign: str
    frequency: str
    facility: int | None
    rating: int | None
    server: str
    visual_range: int
    text_atis: list[str] | None
    last_updated: str
    logon_time: str
    state: str
    latitude: float | None
    longitude: float | None
    placed_by: str | None
    until: datetime | None
    breaks: tuple[Break, ...]
    frequencies: tuple[Tuned, ...]
    connected_s: float
    frequency_s: float
    derive_again: bool
    """As of a flight."""


class LiveRunways(Struct, frozen=True, gc=False):
    """The runways that an ATIS tells of, by name; null if none."""

    departure: tuple[str, ...] | None
    arrival: tuple[str, ...] | None


class LiveAtis(Struct, frozen=True, gc=False):
    """An ATIS as served: the record, and what it says."""

    cid: int
    name: str
    callsign: str
    frequency: str
    facility: int | None
    rating: int | None
    server: str
    visual_range: int
    atis_code: str | None
    text_atis: list[str] | None
    last_updated: str
    logon_time: str
    kind: str
    letter: str | None
    runways: LiveRunways
    qnh_mb: int | None
    words: dict[str, str]
    stale: bool
    derive_again: bool
    """As of a flight."""


class LivePrefile(Struct, frozen=True, gc=False):
    """A prefile as served: the record, when it was filed, and whether it was flown since."""

    cid: int
    name: str
    callsign: str
    flight_plan: FlightPlan
    plan: ParsedPlan
    """What the texts of `flight_plan` mean."""
    last_updated: str
    filed_at: datetime | None
    flown: bool


class LiveRadios(Struct, frozen=True, gc=False):
    """The radios of one client, as the transceivers feed has them."""

    callsign: str
    transceivers: list[Transceiver]


class Network(Struct, frozen=True, gc=False):
    """The network as a whole; observers are counted separately from active controllers."""

    updated_at: datetime | None
    connected_clients: int | None
    unique_users: int | None
    pilots: int
    controllers: int
    observers: int
    atis: int
    prefiles: int
    phases: dict[str, int] = {}
    """How many flights are in each phase."""
    servers: list[Server] = []
    facilities: list[Facility] = []
    ratings: list[Facility] = []
    pilot_ratings: list[PilotRating] = []
    military_ratings: list[PilotRating] = []
