"""Prefiles: plans of people who are not connected, and whether they have been flown already.

The network gives the plan of somebody who has flown and left as a prefile again, for up to eight
hours. Such a plan is no flight to come, and is marked as flown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from vatwatch.feed.records import FlightPlan, Prefile
from vatwatch.feed.times import parse_time
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.changes import FlightChanges, PrefileChanges
from vatwatch.traffic.flights import plan_differs
from vatwatch.traffic.identity import stable_id
from vatwatch.traffic.network_state import FiledPlan, Flight, FlownFlight, NetworkState
from vatwatch.traffic.parsed_plan import parse_plan
from vatwatch.traffic.presence import Known, still_there
from vatwatch.traffic.thresholds import threshold

FLOWN_HOURS = threshold(
    12,
    "h",
    "A flown plan was seen to come back as a prefile for up to 8 hours; a daily flight under the "
    "same callsign is 24 hours later.",
    "VATSIM Radar, issue 1654",
)

Flown = dict[tuple[int, str], tuple[FlownFlight, ...]]


class Route(Struct, frozen=True, gc=False):
    """Departure and arrival as filed, without regard to case and blanks around."""

    departure: str
    arrival: str


def prefile_changes(
    before: NetworkState,
    prefiles: list[Prefile],
    flights: FlightChanges,
    time: datetime,
    unread: Unread = NOBODY,
) -> PrefileChanges:
    """Compare the prefiles of a snapshot with those that are known.

    `flights` are the changes of the same snapshot: those that have ended are remembered.
    """
    now: list[FiledPlan] = []
    opened: list[FiledPlan] = []
    for prefile in prefiles:
        filed_at = parse_time(prefile.last_updated)
        known = before.prefiles.get((prefile.cid, prefile.callsign, filed_at))
        if known is not None and not plan_differs(known.plan, prefile.flight_plan):
            plan_id, parsed, first_seen = known.plan_id, known.parsed, known.first_seen
        else:
            who = (prefile.cid, prefile.callsign, filed_at.isoformat())
            plan_id = stable_id("prefile", *who, time.isoformat())
            parsed = parse_plan(prefile.flight_plan, load_airports())
            first_seen = time
        plan = FiledPlan(
            plan_id,
            None,
            prefile.cid,
            prefile.callsign,
            prefile.flight_plan,
            parsed,
            first_seen,
            filed_at,
            prefile.last_updated,
            prefile.name,
        )
        if first_seen == time:
            opened.append(plan)
        now.append(plan)
    if unread != NOBODY:
        filed = {(plan.cid, plan.callsign, plan.filed_at) for plan in now}
        missing = [plan for who, plan in before.prefiles.items() if who not in filed]
        now += still_there(missing, unread, (), key=_of_filed)
    lasting = {plan.plan_id for plan in now}
    closed = [p.plan_id for p in before.prefiles.values() if p.plan_id not in lasting]
    return PrefileChanges(now, opened, closed, flown_after(before.flown, flights, time))


def flown_after(before: Flown, flights: FlightChanges, time: datetime) -> Flown:
    """The flights that have flown and ended within the last `FLOWN_HOURS`, by cid and callsign."""
    oldest = time - timedelta(hours=FLOWN_HOURS)
    # A flight that goes on after its end is online again, and is looked at there.
    again = {flight.flight_id for flight in (*flights.returned, *flights.created)}
    after: Flown = {}
    for who, known in before.items():
        if any(one.last_seen < oldest or one.flight_id in again for one in known):
            known = tuple(
                one for one in known if one.last_seen >= oldest and one.flight_id not in again
            )
        if known:
            after[who] = known
    for flight in flights.ended:
        if flight.flown and flight.last_seen >= oldest:
            who = (flight.pilot.cid, flight.pilot.callsign)
            after[who] = in_order((*after.get(who, ()), flown_flight(flight)))
    return after


def flown_flight(flight: Flight) -> FlownFlight:
    """What is remembered of a flight that has flown and ended."""
    route = route_of(flight.pilot.flight_plan)
    return FlownFlight(flight.flight_id, route.departure, route.arrival, flight.last_seen)


def in_order(flown: Iterable[FlownFlight]) -> tuple[FlownFlight, ...]:
    """One order for all, so that equal memories are equal; a flight that ended twice is one."""
    by_id = {one.flight_id: one for one in flown}
    return tuple(sorted(by_id.values(), key=lambda one: (one.last_seen, one.flight_id)))


def route_of(plan: FlightPlan | None) -> Route:
    """Where a plan goes from and to; two empty texts without a plan."""
    if plan is None:
        return Route("", "")
    return Route(plan.departure.strip().upper(), plan.arrival.strip().upper())


def is_flown(filed: FiledPlan, state: NetworkState) -> bool:
    """Whether the same person has flown from and to the same airports under the same callsign.

    A flight counts from its take-off on, while it is online and until `FLOWN_HOURS` after it was
    last seen.
    """
    route = route_of(filed.plan)
    who = (filed.cid, filed.callsign)
    for flight in (state.flights.get(filed.callsign), state.disconnected_flights.get(who)):
        if (
            flight is not None
            and flight.flown
            and flight.pilot.cid == filed.cid
            and route_of(flight.pilot.flight_plan) == route
        ):
            return True
    return any(
        (one.departure, one.arrival) == (route.departure, route.arrival)
        for one in state.flown.get(who, ())
    )


def _of_filed(plan: FiledPlan) -> Known:
    return Known(plan.cid, plan.callsign, plan.last_updated)
