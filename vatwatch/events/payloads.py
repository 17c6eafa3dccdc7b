"""The payloads of events: one schema for each type, in `PAYLOADS`.

New fields have a default. No field is ever removed or changed in meaning, since old events are read
with the current schemas.
"""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from vatwatch.errors import EventRefused

FlightId = Annotated[
    str, Meta(description="The flight. A text, as JavaScript's numbers end at 2^53.")
]
SessionId = Annotated[
    str, Meta(description="The session. A text, as JavaScript's numbers end at 2^53.")
]
Cid = Annotated[int, Meta(description="VATSIM's number of the person.")]
Callsign = Annotated[str, Meta(description="Callsign.")]
LogonTime = Annotated[
    datetime, Meta(tz=True, description="UTC: logon time of the first connection.")
]
Count = Annotated[int, Meta(ge=0)]


class Payload(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The base of all payloads. Unknown fields are refused like wrong ones."""


class FlightPayload(Payload, frozen=True, gc=False):
    """A pilot's flight: it appeared, changed, moved, was lost, came back, or is over."""

    flight_id: FlightId
    cid: Cid
    callsign: Callsign
    logon_time: LogonTime
    departure: Annotated[str, Meta(description="Airport as filed, ICAO; empty if none.")] = ""
    arrival: Annotated[str, Meta(description="Airport as filed, ICAO; empty if none.")] = ""
    aircraft: Annotated[str, Meta(description="Type as filed, ICAO; empty if none.")] = ""
    reconnects: Annotated[
        Count, Meta(description="How often a new connection continued the flight.")
    ] = 0
    reason: Annotated[
        str,
        Meta(
            description="Why it is told: created, plan, reconnect, take_off, landing, diversion, "
            "dropped, resumed, or ended."
        ),
    ] = ""
    last_seen: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="UTC: the last snapshot it was in; of the endings only."),
    ] = None
    airport: Annotated[
        str | None,
        Meta(
            description="Where it took off or landed: ICAO, or off_airport; of these events only."
        ),
    ] = None
    moved_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="UTC: the snapshot that first shows it in the air, or on the ground."),
    ] = None


class ControllerPayload(Payload, frozen=True, gc=False):
    """A controller's session: it began, came back after a cut, or was left."""

    session_id: SessionId
    cid: Cid
    callsign: Callsign
    facility: Annotated[
        int | None, Meta(description="VATSIM's id of the facility; 0 is an observer, null unknown.")
    ]
    rating: Annotated[
        int | None, Meta(description="VATSIM's id of the controller rating; null is unknown.")
    ]
    frequency_hz: Annotated[int | None, Meta(description="Hz; null while none is tuned.")]
    logon_time: LogonTime
    reconnect: Annotated[
        bool, Meta(description="Whether it continues a session after a cut connection.")
    ] = False


class FrequencyPayload(Payload, frozen=True, gc=False):
    """A controller changed the frequency."""

    session_id: SessionId
    cid: Cid
    callsign: Callsign
    before_hz: Annotated[int | None, Meta(description="Hz; null if none was tuned.")]
    after_hz: Annotated[int | None, Meta(description="Hz; null if none is tuned now.")]


class ContactPayload(Payload, frozen=True, gc=False):
    """A flight is tuned to a station that hears it, or is so no more."""

    flight_id: FlightId
    session_id: SessionId
    cid: Annotated[int, Meta(description="VATSIM's number of the pilot.")]
    callsign: Annotated[str, Meta(description="The pilot's callsign, as the contact began.")]
    station: Annotated[str, Meta(description="The station's callsign.")]
    station_cid: Annotated[int, Meta(description="VATSIM's number of the controller.")]
    facility: Annotated[int | None, Meta(description="VATSIM's id of it; null is unknown.")]
    frequency_hz: Annotated[int, Meta(description="Hz: the main name of the station's channel.")]
    placed_by: Annotated[
        str, Meta(description="Where the station is taken to be: at its radios, or its airport.")
    ]
    started_at: Annotated[
        datetime, Meta(tz=True, description="UTC: the first snapshot that shows it.")
    ]
    closest_nm: Annotated[
        float, Meta(description="Closest distance to the station so far, nautical miles.")
    ]
    ended_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="UTC: the last snapshot that shows it; of CONTACT_ENDED only."),
    ] = None


