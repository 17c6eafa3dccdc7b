"""Controllers, ATIS, radios and the network as the API answers with them.

Made by `make docs` from the OpenAPI document: change nothing here.
A list that is asked for some `fields` only has these.
"""

from __future__ import annotations

from typing import TypedDict

BreakDict = TypedDict("BreakDict", {"from": str, "to": str})
"""A time in which a session was away: after its last snapshot before, until its first
since.
"""


class TunedDict(TypedDict):
    """A frequency, and the first snapshot that shows it; null is none."""

    since: str
    frequency_hz: int | None


class PositionDict(TypedDict):
    """The position that a controller works; everything but the rule is null or empty if
    unknown.
    """

    name: str | None
    area: str | None
    areas: list[str]
    rule: str


class ControllerDict(TypedDict):
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
    until: str | None
    breaks: list[BreakDict]
    frequencies: list[TunedDict]
    connected_s: float
    frequency_s: float
    tuned: list[str]
    derive_again: bool
    position: PositionDict


class ControllersAnswerDict(TypedDict):
    """Every controller who is online, observers among them."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    controllers: list[ControllerDict]


class RunwaysDict(TypedDict):
    """The runways that an ATIS tells of, by name; null if none."""

    departure: list[str] | None
    arrival: list[str] | None


class AtisDict(TypedDict):
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
    runways: RunwaysDict
    qnh_mb: int | None
    words: dict[str, str]
    stale: bool
    derive_again: bool


class AtisAnswerDict(TypedDict):
    """Every ATIS station on the air, and those that have left a short time ago."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    on_air: int
    atis: list[AtisDict]


class TransceiverDict(TypedDict):
    """One radio: Hz, degrees WGS84, metres."""

    id: int
    frequency: int
    latDeg: float
    lonDeg: float
    heightMslM: float | None
    heightAglM: float | None


class RadiosDict(TypedDict):
    """The radios of one client, as the transceivers feed has them."""

    callsign: str
    transceivers: list[TransceiverDict]


class TransceiversAnswerDict(TypedDict):
    """The radios of every client that has any."""

    updated_at: str | None
    count: int
    total: int
    next_cursor: str | None
    transceivers: list[RadiosDict]


class ServerDict(TypedDict):
    """A server of the network."""

    ident: str
    hostname_or_ip: str
    location: str
    name: str
    client_connections_allowed: bool
    is_sweatbox: bool


class FacilityDict(TypedDict):
    """A row of `facilities` or `ratings`."""

    id: int
    short: str
    long: str


class PilotRatingDict(TypedDict):
    """A row of `pilot_ratings` or `military_ratings`."""

    id: int
    short_name: str
    long_name: str


class NetworkDict(TypedDict):
    """The network as a whole; observers are counted separately from active controllers."""

    updated_at: str | None
    connected_clients: int | None
    unique_users: int | None
    pilots: int
    controllers: int
    observers: int
    atis: int
    prefiles: int
    phases: dict[str, int]
    servers: list[ServerDict]
    facilities: list[FacilityDict]
    ratings: list[FacilityDict]
    pilot_ratings: list[PilotRatingDict]
    military_ratings: list[PilotRatingDict]
