"""A filed plan, read: what its texts mean, as far as that can be told. Nothing is guessed.

What cannot be read is None and named in `unreadable`. What was not filed is None alone: an empty
field, the zeros of a form left as it was, `VFR` for a level, `ZZZZ` for an airport without a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time

from msgspec import Struct

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.equipment import Aircraft, read_aircraft
from vatwatch.traffic.item_18 import read_remarks
from vatwatch.traffic.plan_text import cruise_altitude_ft, cruise_tas_kt, duration, time_of_day
from vatwatch.traffic.route import great_circle_nm

# In place of an airport: none has a code (ZZZZ), filed in the air (AFIL), none at all.
_NO_AIRPORT = frozenset({"", "ZZZZ", "AFIL", "NIL", "NONE", "N/A"})
# In place of a level: as the rules and the clouds allow.
_NO_LEVEL = frozenset({"VFR", "IFR", "VFR/OTP", "OTP"})
# Any level at which Mach numbers are flown: to see whether a speed can be read at all.
_MACH_LEVEL_FT = 36_000


class ParsedPlan(Struct, frozen=True, gc=False):
    """What a plan means. None: not filed, or it cannot be told. Texts in capitals."""

    departure_icao: str | None = None
    """The filed airport, if it is one of those known by their ICAO code."""
    arrival_icao: str | None = None
    alternates: tuple[str, ...] | None = None
    great_circle_nm: float | None = None
    """Between the two airports, if both are known."""
    cruise_altitude_ft: int | None = None
    cruise_tas_kt: int | None = None
    departure_time: time | None = None
    """UTC. `0000` is midnight, though most who file it mean nothing."""
    enroute_s: int | None = None
    endurance_s: int | None = None
    aircraft_type: str | None = None
    wake_category: str | None = None
    equipment: tuple[str, ...] | None = None
    surveillance: tuple[str, ...] | None = None
    faa_equipment: str | None = None
    pbn: tuple[str, ...] | None = None
    date_of_flight: date | None = None
    registration: str | None = None
    selcal: str | None = None
    mode_s_code: str | None = None
    operator: str | None = None
    performance_category: str | None = None
    special_handling: tuple[str, ...] | None = None
    voice: str | None = None
    """`full`, `receive` or `text`: the network's own mark."""
    unreadable: tuple[str, ...] = ()
    """Fields that were filed and cannot be read, by VATSIM's names (`remarks.PBN` for a part)."""


def parse_plan(plan: FlightPlan, airports: Mapping[str, Airport]) -> ParsedPlan:
    """Read a plan, each field on its own. Never raises, whatever the texts are.

    Args:
        plan: as filed
        airports: the known ones, by ICAO code
    """
    unreadable: list[str] = []
    altitude_ft = cruise_altitude_ft(plan.altitude)
    if altitude_ft is None and _is_filed(plan.altitude, _NO_LEVEL):
        unreadable.append("altitude")
    tas_kt = cruise_tas_kt(plan.cruise_tas, altitude_ft)
    # A Mach number without a level can be read, though not told in knots.
    readable = cruise_tas_kt(plan.cruise_tas, altitude_ft or _MACH_LEVEL_FT) is not None
    if not readable and tas_kt is None and _is_filed(plan.cruise_tas):
        unreadable.append("cruise_tas")
    departs = time_of_day(plan.deptime)
    if departs is None and plan.deptime.strip():
        unreadable.append("deptime")
    enroute, endurance = duration(plan.enroute_time), duration(plan.fuel_time)
    if enroute is None and _is_filed(plan.enroute_time):
        unreadable.append("enroute_time")
    if endurance is None and _is_filed(plan.fuel_time):
        unreadable.append("fuel_time")
    departure = _airport("departure", plan.departure, airports, unreadable)
    arrival = _airport("arrival", plan.arrival, airports, unreadable)
    aircraft = _aircraft(plan)
    remarks = read_remarks(plan.remarks)
    alternates = _alternates(plan.alternate, airports, unreadable)
    unreadable += aircraft.unreadable
    unreadable += [f"remarks.{indicator}" for indicator in remarks.unreadable]
    return ParsedPlan(
        departure_icao=departure.icao if departure else None,
        arrival_icao=arrival.icao if arrival else None,
        alternates=alternates,
        great_circle_nm=great_circle_nm(departure, arrival),
        cruise_altitude_ft=altitude_ft,
        cruise_tas_kt=tas_kt,
        departure_time=departs,
        enroute_s=None if enroute is None else int(enroute.total_seconds()),
        endurance_s=None if endurance is None else int(endurance.total_seconds()),
        aircraft_type=aircraft.type,
        wake_category=aircraft.wake_category,
        equipment=aircraft.equipment,
        surveillance=aircraft.surveillance,
        faa_equipment=aircraft.faa_equipment,
        pbn=remarks.pbn,
        date_of_flight=remarks.date_of_flight,
        registration=remarks.registration,
        selcal=remarks.selcal,
        mode_s_code=remarks.mode_s_code,
        operator=remarks.operator,
        performance_category=remarks.performance_category,
        special_handling=remarks.special_handling,
        voice=remarks.voice,
        unreadable=tuple(unreadable),
    )


def _is_filed(text: str, others: frozenset[str] = frozenset()) -> bool:
    """Whether a field was filled in: not empty, not the zeros of an empty form."""
    text = text.strip().upper()
    return text.strip("0") != "" and text not in others


def _airport(
    field: str, text: str, airports: Mapping[str, Airport], unreadable: list[str]
) -> Airport | None:
    code = text.strip().upper()
    airport = airports.get(code)
    if airport is None and _is_filed(code, _NO_AIRPORT):
        unreadable.append(field)
    return airport


def _alternates(
    text: str, airports: Mapping[str, Airport], unreadable: list[str]
) -> tuple[str, ...] | None:
    """`LKTB ; LKPD`: those that are known."""
    codes = text.upper().replace(";", " ").replace(",", " ").replace("/", " ").split()
    known = tuple(code for code in codes if code in airports)
    if len(known) < len(codes) and _is_filed(text, _NO_AIRPORT):
        unreadable.append("alternate")
    return known or None


def _aircraft(plan: FlightPlan) -> Aircraft:
    """From the field in ICAO's form; what is not there, from VATSIM's other two."""
    found = read_aircraft(plan.aircraft)
    if found.type is not None and found.wake_category is not None:
        return found
    faa = read_aircraft(plan.aircraft_faa)
    short = read_aircraft(plan.aircraft_short)
    return Aircraft(
        type=found.type or short.type or faa.type,
        wake_category=found.wake_category or faa.wake_category,
        equipment=found.equipment,
        surveillance=found.surveillance,
        faa_equipment=found.faa_equipment or (None if found.equipment else faa.faa_equipment),
        unreadable=found.unreadable,
    )
