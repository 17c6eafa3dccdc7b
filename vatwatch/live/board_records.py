"""What the API serves of airports and FIRs."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from vatwatch.live.records import LivePosition, LiveRunways
from vatwatch.traffic.inbound_blocks import Inbound
from vatwatch.traffic.movement_rates import MovementRates, MovementTrends
from vatwatch.traffic.phases import FlightPhase


class BoardFlight(Struct, frozen=True, gc=False):
    """A flight on a board. The id is a text, as JavaScript's numbers end at 2^53."""

    callsign: str
    flight_id: str
    cid: int
    aircraft: str | None
    """As filed."""
    departure: str | None
    """Where it was seen to depart, ICAO or `off_airport`; else as filed."""
    arrival: str | None
    """As filed; after the landing where it has landed."""
    phase: FlightPhase
    distance_nm: float | None
    """From the airport that the board is of; of a FIR's board, from the one by which it is on it.
    """
    eta: datetime | None
    off_block: datetime | None
    take_off: datetime | None
    landing: datetime | None
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None


class BoardStation(Struct, frozen=True, gc=False):
    """A controller's station."""

    callsign: str
    session_id: str
    cid: int
    facility: int | None
    frequency: str
    state: str
    position: LivePosition


class BoardAtis(Struct, frozen=True, gc=False):
    """An ATIS that is on the air."""

    callsign: str
    frequency: str
    letter: str | None
    kind: str
    runways: LiveRunways


class BoardPrefiles(Struct, frozen=True, gc=False):
    """How many plans begin or end here, of people who are not connected, and not flown."""

    departures: int
    arrivals: int


class AirportHead(Struct, frozen=True, gc=False):
    """What the list and the board of an airport have in common. Degrees WGS84, feet."""

    icao: str
    iata: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    elevation_ft: int
    fir: str | None
    """Id of its FIR; null if the files do not tell it."""
    flights: int
    """Different ones that depart, are inbound or on the ground."""
    inbound: Inbound
    rates: MovementRates
    trend: MovementTrends
    prefiles: BoardPrefiles
    stations: list[BoardStation]
    atis: list[BoardAtis]


class AirportInList(AirportHead, frozen=True, gc=False):
    """An airport in the list: how many flights."""

    departures: int
    arrivals: int
    on_ground: int


class AirportBoard(AirportHead, frozen=True, gc=False):
    """An airport's board: which flights."""

    departures: list[BoardFlight]
    arrivals: list[BoardFlight]
    on_ground: list[BoardFlight]


class FirHead(Struct, frozen=True, gc=False):
    """What the list and the board of a FIR have in common."""

    id: str
    name: str
    oceanic: bool
    source: str
    """The file or address that has its area."""
    cycle: str
    """What that calls its version; the digest of its content if it does not."""
    flights: int
    """Different ones that are in it, depart from its airports, are inbound or on the ground."""
    inbound: Inbound
    rates: MovementRates
    trend: MovementTrends
    prefiles: BoardPrefiles
    stations: list[BoardStation]
    """Those whose position this area is, or is one of."""


class FirInList(FirHead, frozen=True, gc=False):
    """A FIR in the list: how many flights, and airports with traffic."""

    airborne: int
    departures: int
    arrivals: int
    on_ground: int
    airports: int


class ApproachInList(Struct, frozen=True, gc=False):
    """An approach unit: its area is that of the stations whose callsigns begin so."""

    id: str
    name: str
    prefixes: list[str]
    """The beginnings of its stations' callsigns."""
    suffix: str | None
    """`APP`, `DEP` or `TWR` if the area is only that one's; null: of all of them."""
    source: str
    """The file or address that has its area."""
    cycle: str
    """What that calls its version; the digest of its content if it does not."""
    stations: list[BoardStation]
    """Those whose position this area is, or is one of."""


class AirportOfFir(Struct, frozen=True, gc=False):
    """An airport of a FIR, with traffic."""

    icao: str
    name: str
    flights: int
    departures: int
    arrivals: int
    on_ground: int
    stations: list[str]
    atis: list[str]


class FirBoard(FirHead, frozen=True, gc=False):
    """A FIR's board: which flights, and airports with traffic, the busiest first."""

    airborne: list[BoardFlight]
    """Those in the air over it."""
    departures: list[BoardFlight]
    arrivals: list[BoardFlight]
    on_ground: list[BoardFlight]
    airports: list[AirportOfFir]
