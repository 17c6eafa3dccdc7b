"""Flights: which pilot's flight goes on, who is new, who has left, whose flight has ended.

`connections.py` has what flights and sessions have in common.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.feed.times import parse_time, time_text
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.changes import FlightChanges
from vatwatch.traffic.connections import continues, leave
from vatwatch.traffic.identity import connection_id, same_logon, stable_id
from vatwatch.traffic.network_state import FiledPlan, Flight, NetworkState, Rules
from vatwatch.traffic.parsed_plan import parse_plan
from vatwatch.traffic.position import Position
from vatwatch.traffic.presence import Known, still_there

# No aircraft taxies faster; ICAO Doc 9157 Part 2 plans taxiways for about 30 kt.
FLOWN_GROUNDSPEED_KT = 50
# About eleven metres: a parked aircraft's simulator may tremble, and it still stands.
STILL_DEGREES = 1e-4


def flight_changes(
    before: NetworkState,
    pilots: list[Pilot],
    time: datetime,
    rules: Rules,
    unread: Unread = NOBODY,
) -> FlightChanges:
    """Hold the pilots of a snapshot against the flights that are known."""
    out = FlightChanges()
    staying: set[str] = set()
    for pilot in pilots:
        known = before.flights.get(pilot.callsign)
        away = known is None or known.pilot.cid != pilot.cid
        if away:
            known = before.disconnected_flights.get((pilot.cid, pilot.callsign))
        if known is not None and pilot.logon_time in (known.pilot.logon_time, ""):
            logon = known.connection_logon
        elif not pilot.logon_time:
            logon = time
        else:
            logon = parse_time(pilot.logon_time)
            if known is not None and not continues(known, logon, rules.reconnect_window):
                known = None
        if not pilot.logon_time:
            text = time_text(logon) if known is None else known.pilot.logon_time
            pilot = replace(pilot, logon_time=text)
        if known is None:
            flight = _new_flight(out, pilot, logon, time)
        else:
            flight = _same_flight(out, known, pilot, logon, time, rules)
            if away:
                out.returned.append(known)
            else:
                staying.add(pilot.callsign)
        out.online.append(flight)
    missing = [flight for sign, flight in before.flights.items() if sign not in staying]
    if missing and unread != NOBODY:
        shown = {pilot.callsign for pilot in pilots}
        for flight in still_there(missing, unread, shown, key=_of_pilot):
            staying.add(flight.pilot.callsign)
            out.online.append(replace(flight, last_seen=time, seen_in_later_snapshot=False))
        missing = [flight for flight in missing if flight.pilot.callsign not in staying]
    leave(out, missing, before.disconnected_flights, time, rules.reconnect_window, unread)
    out.plans_closed.extend(f.plan_id for f in out.ended if f.plan_id is not None)
    return out


def _new_flight(out: FlightChanges, pilot: Pilot, logon: datetime, time: datetime) -> Flight:
    flight_id = connection_id("flight", pilot.cid, pilot.callsign, logon)
    plan = _open_plan(out, flight_id, pilot, time)
    flight = Flight(
        flight_id=flight_id,
        pilot=pilot,
        logon_time=logon,
        connection_logon=logon,
        first_seen=time,
        last_seen=time,
        flown=_flies(pilot),
        written=_position(pilot, time),
        plan_id=None if plan is None else plan.plan_id,
        parsed_plan=None if plan is None else plan.parsed,
    )
    out.created.append(flight)
    out.positions.append(flight)
    out.moved += 1
    return flight


def _same_flight(
    out: FlightChanges, known: Flight, pilot: Pilot, logon: datetime, time: datetime, rules: Rules
) -> Flight:
    was = known.pilot
    plan_id, parsed_plan = known.plan_id, known.parsed_plan
    if plan_differs(was.flight_plan, pilot.flight_plan):
        if plan_id is not None:
            out.plans_closed.append(plan_id)
        plan = _open_plan(out, known.flight_id, pilot, time)
        plan_id, parsed_plan = (None, None) if plan is None else (plan.plan_id, plan.parsed)
    written = known.written
    due = _due(written, pilot, time, rules.position_keepalive)
    reconnected = not (
        same_logon(known.connection_logon, logon) or same_logon(known.logon_time, logon)
    )
    flight = Flight(
        known.flight_id,
        pilot,
        known.logon_time,
        logon,
        known.first_seen,
        time,
        known.reconnects + reconnected,
        known.flown or _flies(pilot),
        _position(pilot, time) if due else written,
        plan_id,
        parsed_plan,
    )
    if due:
        out.positions.append(flight)
    if reconnected:
        out.reconnected.append(flight)
    if was.latitude != pilot.latitude or was.longitude != pilot.longitude:
        out.moved += 1
    if (
        reconnected
        or flight.flown != known.flown
        or was.name != pilot.name
        or was.server != pilot.server
        or was.pilot_rating != pilot.pilot_rating
        or was.military_rating != pilot.military_rating
        or logon != known.connection_logon
    ):
        out.updated.append(flight)
    return flight


def _flies(pilot: Pilot) -> bool:
    return pilot.groundspeed is not None and pilot.groundspeed >= FLOWN_GROUNDSPEED_KT


def _position(pilot: Pilot, time: datetime) -> Position:
    return Position(
        time, pilot.latitude, pilot.longitude, pilot.altitude, pilot.groundspeed, pilot.heading
    )


def _due(written: Position | None, pilot: Pilot, time: datetime, keepalive: timedelta) -> bool:
    """Whether a position is worth a row. A standing aircraft gets one now and then."""
    if written is None or time - written.time >= keepalive:
        return True
    if written.groundspeed == 0 and pilot.groundspeed == 0:
        return (
            abs(written.latitude - pilot.latitude) > STILL_DEGREES
            or abs(written.longitude - pilot.longitude) > STILL_DEGREES
            or written.heading != pilot.heading
        )
    return (
        written.latitude != pilot.latitude
        or written.longitude != pilot.longitude
        or written.altitude != pilot.altitude
        or written.groundspeed != pilot.groundspeed
        or written.heading != pilot.heading
    )


def plan_differs(one: FlightPlan | None, other: FlightPlan | None) -> bool:
    """Whether a plan says something else; `revision_id` alone may rise over nothing."""
    if one == other:
        return False
    if one is None or other is None:
        return True
    return replace(one, revision_id=0) != replace(other, revision_id=0)


def _open_plan(
    out: FlightChanges, flight_id: int, pilot: Pilot, time: datetime
) -> FiledPlan | None:
    if pilot.flight_plan is None:
        return None
    plan = FiledPlan(
        stable_id("plan", flight_id, time.isoformat()),
        flight_id,
        pilot.cid,
        pilot.callsign,
        pilot.flight_plan,
        parse_plan(pilot.flight_plan, load_airports()),
        time,
    )
    out.plans_opened.append(plan)
    return plan


def _of_pilot(flight: Flight) -> Known:
    return Known(flight.pilot.cid, flight.pilot.callsign, flight.pilot.last_updated)
