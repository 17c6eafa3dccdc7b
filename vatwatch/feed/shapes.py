"""The records of both feeds, field by field: how each value is read, and which a record needs.

`read_record` is the tolerant way. Records that the decoder has read at once are only checked
(`Shape.is_whole`); both ways give the same record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from vatwatch.feed import values
from vatwatch.feed.lenient import LOST
from vatwatch.feed.records import (
    Atis,
    ClientRadios,
    Controller,
    Facility,
    FlightPlan,
    General,
    Pilot,
    PilotRating,
    Prefile,
    Server,
    Transceiver,
)
from vatwatch.feed.values import is_callsign, is_time

INT8_MAX = 2**63 - 1

T = TypeVar("T", bound=Struct)
Reader = Callable[[Any], Any]


class Shape(Struct, Generic[T], frozen=True):
    """One kind of record.

    `needed`: fields without which it is unusable. `moments`: times that default to the feed's own
    time. `is_whole`: whether the values of a decoded record can be kept, as far as its type does
    not ensure that.
    """

    kind: str
    record: type[T]
    fields: Mapping[str, Reader]
    is_whole: Callable[[T], bool]
    needed: tuple[str, ...] = ("cid", "callsign")
    moments: tuple[str, ...] = ()


class ReadRecord(Struct, Generic[T], frozen=True):
    """A record or the reason why there is none, and what identifies it.

    `readable` has all values that could be read.
    """

    record: T | None
    cid: int | None
    callsign: str
    reason: str
    readable: dict[str, Any]


def read_record(shape: Shape[T], members: Any, moment: str, lost: Counter[str]) -> ReadRecord[T]:
    """Read a record value by value.

    Args:
        members: the JSON value that should be the record
        moment: the feed's own time
        lost: counts the values of good records that could not be read, by `kind.field`
    """
    if not isinstance(members, dict):
        return ReadRecord(None, None, "", "not an object", {})
    found: dict[str, Any] = {}
    unreadable: list[str] = []
    for name, read in shape.fields.items():
        value = read(members.get(name))
        if value is LOST:
            unreadable.append(name)
        elif value is not None:
            found[name] = value
    cid, callsign = found.get("cid"), found.get("callsign", "")
    for name in shape.needed:
        if name not in found:
            fault = "cannot be read" if name in unreadable else "is missing"
            return ReadRecord(None, cid, callsign, f"{name} {fault}", found)
    for name in unreadable:
        lost[f"{shape.kind}.{name}"] += 1
    for name in shape.moments:
        found.setdefault(name, moment)
    return ReadRecord(shape.record(**found), cid, callsign, "", found)


# --- fields ---------------------------------------------------------------------------------------


def _degrees(most: float) -> Reader:
    def read(value: Any) -> Any:
        found = values.number(value)
        if found is None or found is LOST:
            return found
        return found if -most <= found <= most else LOST

    return read


def _plan(value: Any) -> Any:
    """A plan, each field on its own."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return LOST
    found = {name: read(value.get(name)) for name, read in _PLAN.items()}
    return FlightPlan(**{k: v for k, v in found.items() if v is not None and v is not LOST})


def _radio_id(value: Any) -> Any:
    found = values.identifier(value, INT8_MAX)
    return values.integer(value, -INT8_MAX, INT8_MAX) if found is LOST else found


def _hertz(value: Any) -> Any:
    return values.integer(value, 0, INT8_MAX)


