"""Facts: what filters and orders look at in a record, read from the record as it is served.

So every process that has the bytes of a record tells the same about it. One struct serves the
records of all collections: what a record does not have is None or empty.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct


class FiledFacts(Struct, frozen=True, gc=False):
    """Of a plan, as filed."""

    flight_rules: str = ""
    aircraft_short: str = ""
    departure: str = ""
    arrival: str = ""


class PlanFacts(Struct, frozen=True, gc=False):
    """Of what a plan means."""

    aircraft_type: str | None = None
    wake_category: str | None = None


class ContactFacts(Struct, frozen=True, gc=False):
    """Of a contact."""

    station: str


class PositionFacts(Struct, frozen=True, gc=False):
    """Of what a controller works."""

    areas: tuple[str, ...] = ()


class RadioFacts(Struct, frozen=True, gc=False):
    """Of a transceiver."""

    latDeg: float
    lonDeg: float


class RecordFacts(Struct, frozen=True, gc=False):
    """Of a record, in the units of the answer: degrees, feet, knots, nautical miles, seconds."""

    callsign: str = ""
    cid: int = 0
    name: str = ""
    flight_id: str = ""
    session_id: str = ""
    latitude: float | None = None
    longitude: float | None = None
    altitude: int | None = None
    groundspeed: int | None = None
    heading: int | None = None
    transponder: str = ""
    vertical_speed_fpm: int | None = None
    distance_flown_nm: float | None = None
    great_circle_nm: float | None = None
    online_s: float | None = None
    facility: int | None = None
    rating: int | None = None
    frequency: str = ""
    state: str = ""
    phase: str = ""
    logon_time: str = ""
    last_updated: str = ""
    eta: datetime | None = None
    stale: bool = False
    flight_plan: FiledFacts | None = None
    plan: PlanFacts | None = None
    firs: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    contacts: tuple[ContactFacts, ...] = ()
    position: PositionFacts | None = None
    transceivers: tuple[RadioFacts, ...] = ()


_DECODER = msgspec.json.Decoder(RecordFacts)


def read_facts(record: bytes | msgspec.Raw) -> RecordFacts:
    """The facts of a record in JSON. Raises msgspec.MsgspecError if it is no record."""
    return _DECODER.decode(record)
