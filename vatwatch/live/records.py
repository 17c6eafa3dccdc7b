"""What the API serves of the live state: VATSIM's own field names, and vatwatch's ids as texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from msgspec import Raw, Struct, structs

from vatwatch.feed.records import Facility, FlightPlan, PilotRating, Server, Transceiver
from vatwatch.traffic.identity import find_callsign
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

    # Each equals itself alone. An Enum's own hash is Python code, and a read looks up three.
    __hash__ = object.__hash__


class Body(Struct, frozen=True, gc=False):
    """A response, ready to be sent."""

    plain: bytes
    gzipped: bytes
    etag: str
    """Quoted; of what is sent as it is. The sender tells those of other codings apart."""
    total: int | None = None
    """Of a page: how many records match, on this page and on all others."""
    next_cursor: str | None = None
    """Of a page: where the next one begins; None if it is the last one."""
    zstd: bytes = b""
    """Compressed for who takes that; empty: it is not kept so."""
    ends: tuple[int, ...] = ()
    """Of a whole collection: where its first record begins, and where each one ends, in `plain`."""
    rows: Mapping[str, int] = {}
    """Of a whole collection: the numbers of its records, by callsign."""
    records: tuple[Struct, ...] = ()
    """Of a whole collection: what it was encoded from; empty if it has come as bytes."""
    modified_s: int = 0
    """The time of the snapshot, in seconds since 1970; 0: not known."""
    due_s: float = 0.0
    """When the next snapshot is expected, by our clock, in seconds since 1970; 0: not known."""


def as_old_as(whole: Body, body: Body) -> Body:
    """A body that was made of a whole collection, with the times of that."""
    return structs.replace(body, modified_s=whole.modified_s, due_s=whole.due_s)


class FoundRecord(NamedTuple):
    """A record, and the whole collection that it is of."""

    plain: bytes
    whole: Body


def record_of(body: Body, callsign: str) -> bytes | None:
    """One record of a whole collection in JSON; None if `callsign` is not there, in any case of
    letters."""
    row = find_callsign(body.rows, callsign)
    if row is None:
        return None
    # Between two records stands a comma.
    return body.plain[body.ends[row] + (row > 0) : body.ends[row + 1]]


class FoundAirports(Struct, frozen=True, gc=False):
    """Where a flight was seen to take off and to land: ICAO, `off_airport`, or null."""

    departure: str | None
    """Where it took off."""
    arrival: str | None
    """Where it landed."""


class LiveContact(Struct, frozen=True, gc=False):
    """A station that a flight is in contact with, and the first snapshot that shows it."""

    station: str
    """Callsign."""
    frequency_hz: int
    """As the station has it, in hertz."""
    since: datetime
    """The first snapshot that shows it."""


class LiveFlight(Struct, frozen=True, gc=False):
    """A flight as served: the pilot's record, and what vatwatch knows of the flight.

    The id is a text, as JavaScript's numbers end at 2^53.
    """

    flight_id: str
    """The flight's id, which it keeps over reconnects."""
    cid: int
    """The person's number at VATSIM."""
    name: str
    """As the person gives it: a name, the CID, perhaps with a home airport."""
    callsign: str
    """Under which the client is online."""
    server: str
    """The name of VATSIM's server that it is connected to."""
    pilot_rating: int
    """VATSIM's number of the rating; /api/network has the names."""
    military_rating: int
    """VATSIM's number of the rating; /api/network has the names."""
    latitude: float
    """Degrees WGS84, north positive."""
    longitude: float
    """Degrees WGS84, -180 to 180, east positive."""
    altitude: int | None
    """Feet above the sea."""
    groundspeed: int | None
    """Knots."""
    transponder: str
    """The code that is set."""
    heading: int | None
    """Degrees true, 0 to 360: where the nose points."""
    qnh_i_hg: float | None
    """Air pressure at sea level, in inches of mercury."""
    qnh_mb: int | None
    """The same in hectopascals."""
    flight_plan: FlightPlan | Raw | None
    """The plan as filed; null: none."""
    plan: ParsedPlan | Raw | None
    """What the texts of `flight_plan` mean."""
    logon_time: str
    """When it connected, as VATSIM sends it."""
    last_updated: str
    """When VATSIM had this from the client, as VATSIM sends it."""
    state: str
    """`online`: a list of those who are online has no others."""
    phase: FlightPhase
    """What it does now."""
    found: FoundAirports
    """Where it was seen to take off and to land."""
    times: Times
    """Of its movements, each by the first snapshot that shows it."""
    movements: tuple[Movement, ...]
    """Every take-off, landing and touch-and-go so far, the first one first."""
    diverting: bool
    """Whether the destination was changed in the air."""
    joined_in_flight: bool
    """Whether it was in the air when it was first seen."""
    distance_flown_nm: float
    """Nautical miles from snapshot to snapshot, gaps and jumps left out."""
    great_circle_nm: float | None
    """The shortest way between the airports found, or else filed, in nautical miles."""
    route_efficiency: float | None
    """The great circle by the distance flown, once it has landed."""
    eta: datetime | None
    """When it will land; null: that cannot be told, or it has landed."""
    vertical_speed_fpm: int | None
    """Feet a minute since the snapshot before."""
    highest_ft: int | None
    """The greatest altitude in the air so far."""
    fastest_kt: int | None
    """The greatest speed over ground in the air so far."""
    phase_s: dict[str, int]
    """Whole seconds in each phase so far."""
    first_seen: datetime
    """The first snapshot that shows it."""
    online_s: int
    """Seconds online, without the gaps."""
    connections: tuple[FlightConnection, ...]
    """The connections that were joined to this flight, the first one first."""
    gaps: tuple[Gap, ...]
    """When it was not seen."""
    contacts: tuple[LiveContact, ...]
    """In the order of `since`, then of the stations' callsigns."""
    firs: tuple[str, ...]
    """Ids of the FIRs that it flies in."""
    sectors: tuple[str, ...]
    """Names of the sectors that it is in."""
    derive_again: bool
    """Whether a snapshot that came late has touched it: what is derived may be wrong until then."""


