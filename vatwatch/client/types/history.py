"""Contacts and events as the API answers with them.

Made by `make docs` from the OpenAPI document: change nothing here.
A list that is asked for some `fields` only has these.
"""

from __future__ import annotations

from typing import Any, TypedDict


class FrequencyMatchDict(TypedDict):
    """A flight that was, or is, in contact with a station."""

    callsign: str
    flight_id: str
    station: str
    session_id: str
    frequency_hz: int
    facility: int | None
    start: str
    end: str | None
    closest_nm: float
    placed_by: str
    cid: int
    station_cid: int
    derive_again: bool


class MatchesPageDict(TypedDict):
    """Contacts, the newest first."""

    count: int
    total: int
    next_cursor: str | None
    matches: list[FrequencyMatchDict]
    source: Any


class StationTimeDict(TypedDict):
    """How long a flight was in contact with a station on one frequency, on the ground too."""

    station: str
    frequency_hz: int
    facility: int | None
    since: str
    contact_s: int


class SideDict(TypedDict):
    """One side of a hand-over."""

    station: str
    frequency_hz: int


StationChangeDict = TypedDict(
    "StationChangeDict", {"time": str, "from": SideDict, "to": SideDict, "without_contact_s": int}
)
"""A flight that went over from one station to another one."""


class FlightFiguresDict(TypedDict):
    """What the contacts of a flight come to."""

    airborne_s: int | None
    in_contact_s: int | None
    share_in_contact: float | None
    stations: list[StationTimeDict]
    hand_overs: list[StationChangeDict]


class FlightContactsDict(TypedDict):
    """The contacts of a flight."""

    count: int
    total: int
    next_cursor: str | None
    matches: list[FrequencyMatchDict]
    flight_id: str
    callsign: str
    derive_again: bool
    figures: FlightFiguresDict


class SessionFiguresDict(TypedDict):
    """What the contacts of a session come to."""

    flights_served: int
    peak_load: int
    peak_at: str | None
    frequency_s: int
    mean_load: float | None


class SessionContactsDict(TypedDict):
    """The contacts of a controller's session."""

    count: int
    total: int
    next_cursor: str | None
    matches: list[FrequencyMatchDict]
    session_id: str
    callsign: str
    derive_again: bool
    figures: SessionFiguresDict


class EventRowDict(TypedDict):
    """An event as the table has it: its payload is JSON, perhaps of an older version's schema."""

    id: str
    type: str
    time: str
    source: str
    correlation_id: str
    payload: Any


class EventsPageDict(TypedDict):
    """A page of events, the newest first."""

    source: Any
    count: int
    next_cursor: str | None
    events: list[EventRowDict]