class PositionPayload(Payload, frozen=True, gc=False):
    """One a snapshot: how many aircraft moved."""

    flights: Annotated[Count, Meta(description="Flights in the snapshot.")]
    moved: Annotated[Count, Meta(description="Those that are elsewhere than in the one before.")]


class SectorPayload(Payload, frozen=True, gc=False):
    """A flight came into a FIR or a sector, or left it."""

    flight_id: FlightId
    callsign: Callsign
    kind: Annotated[str, Meta(description="fir or sector.")]
    sector: Annotated[str, Meta(description="Its name in the file; of a FIR, its id.")]
    time: Annotated[
        datetime,
        Meta(tz=True, description="UTC: the first snapshot that shows it there, or the last one."),
    ]
    altitude: Annotated[int | None, Meta(description="Then, in feet; null if unknown.")] = None


class DataPayload(Payload, frozen=True, gc=False):
    """A snapshot was fetched, processed, stored, or shown; null is what is not known there."""

    update_timestamp: Annotated[
        datetime, Meta(tz=True, description="UTC: the feed's own time of the snapshot.")
    ]
    pilots: Annotated[int | None, Meta(description="Pilots in it.")] = None
    controllers: Annotated[int | None, Meta(description="Controllers in it.")] = None
    atis: Annotated[int | None, Meta(description="ATIS stations in it.")] = None
    prefiles: Annotated[int | None, Meta(description="Prefiled plans in it.")] = None
    quarantined: Annotated[int | None, Meta(description="Records that were quarantined.")] = None
    bytes: Annotated[int | None, Meta(description="Size of the feed's body, in bytes.")] = None


class ServicePayload(Payload, frozen=True, gc=False):
    """A part of the service started, stopped, or failed."""

    path: Annotated[str, Meta(description="Its place in the supervision tree.")]
    reason: Annotated[str, Meta(description="Why it stopped, or what failed.")] = ""
    error: Annotated[str, Meta(description="The error, its type first; of ERROR_OCCURRED.")] = ""
    restarts: Annotated[int | None, Meta(description="Restarts so far, where known.")] = None
    category: Annotated[
        str, Meta(description="Where the cause lies (network, database, ...); of ERROR_OCCURRED.")
    ] = ""


class RecoveryPayload(Payload, frozen=True, gc=False):
    """A service is healthy again, a dependency is back, or a breaker has closed again."""

    path: Annotated[
        str,
        Meta(
            description="A service's place in the supervision tree; of a dependency its name "
            "(postgresql, redis, feed, transceivers); of another breaker breaker/ and its name."
        ),
    ]
    kind: Annotated[str, Meta(description="service, dependency or breaker.")]
    reason: Annotated[str, Meta(description="What was wrong until now.")] = ""
    duration_s: Annotated[
        float | None, Meta(description="Seconds for which it was wrong; null if not known.")
    ] = None


class HealthPayload(Payload, frozen=True, gc=False):
    """How the whole and each service is: healthy, degraded or unhealthy; a part may be standby."""

    health: Annotated[str, Meta(description="Of the whole.")]
    services: Annotated[dict[str, str], Meta(description="Of each service, by its name.")]
    changed: Annotated[
        dict[str, str],
        Meta(description="Of them, those whose health has changed since the check before."),
    ] = {}


class ConfigPayload(Payload, frozen=True, gc=False):
    """The settings were read again: they were taken over, or refused as a whole."""

    trigger: Annotated[str, Meta(description="What for: files, signal or request.")]
    version: Annotated[int, Meta(description="Changes since the start of the process so far.")]
    changed: Annotated[tuple[str, ...], Meta(description="Settings with another value now.")] = ()
    needs_restart: Annotated[
        tuple[str, ...], Meta(description="Settings that take effect at the next start.")
    ] = ()
    faults: Annotated[
        tuple[str, ...], Meta(description="Why it was refused; nothing is changed then.")
    ] = ()


