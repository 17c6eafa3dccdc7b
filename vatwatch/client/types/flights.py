"""Flights and prefiles as the API answers with them.

Made by `make docs` from the OpenAPI document: change nothing here.
A list that is asked for some `fields` only has these.
"""

from __future__ import annotations

from typing import TypedDict


class FlightPlanDict(TypedDict):
    """A filed plan."""

    flight_rules: str
    aircraft: str
    aircraft_faa: str
    aircraft_short: str
    departure: str
    arrival: str
    alternate: str
    cruise_tas: str
    altitude: str
    deptime: str
    enroute_time: str
    fuel_time: str
    remarks: str
    route: str
    revision_id: int
    assigned_transponder: str


class ParsedPlanDict(TypedDict):
    """What a plan means."""

    departure_icao: str | None
    arrival_icao: str | None
    alternates: list[str] | None
    great_circle_nm: float | None
    cruise_altitude_ft: int | None
    cruise_tas_kt: int | None
    departure_time: str | None
    enroute_s: int | None
    endurance_s: int | None
    aircraft_type: str | None
    wake_category: str | None
    equipment: list[str] | None
    surveillance: list[str] | None
    faa_equipment: str | None
    pbn: list[str] | None
    date_of_flight: str | None
    registration: str | None
    selcal: str | None
    mode_s_code: str | None
    operator: str | None
    performance_category: str | None
    special_handling: list[str] | None
    voice: str | None
    unreadable: list[str]


class FoundAirportsDict(TypedDict):
    """Where a flight was seen to take off and to land: ICAO, `off_airport`, or null."""

    departure: str | None
    arrival: str | None


class TimesDict(TypedDict):
    """When a flight left its stand, the ground, came back to it, and stood."""

    off_block: str | None
    take_off: str | None
    landing: str | None
    on_block: str | None


class MovementDict(TypedDict):
    """A take-off, a landing, or both."""

    type: str
    airport: str
    time: str


class FlightConnectionDict(TypedDict):
    """One connection of a flight."""

    callsign: str
    logon_time: str
    first_seen: str
    last_seen: str | None


GapDict = TypedDict("GapDict", {"from": str, "to": str})
"""A time in which a flight was not seen: after `start`, and before `end`."""


class ContactDict(TypedDict):
    """A station that a flight is in contact with, and the first snapshot that shows it."""

    station: str
    frequency_hz: int
    since: str


class FlightDict(TypedDict):
    """A flight as served: the pilot's record, and what vatwatch knows of the flight."""

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
    flight_plan: FlightPlanDict | None
    plan: ParsedPlanDict | None
    logon_time: str
    last_updated: str
    state: str
    phase: str
    found: FoundAirportsDict
    times: TimesDict
    movements: list[MovementDict]
    diverting: bool
    joined_in_flight: bool
    distance_flown_nm: float
    great_circle_nm: float | None
    route_efficiency: float | None
    eta: str | None
    vertical_speed_fpm: int | None
    highest_ft: int | None
    fastest_kt: int | None
    phase_s: dict[str, int]
    first_seen: str
    online_s: int
    connections: list[FlightConnectionDict]
    gaps: list[GapDict]
    contacts: list[ContactDict]
    firs: list[str]
    sectors: list[str]
    derive_again: bool


class FlightsAnswerDict(TypedDict):
    """Every pilot who is online."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    flights: list[FlightDict]


class TrackPointDict(TypedDict):
    """One point of a track: degrees, feet, knots, degrees true."""

    time: str
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None
    heading: int | None


class TrackBodyDict(TypedDict):
    """A track."""

    callsign: str
    flight_id: str
    derive_again: bool
    count: int
    points: list[TrackPointDict]


class PrefileDict(TypedDict):
    """A prefile as served: the record, when it was filed, and whether it was flown since."""

    cid: int
    name: str
    callsign: str
    flight_plan: FlightPlanDict
    plan: ParsedPlanDict
    last_updated: str
    filed_at: str | None
    flown: bool


class PrefilesAnswerDict(TypedDict):
    """Every plan of somebody who is not connected."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    prefiles: list[PrefileDict]