def _list(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else LOST


_PLAN: dict[str, Reader] = {
    **dict.fromkeys(FlightPlan.__struct_fields__, values.text),
    "revision_id": values.integer,
    **dict.fromkeys(("deptime", "enroute_time", "fuel_time", "assigned_transponder"), values.code),
}
_WHO: dict[str, Reader] = {
    "cid": values.identifier,
    "callsign": values.callsign,
    "name": values.text,
    "last_updated": values.time,
}
_CONNECTION: dict[str, Reader] = {**_WHO, "server": values.text, "logon_time": values.time}
_STATION: dict[str, Reader] = {
    **_CONNECTION,
    "frequency": values.frequency,
    "facility": values.integer,
    "rating": values.integer,
    "visual_range": values.integer,
    "text_atis": values.lines,
}


# --- records that were decoded in one go ---------------------------------------------------------


def _pilot_is_whole(p: Pilot) -> bool:
    qnh = p.qnh_i_hg
    return (
        is_callsign(p.callsign)
        and -90.0 <= p.latitude <= 90.0
        and -180.0 <= p.longitude <= 180.0
        and is_time(p.logon_time)
        and is_time(p.last_updated)
        and (qnh is None or qnh - qnh == 0.0)  # neither infinite nor NaN
    )


def _station_is_whole(record: Controller | Atis) -> bool:
    return (
        is_callsign(record.callsign) and is_time(record.logon_time) and is_time(record.last_updated)
    )


def _prefile_is_whole(record: Prefile) -> bool:
    return is_callsign(record.callsign) and is_time(record.last_updated)


def _radios_are_whole(client: ClientRadios) -> bool:
    if not is_callsign(client.callsign):
        return False
    for radio in client.transceivers:
        if not (
            0 <= radio.frequency <= INT8_MAX
            and -INT8_MAX <= radio.id <= INT8_MAX
            and -90.0 <= radio.latDeg <= 90.0
            and -180.0 <= radio.lonDeg <= 180.0
            and (radio.heightMslM is None or radio.heightMslM - radio.heightMslM == 0.0)
            and (radio.heightAglM is None or radio.heightAglM - radio.heightAglM == 0.0)
        ):
            return False
    return True


def _never(_: Any) -> bool:
    """For kinds with few records, which are always read value by value."""
    return False


# --- the kinds ------------------------------------------------------------------------------------

GENERAL = Shape(
    "general",
    General,
    {
        "update_timestamp": values.time,
        "version": values.integer,
        "reload": values.integer,
        "update": values.text,
        "connected_clients": values.integer,
        "unique_users": values.integer,
    },
    _never,
    needed=("update_timestamp",),
)
PILOT = Shape(
    "pilot",
    Pilot,
    {
        **_CONNECTION,
        "latitude": _degrees(90.0),
        "longitude": _degrees(180.0),
        **dict.fromkeys(
            ("altitude", "groundspeed", "heading", "qnh_mb", "pilot_rating", "military_rating"),
            values.integer,
        ),
        "transponder": values.code,
        "qnh_i_hg": values.number,
        "flight_plan": _plan,
    },
    _pilot_is_whole,
    needed=("cid", "callsign", "latitude", "longitude"),
    moments=("last_updated",),
)
CONTROLLER = Shape("controller", Controller, _STATION, _station_is_whole, moments=("last_updated",))
ATIS = Shape(
    "atis",
    Atis,
    {**_STATION, "atis_code": values.text},
    _station_is_whole,
    moments=("last_updated", "logon_time"),
)
PREFILE = Shape(
    "prefile",
    Prefile,
    {**_WHO, "flight_plan": _plan},
    _prefile_is_whole,
    # Several of one person under one callsign are told apart by when they were filed.
    needed=("cid", "callsign", "last_updated", "flight_plan"),
)
SERVER = Shape(
    "server",
    Server,
    {
        **dict.fromkeys(("ident", "hostname_or_ip", "location", "name"), values.text),
        **dict.fromkeys(("client_connections_allowed", "is_sweatbox"), values.truth),
    },
    _never,
    needed=("ident",),
)
_FACILITY: dict[str, Reader] = {
    "id": values.integer,
    "short": values.text,
    "long": values.text,
}
_RATING: dict[str, Reader] = {
    "id": values.integer,
    "short_name": values.text,
    "long_name": values.text,
}
FACILITY = Shape("facility", Facility, _FACILITY, _never, needed=("id",))
RATING = Shape("rating", Facility, _FACILITY, _never, needed=("id",))
PILOT_RATING = Shape("pilot_rating", PilotRating, _RATING, _never, needed=("id",))
MILITARY_RATING = Shape("military_rating", PilotRating, _RATING, _never, needed=("id",))
RADIO = Shape(
    "radio",
    Transceiver,
    {
        "id": _radio_id,
        "frequency": _hertz,
        "latDeg": _degrees(90.0),
        "lonDeg": _degrees(180.0),
        "heightMslM": values.number,
        "heightAglM": values.number,
    },
    _never,
    needed=("id", "frequency", "latDeg", "lonDeg"),
)


# Its radios are left as JSON has them: each is read on its own, as a RADIO.
CLIENT = Shape(
    "radios",
    ClientRadios,
    {"callsign": values.callsign, "transceivers": _list},
    _radios_are_whole,
    needed=("callsign",),
)
