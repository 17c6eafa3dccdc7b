"""What is told of a flight's way beside what was seen of it: how far it is, how straight, how long.

The airports are those where it was seen to take off and land, and until then, or where it was off
any airport, those of its plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from vatwatch.traffic.airfields import OFF_AIRPORT
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.eta import eta
from vatwatch.traffic.movements import Times
from vatwatch.traffic.network_state import Gap
from vatwatch.traffic.parsed_plan import ParsedPlan
from vatwatch.traffic.progress_record import Progress
from vatwatch.traffic.route import great_circle_nm, route_efficiency


class Estimates(Struct, frozen=True, gc=False):
    """As of the snapshot of `progress.fix`. None: it cannot be told."""

    great_circle_nm: float | None
    route_efficiency: float | None
    """Great circle by distance flown, of a flight that was seen all the way."""
    eta: datetime | None


def estimates(progress: Progress, plan: ParsedPlan | None, gaps: Sequence[Gap] = ()) -> Estimates:
    """The estimates of one flight. Takes microseconds: it is asked at each snapshot.

    Args:
        progress: what it has done so far
        plan: its plan, read
        gaps: when it was not seen
    """
    filed_from = None if plan is None else plan.departure_icao
    filed_to = None if plan is None else plan.arrival_icao
    departs = progress.found_departure
    if departs is None or departs == OFF_AIRPORT:
        departs = filed_from
    # Where it has touched down on its way (a circuit, a touch-and-go) is not where it is bound for.
    has_landed = progress.times.landing is not None and not progress.airborne
    arrives = progress.found_arrival if has_landed else filed_to
    if arrives is None or arrives == OFF_AIRPORT:
        arrives = filed_to
    airports = load_airports()
    if plan is not None and departs == filed_from and arrives == filed_to:
        great_circle = plan.great_circle_nm
    else:
        great_circle = great_circle_nm(airports.get(departs or ""), airports.get(arrives or ""))
    efficiency = None
    if has_landed and not progress.joined_in_flight and not _in_the_air(gaps, progress.times):
        efficiency = route_efficiency(progress.distance_flown_nm, great_circle)
    lands_at = eta(progress, plan, departs, airports.get(filed_to or ""))
    return Estimates(great_circle, efficiency, lands_at)


def _in_the_air(gaps: Sequence[Gap], times: Times) -> bool:
    """Whether any of them is between take-off and landing."""
    took_off, landed = times.take_off, times.landing
    return any(
        (landed is None or gap.start < landed) and (took_off is None or gap.end > took_off)
        for gap in gaps
    )
