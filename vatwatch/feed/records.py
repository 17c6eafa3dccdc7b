"""The feed's records, as VATSIM sends them: its own field names, its own units.

Required fields have no default: the person and callsign, and a pilot's position. All others may be
missing, and are then None, an empty text, or the default given here (docs/reading.md). Keys that
are not listed are skipped: keys were added over the years and more will come. Texts and numbers
stay as sent; `traffic` interprets them. Times stay texts (`2025-08-06T06:54:56.0309059Z`), so that
they are served as they came.

`gc=False`: records hold no cycles, and the collector must not walk ten thousand of them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

# The range of PostgreSQL's integer. The decoder refuses others, which is faster than checking each.
INT4_MIN, INT4_MAX = -(2**31), 2**31 - 1
Int4 = Annotated[int, Meta(ge=INT4_MIN, le=INT4_MAX)]
Cid = Annotated[int, Meta(ge=0, le=INT4_MAX)]


class General(Struct, frozen=True, gc=False):
    """The feed's head."""

    update_timestamp: str
    version: int = 0
    reload: int = 0
    update: str = ""
    connected_clients: int | None = None
    unique_users: int | None = None


class FlightPlan(Struct, frozen=True, gc=False):
    """A filed plan. All texts as the pilot filed them, nonsense included."""

    flight_rules: str = ""
    """`I`, `V`, `Y`, `Z`, `D` or `S`, or whatever was filed."""
    aircraft: str = ""
    """Type, wake category and equipment, in ICAO's form."""
    aircraft_faa: str = ""
    """The same in the FAA's form."""
    aircraft_short: str = ""
    """The type alone."""
    departure: str = ""
    """ICAO code as filed."""
    arrival: str = ""
    """ICAO code as filed."""
    alternate: str = ""
    """ICAO code as filed; there may be several."""
    cruise_tas: str = ""
    """True airspeed: knots, unless the text says otherwise (`M078`, `K0830`)."""
    altitude: str = ""
    """Level: feet or a flight level, as filed."""
    deptime: str = ""
    """Time of departure, `HHMM` in UTC."""
    enroute_time: str = ""
    """`HHMM`: hours and minutes."""
    fuel_time: str = ""
    """Endurance, `HHMM`: hours and minutes."""
    remarks: str = ""
    """Item 18 of the plan, and what else the pilot wrote."""
    route: str = ""
    """From the departure to the arrival, without both."""
    revision_id: Int4 = 0
    """How often the plan was changed."""
    assigned_transponder: str = ""
    """The code that a controller assigned; `0000`: none."""


class Pilot(Struct, frozen=True, gc=False):
    """A connected pilot: degrees WGS84, feet, knots, degrees true, inHg, hPa."""

    cid: Cid
    callsign: str
    latitude: float
    longitude: float
    altitude: Int4 | None = None
    groundspeed: Int4 | None = None
    heading: Int4 | None = None
    logon_time: str = ""
    last_updated: str = ""
    name: str = ""
    server: str = ""
    pilot_rating: Int4 = 0
    military_rating: Int4 = 0
    transponder: str = ""
    qnh_i_hg: float | None = None
    qnh_mb: Int4 | None = None
    flight_plan: FlightPlan | None = None


class Controller(Struct, frozen=True, gc=False):
    """A connected controller, or an observer (facility 0). `frequency` in MHz, a text."""

    cid: Cid
    callsign: str
    frequency: str = ""
    facility: Int4 | None = None
    rating: Int4 | None = None
    logon_time: str = ""
    last_updated: str = ""
    name: str = ""
    server: str = ""
    visual_range: Int4 = 0
    text_atis: list[str] | None = None


class Atis(Struct, frozen=True, gc=False):
    """A connected ATIS: whatever has `_ATIS` in its callsign."""

    cid: Cid
    callsign: str
    frequency: str = ""
    facility: Int4 | None = None
    rating: Int4 | None = None
    logon_time: str = ""
    last_updated: str = ""
    name: str = ""
    server: str = ""
    visual_range: Int4 = 0
    atis_code: str | None = None
    text_atis: list[str] | None = None


class Prefile(Struct, frozen=True, gc=False):
    """A plan filed by somebody who is not connected. `name` is the CID as a text."""

    cid: Cid
    callsign: str
    flight_plan: FlightPlan
    last_updated: str
    name: str = ""


class Server(Struct, frozen=True, gc=False):
    """A server of the network."""

    ident: str
    hostname_or_ip: str = ""
    location: str = ""
    name: str = ""
    client_connections_allowed: bool = True
    is_sweatbox: bool = False


class Facility(Struct, frozen=True, gc=False):
    """A row of `facilities` or `ratings`."""

    id: int
    short: str = ""
    long: str = ""


class PilotRating(Struct, frozen=True, gc=False):
    """A row of `pilot_ratings` or `military_ratings`."""

    id: int
    short_name: str = ""
    long_name: str = ""


class Feed(Struct, frozen=True, gc=False):
    """A whole feed update."""

    general: General
    pilots: list[Pilot] = []
    controllers: list[Controller] = []
    atis: list[Atis] = []
    prefiles: list[Prefile] = []
    servers: list[Server] = []
    facilities: list[Facility] = []
    ratings: list[Facility] = []
    pilot_ratings: list[PilotRating] = []
    military_ratings: list[PilotRating] = []


class Transceiver(Struct, frozen=True, gc=False):
    """One radio: Hz, degrees WGS84, metres."""

    id: int
    frequency: int
    latDeg: float
    lonDeg: float
    heightMslM: float | None = None
    heightAglM: float | None = None


class ClientRadios(Struct, frozen=True, gc=False):
    """The radios of one client."""

    callsign: str
    transceivers: list[Transceiver] = []
