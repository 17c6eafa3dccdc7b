"""Where a flight means to go, and whether it goes elsewhere."""

from __future__ import annotations

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT, OWN_REACH_NM, filed_airport
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    Progress,
)
from vatwatch.traffic.thresholds import threshold

OFF_PLAN_NM = threshold(
    5.0, "nm", "Who comes down off airport, but so near to the destination, has not diverted."
)


def refiled(after: Progress, plan: FlightPlan) -> Progress:
    """Whether a plan changed in the air says that it goes elsewhere."""
    meant, now = named(after.filed_arrival), named(plan.arrival)
    if not meant:
        return replace(after, filed_departure=plan.departure, filed_arrival=plan.arrival)
    diverting = bool(now) and now != meant and plan.flight_rules != "V"
    return after if diverting == after.diverting else replace(after, diverting=diverting)


def has_diverted(progress: Progress, fix: Position, airport: str, plan: FlightPlan | None) -> bool:
    """Whether a landing at `airport`, seen at `fix`, is elsewhere than planned."""
    meant = filed_airport(progress.filed_arrival)
    if plan is not None and plan.flight_rules == "V":
        return False
    if meant is None:
        return progress.diverting
    if airport == meant.icao:
        return False
    away = distance_nm(fix.latitude, fix.longitude, meant.latitude, meant.longitude)
    return away > (OFF_PLAN_NM if airport == OFF_AIRPORT else OWN_REACH_NM)


def named(text: str) -> str:
    """A filed airport's code; empty for what names none."""
    code = text.strip().upper()
    return "" if code in ("ZZZZ", "AFIL", "NIL") else code
