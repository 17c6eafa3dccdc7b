"""What the endpoints may be asked, by the names that the API has.

Made by `make docs` from the OpenAPI document: change nothing here.
`from` is Python's own word: write `from_`.
"""

from __future__ import annotations

from typing import TypedDict

from vatwatch.client.values import QueryValue


class FlightsQuery(TypedDict, total=False):
    """What `GET /api/flights` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    departure: QueryValue
    arrival: QueryValue
    aircraft: QueryValue
    wake: QueryValue
    airline: QueryValue
    flight_rules: QueryValue
    phase: QueryValue
    state: QueryValue
    squawk: QueryValue
    fir: QueryValue
    sector: QueryValue
    tuned: QueryValue
    bbox: QueryValue
    near: QueryValue
    altitude: QueryValue
    groundspeed: QueryValue
    heading: QueryValue
    vertical_speed_fpm: QueryValue
    distance_flown_nm: QueryValue
    great_circle_nm: QueryValue
    online_s: QueryValue
    sort: QueryValue
    limit: QueryValue
    cursor: QueryValue
    fields: QueryValue


class TrackQuery(TypedDict, total=False):
    """What `GET /api/flights/{callsign}/track` may be asked."""

    from_: QueryValue
    to: QueryValue
    bbox: QueryValue
    near: QueryValue
    altitude: QueryValue
    groundspeed: QueryValue
    heading: QueryValue


class ControllersQuery(TypedDict, total=False):
    """What `GET /api/controllers` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    state: QueryValue
    fir: QueryValue
    bbox: QueryValue
    near: QueryValue
    facility: QueryValue
    rating: QueryValue
    sort: QueryValue
    limit: QueryValue
    cursor: QueryValue
    fields: QueryValue


class AtisQuery(TypedDict, total=False):
    """What `GET /api/atis` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    facility: QueryValue
    rating: QueryValue
    sort: QueryValue
    limit: QueryValue
    cursor: QueryValue
    fields: QueryValue


class PrefilesQuery(TypedDict, total=False):
    """What `GET /api/prefiles` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    departure: QueryValue
    arrival: QueryValue
    aircraft: QueryValue
    wake: QueryValue
    airline: QueryValue
    flight_rules: QueryValue
    sort: QueryValue
    limit: QueryValue
    cursor: QueryValue
    fields: QueryValue


class TransceiversQuery(TypedDict, total=False):
    """What `GET /api/transceivers` may be asked."""

    callsign: QueryValue
    airline: QueryValue
    bbox: QueryValue
    near: QueryValue
    sort: QueryValue
    limit: QueryValue
    cursor: QueryValue
    fields: QueryValue


class AirportsQuery(TypedDict, total=False):
    """What `GET /api/airports` may be asked."""

    icao: QueryValue
    flights: QueryValue
    block: QueryValue
    limit: QueryValue
    cursor: QueryValue


class FirsQuery(TypedDict, total=False):
    """What `GET /api/firs` may be asked."""

    fir: QueryValue
    block: QueryValue
    limit: QueryValue
    cursor: QueryValue


class ApproachesQuery(TypedDict, total=False):
    """What `GET /api/approaches` may be asked."""

    limit: QueryValue
    cursor: QueryValue


class SectorsQuery(TypedDict, total=False):
    """What `GET /api/sectors` may be asked."""

    kind: QueryValue
    limit: QueryValue
    cursor: QueryValue


class OccupancyQuery(TypedDict, total=False):
    """What `GET /api/sectors/{name}/occupancy` may be asked."""

    kind: QueryValue
    from_: QueryValue
    to: QueryValue


class MatchesQuery(TypedDict, total=False):
    """What `GET /api/frequency-matches` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    frequency: QueryValue
    from_: QueryValue
    to: QueryValue
    limit: QueryValue
    cursor: QueryValue


class FlightContactsQuery(TypedDict, total=False):
    """What `GET /api/history/flights/{flight_id}/contacts` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    limit: QueryValue
    cursor: QueryValue


class SessionContactsQuery(TypedDict, total=False):
    """What `GET /api/history/sessions/{session_id}/contacts` may be asked."""

    callsign: QueryValue
    cid: QueryValue
    limit: QueryValue
    cursor: QueryValue


class EventsQuery(TypedDict, total=False):
    """What `GET /api/events` may be asked."""

    type: QueryValue
    source: QueryValue
    correlation_id: QueryValue
    callsign: QueryValue
    cid: QueryValue
    since: QueryValue
    until: QueryValue
    limit: QueryValue
    cursor: QueryValue


class FollowQuery(TypedDict, total=False):
    """What `GET /api/stream` may be asked."""

    channels: QueryValue
    callsign: QueryValue
    cid: QueryValue
    departure: QueryValue
    arrival: QueryValue
    aircraft: QueryValue
    wake: QueryValue
    airline: QueryValue
    flight_rules: QueryValue
    phase: QueryValue
    state: QueryValue
    squawk: QueryValue
    fir: QueryValue
    sector: QueryValue
    tuned: QueryValue
    bbox: QueryValue
    near: QueryValue
    altitude: QueryValue
    groundspeed: QueryValue
    heading: QueryValue
    vertical_speed_fpm: QueryValue
    distance_flown_nm: QueryValue
    great_circle_nm: QueryValue
    online_s: QueryValue
    facility: QueryValue
    rating: QueryValue