class SubscriptionPayload(Payload, frozen=True, gc=False):
    """Something that a subscription waits for has begun, or has ended."""

    subscription_id: Annotated[str, Meta(description="The subscription.")]
    occasion_id: Annotated[str, Meta(description="The same of the beginning and the end.")]
    event: Annotated[str, Meta(description="began, ended or test.")]
    news: Annotated[
        str,
        Meta(
            description="What about: atc, online, departure, landing, entry, ahead, count or test."
        ),
    ]
    subject: Annotated[str, Meta(description="A callsign, or a place.")]
    session: Annotated[
        str, Meta(description="The session or the flight; of a count, when it began.")
    ]
    at: Annotated[datetime, Meta(tz=True, description="UTC: the snapshot that shows it.")]
    text: Annotated[str, Meta(description="The same for people, as a sentence.")]
    facts: Annotated[
        dict[str, str | int | float | None],
        Meta(description="What else is known: cid, frequency, airports, position, count, ..."),
    ] = {}


PAYLOADS: dict[str, type[Payload]] = {
    "FLIGHT_CREATED": FlightPayload,
    "FLIGHT_UPDATED": FlightPayload,
    "FLIGHT_DEPARTED": FlightPayload,
    "FLIGHT_ARRIVED": FlightPayload,
    "FLIGHT_DIVERTED": FlightPayload,
    "FLIGHT_DROPPED": FlightPayload,
    "FLIGHT_RESUMED": FlightPayload,
    "FLIGHT_COMPLETED": FlightPayload,
    "FLIGHT_CANCELLED": FlightPayload,
    "CONTROLLER_LOGON": ControllerPayload,
    "CONTROLLER_LOGOFF": ControllerPayload,
    "FREQUENCY_CHANGE": FrequencyPayload,
    "SECTOR_ENTERED": SectorPayload,
    "SECTOR_LEFT": SectorPayload,
    "CONTACT_BEGAN": ContactPayload,
    "CONTACT_ENDED": ContactPayload,
    "POSITION_UPDATE": PositionPayload,
    "SERVICE_STARTED": ServicePayload,
    "SERVICE_STOPPED": ServicePayload,
    "SERVICE_RECOVERED": RecoveryPayload,
    "HEALTH_CHECK": HealthPayload,
    "ERROR_OCCURRED": ServicePayload,
    "CONFIG_RELOADED": ConfigPayload,
    "CONFIG_REJECTED": ConfigPayload,
    "DATA_FETCHED": DataPayload,
    "DATA_PROCESSED": DataPayload,
    "DATA_STORED": DataPayload,
    "DATA_CACHED": DataPayload,
    "SUBSCRIPTION_MATCHED": SubscriptionPayload,
}

_DECODERS = {kind: msgspec.json.Decoder(payload) for kind, payload in PAYLOADS.items()}
# JSON's escape of NUL, which PostgreSQL's texts cannot contain; not an escaped backslash before
# u0000.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def check(kind: str, payload: Struct) -> None:
    """Check a payload. Raises EventRefused, naming the field, if it does not fit the type's
    schema."""
    wanted = _known(kind)
    if type(payload) is not wanted:
        raise EventRefused(
            kind, f"payload: expected {wanted.__name__}, got {type(payload).__name__}"
        )
    try:
        data = msgspec.json.encode(payload)
    except (TypeError, ValueError, UnicodeEncodeError) as error:
        raise EventRefused(kind, f"payload: {error}") from error
    decode(kind, data)


def decode(kind: str, data: bytes | msgspec.Raw) -> Payload:
    """A payload from its JSON. Raises EventRefused, with the field."""
    _known(kind)
    if _NUL.search(bytes(data)):
        raise EventRefused(kind, "payload: a text in it holds a NUL, which cannot be stored")
    try:
        payload: Payload = _DECODERS[kind].decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventRefused(kind, f"payload: {error}") from error
    return payload


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of each type's payload."""
    return {kind: msgspec.json.schema(payload) for kind, payload in PAYLOADS.items()}


def _known(kind: str) -> type[Payload]:
    found = PAYLOADS.get(kind)
    if found is None:
        close = get_close_matches(kind, PAYLOADS, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise EventRefused(kind, f"type: {kind!r} is not a type of event{hint}")
    return found
