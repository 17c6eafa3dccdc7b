"""Airports, FIRs, approach units and sectors as the API answers with them.

Made by `make docs` from the OpenAPI document: change nothing here.
A list that is asked for some `fields` only has these.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from vatwatch.client.types.stations import PositionDict, RunwaysDict

BlockDict = TypedDict("BlockDict", {"from": str, "to": str, "airborne": int, "not_departed": int})
"""How many flights land from `start` on and before `end`."""


class InboundDict(TypedDict):
    """All that are inbound, in blocks."""

    total: int
    airborne: int
    not_departed: int
    blocks: list[BlockDict]
    later: int
    without_eta: int


class MovementRateDict(TypedDict):
    """Movements an hour, over the last half hour and hour."""

    over_30_min: float
    over_60_min: float


class MovementRatesDict(TypedDict):
    """Of an airport, or of several together."""

    take_offs: MovementRateDict
    landings: MovementRateDict


class MovementTrendDict(TypedDict):
    """How the rate changes, in movements an hour."""

    over_5_min: float
    over_30_min: float


class MovementTrendsDict(TypedDict):
    """Of an airport, or of several together."""

    take_offs: MovementTrendDict
    landings: MovementTrendDict


class BoardPrefilesDict(TypedDict):
    """How many plans begin or end here, of people who are not connected, and not flown."""

    departures: int
    arrivals: int


class BoardStationDict(TypedDict):
    """A controller's station."""

    callsign: str
    session_id: str
    cid: int
    facility: int | None
    frequency: str
    state: str
    position: PositionDict


class BoardAtisDict(TypedDict):
    """An ATIS that is on the air."""

    callsign: str
    frequency: str
    letter: str | None
    kind: str
    runways: RunwaysDict


class AirportInListDict(TypedDict):
    """An airport in the list: how many flights."""

    icao: str
    iata: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    elevation_ft: int
    fir: str | None
    flights: int
    inbound: InboundDict
    rates: MovementRatesDict
    trend: MovementTrendsDict
    prefiles: BoardPrefilesDict
    stations: list[BoardStationDict]
    atis: list[BoardAtisDict]
    departures: int
    arrivals: int
    on_ground: int


class AirportsAnswerDict(TypedDict):
    """Airports, the busiest first."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    airports: list[AirportInListDict]


class BoardFlightDict(TypedDict):
    """A flight on a board."""

    callsign: str
    flight_id: str
    cid: int
    aircraft: str | None
    departure: str | None
    arrival: str | None
    phase: str
    distance_nm: float | None
    eta: str | None
    off_block: str | None
    take_off: str | None
    landing: str | None
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None


class AirportBoardDict(TypedDict):
    """An airport's board: which flights."""

    icao: str
    iata: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    elevation_ft: int
    fir: str | None
    flights: int
    inbound: InboundDict
    rates: MovementRatesDict
    trend: MovementTrendsDict
    prefiles: BoardPrefilesDict
    stations: list[BoardStationDict]
    atis: list[BoardAtisDict]
    departures: list[BoardFlightDict]
    arrivals: list[BoardFlightDict]
    on_ground: list[BoardFlightDict]


class AirportBoardsAnswerDict(TypedDict):
    """Airports with the flights of each."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    airports: list[AirportBoardDict]


class AirportAnswerDict(TypedDict):
    """The board of an airport, and the snapshot's time."""

    icao: str
    iata: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    elevation_ft: int
    fir: str | None
    flights: int
    inbound: InboundDict
    rates: MovementRatesDict
    trend: MovementTrendsDict
    prefiles: BoardPrefilesDict
    stations: list[BoardStationDict]
    atis: list[BoardAtisDict]
    departures: list[BoardFlightDict]
    arrivals: list[BoardFlightDict]
    on_ground: list[BoardFlightDict]
    updated_at: str


class FirInListDict(TypedDict):
    """A FIR in the list: how many flights, and airports with traffic."""

    id: str
    name: str
    oceanic: bool
    source: str
    cycle: str
    flights: int
    inbound: InboundDict
    rates: MovementRatesDict
    trend: MovementTrendsDict
    prefiles: BoardPrefilesDict
    stations: list[BoardStationDict]
    airborne: int
    departures: int
    arrivals: int
    on_ground: int
    airports: int


class FirsAnswerDict(TypedDict):
    """FIRs, the busiest first."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    firs: list[FirInListDict]
    note: NotRequired[str]


class AirportOfFirDict(TypedDict):
    """An airport of a FIR, with traffic."""

    icao: str
    name: str
    flights: int
    departures: int
    arrivals: int
    on_ground: int
    stations: list[str]
    atis: list[str]


class FirAnswerDict(TypedDict):
    """The board of a FIR, and the snapshot's time."""

    id: str
    name: str
    oceanic: bool
    source: str
    cycle: str
    flights: int
    inbound: InboundDict
    rates: MovementRatesDict
    trend: MovementTrendsDict
    prefiles: BoardPrefilesDict
    stations: list[BoardStationDict]
    airborne: list[BoardFlightDict]
    departures: list[BoardFlightDict]
    arrivals: list[BoardFlightDict]
    on_ground: list[BoardFlightDict]
    airports: list[AirportOfFirDict]
    updated_at: str


class ApproachInListDict(TypedDict):
    """An approach unit: its area is that of the stations whose callsigns begin so."""

    id: str
    name: str
    prefixes: list[str]
    suffix: str | None
    source: str
    cycle: str
    stations: list[BoardStationDict]


class ApproachesAnswerDict(TypedDict):
    """Approach units, those with most stations first."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    approaches: list[ApproachInListDict]
    note: NotRequired[str]


class SectorInListDict(TypedDict):
    """A sector in the list."""

    name: str
    kind: str
    floor_ft: int | None
    ceiling_ft: int | None
    load: int
    source: str
    cycle: str
    warning: int | None
    expected_most: int


class SectorsAnswerDict(TypedDict):
    """FIRs and sectors, the busiest first."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    sectors: list[SectorInListDict]
    note: NotRequired[str]


class SectorLoadDict(TypedDict):
    """How many aircraft are expected at a moment."""

    time: str
    load: int


class SectorAnswerDict(TypedDict):
    """A FIR or sector, and the snapshot's time."""

    name: str
    kind: str
    floor_ft: int | None
    ceiling_ft: int | None
    load: int
    source: str
    cycle: str
    warning: int | None
    now: list[str]
    expected: list[SectorLoadDict]
    updated_at: str


class MinuteLoadDict(TypedDict):
    """Of one minute."""

    time: str
    load: int | None


OccupancyDict = TypedDict(
    "OccupancyDict",
    {
        "name": str,
        "kind": str | None,
        "from": str,
        "to": str,
        "count": int,
        "minutes": list[MinuteLoadDict],
    },
)
"""The load of one FIR or sector, minute by minute."""