class LivePosition(Struct, frozen=True, gc=False):
    """The position that a controller works; everything but the rule is null or empty if unknown."""

    name: str | None
    area: str | None
    """Id of its area; the first of several."""
    areas: tuple[str, ...]
    """Ids of all of its areas."""
    rule: str
    """Which rule found it: see `vatwatch.traffic.areas.positions`."""


class LiveController(Struct, frozen=True, gc=False):
    """A controller as served: the record, vatwatch's id of the session, and what it derives."""

    session_id: str
    """The session's id, which it keeps over short breaks."""
    cid: int
    """The person's number at VATSIM."""
    name: str
    """As the person gives it: a name, the CID, perhaps with a home airport."""
    callsign: str
    """Under which the client is online."""
    frequency: str
    """MHz; `199.998` means none."""
    facility: int | None
    """VATSIM's number of the kind of station, 0 for observers; /api/network has the names."""
    rating: int | None
    """VATSIM's number of the controller's rating; /api/network has the names."""
    server: str
    """The name of VATSIM's server that it is connected to."""
    visual_range: int
    """How far the client sees others, in nautical miles."""
    text_atis: list[str] | None
    """The lines of the controller's text, or of the ATIS."""
    last_updated: str
    """When VATSIM had this from the client, as VATSIM sends it."""
    logon_time: str
    """When it connected, as VATSIM sends it."""
    state: str
    """`observer`, `connected` (without a frequency) or `controlling`."""
    latitude: float | None
    """Where the station is, in degrees WGS84, north positive; null: not known."""
    longitude: float | None
    """The same, east positive."""
    placed_by: str | None
    """What the place is from: `radios` or `airport`."""
    until: datetime | None
    """When the controller goes, if the text says so."""
    breaks: tuple[Break, ...]
    """When no snapshot showed the session."""
    frequencies: tuple[Tuned, ...]
    """Every frequency since the session was first seen, the first one first."""
    connected_s: float
    """Seconds since it was first seen, without its breaks."""
    frequency_s: float
    """Seconds of these with a frequency."""
    tuned: tuple[str, ...]
    """Callsigns of the flights in contact with it, sorted."""
    derive_again: bool
    """As of a flight."""
    position: LivePosition
    """What it works, by the operator's files."""


class LiveRunways(Struct, frozen=True, gc=False):
    """The runways that an ATIS tells of, by name; null if none."""

    departure: tuple[str, ...] | None
    """For take-off."""
    arrival: tuple[str, ...] | None
    """For landing."""


class LiveAtis(Struct, frozen=True, gc=False):
    """An ATIS as served: the record, and what it says."""

    cid: int
    """The person's number at VATSIM."""
    name: str
    """As the person gives it: a name, the CID, perhaps with a home airport."""
    callsign: str
    """Under which the client is online."""
    frequency: str
    """MHz; `199.998` means none."""
    facility: int | None
    """VATSIM's number of the kind of station, 0 for observers; /api/network has the names."""
    rating: int | None
    """VATSIM's number of the controller's rating; /api/network has the names."""
    server: str
    """The name of VATSIM's server that it is connected to."""
    visual_range: int
    """How far the client sees others, in nautical miles."""
    atis_code: str | None
    """The letter, as the client sends it."""
    text_atis: list[str] | None
    """The lines of the controller's text, or of the ATIS."""
    last_updated: str
    """When VATSIM had this from the client, as VATSIM sends it."""
    logon_time: str
    """When it connected, as VATSIM sends it."""
    kind: str
    """What it is for: `departure`, `arrival` or `both`."""
    letter: str | None
    """The letter that listeners have."""
    runways: LiveRunways
    """In use, as the text tells."""
    qnh_mb: int | None
    """The QNH that the text tells of, in hectopascals."""
    words: dict[str, str]
    """The words that each of these was read from, by its name."""
    stale: bool
    """Whether the station has left; its record is the last that was seen."""
    derive_again: bool
    """As of a flight."""


class LivePrefile(Struct, frozen=True, gc=False):
    """A prefile as served: the record, when it was filed, and whether it was flown since."""

    cid: int
    """The person's number at VATSIM."""
    name: str
    """As the person gives it: a name, the CID, perhaps with a home airport."""
    callsign: str
    """For which it was filed."""
    flight_plan: FlightPlan
    """The plan as filed."""
    plan: ParsedPlan
    """What the texts of `flight_plan` mean."""
    last_updated: str
    """When VATSIM had it, as VATSIM sends it."""
    filed_at: datetime | None
    """`last_updated` as a time; null: it cannot be read."""
    flown: bool
    """Whether a flight was seen since that has this plan."""


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
