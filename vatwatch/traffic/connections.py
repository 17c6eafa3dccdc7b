"""Flights and sessions: whose connection goes on, who is new, who has left, who has ended.

The rules of identity, as the feed was seen to behave:

- The same cid and callsign with the same logon time, give or take two seconds, is one connection.
- With a new logon time, no later than the reconnect window after it was last seen, it is a
  reconnect: the same flight or session goes on. Another callsign is another flight, also on one
  connection.
- What is gone stays *away* for the window, then it has ended.
- Who is in the feed with a record that cannot be read has not gone: the flight or session goes on
  as it was last read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import Controller, FlightPlan, Pilot
from vatwatch.feed.times import parse_time, time_text
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.changes import FlightChanges, SessionChanges
from vatwatch.traffic.identity import connection_id, same_logon, stable_id
from vatwatch.traffic.network_state import FiledPlan, Flight, NetworkState, Position, Rules, Session
from vatwatch.traffic.presence import Known, still_there

# No aircraft taxies faster; ICAO Doc 9157 Part 2 plans taxiways for about 30 kt.
FLOWN_GROUNDSPEED_KT = 50
# About eleven metres: a parked aircraft's simulator may tremble, and it still stands.
STILL_DEGREES = 1e-4


def _continues(known: Flight | Session, logon: datetime, window: timedelta) -> bool:
    """Whether a connection that began at `logon` belongs to what is known."""
    if same_logon(known.connection_logon, logon) or same_logon(known.logon_time, logon):
        return True
    return not known.seen_in_later_snapshot and logon - known.last_seen <= window


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
            if known is not None and not _continues(known, logon, rules.reconnect_window):
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
    _leave(out, missing, before.disconnected_flights, time, rules.reconnect_window, unread)
    out.plans_closed.extend(f.plan_id for f in out.ended if f.plan_id is not None)
    return out


def _new_flight(out: FlightChanges, pilot: Pilot, logon: datetime, time: datetime) -> Flight:
    flight_id = connection_id("flight", pilot.cid, pilot.callsign, logon)
    plan = None if pilot.flight_plan is None else _open_plan(out, flight_id, pilot, time)
    flight = Flight(
        flight_id=flight_id,
        pilot=pilot,
        logon_time=logon,
        connection_logon=logon,
        first_seen=time,
        last_seen=time,
        flown=_flies(pilot),
        written=_position(pilot, time),
        plan_id=plan,
    )
    out.created.append(flight)
    out.positions.append(flight)
    out.moved += 1
    return flight


def _same_flight(
    out: FlightChanges, known: Flight, pilot: Pilot, logon: datetime, time: datetime, rules: Rules
) -> Flight:
    was = known.pilot
    plan_id = known.plan_id
    if plan_differs(was.flight_plan, pilot.flight_plan):
        if plan_id is not None:
            out.plans_closed.append(plan_id)
        plan_id = (
            None if pilot.flight_plan is None else _open_plan(out, known.flight_id, pilot, time)
        )
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


def _open_plan(out: FlightChanges, flight_id: int, pilot: Pilot, time: datetime) -> int:
    assert pilot.flight_plan is not None
    plan_id = stable_id("plan", flight_id, time.isoformat())
    out.plans_opened.append(
        FiledPlan(plan_id, flight_id, pilot.cid, pilot.callsign, pilot.flight_plan, time)
    )
    return plan_id


def session_changes(
    before: NetworkState,
    controllers: list[Controller],
    time: datetime,
    rules: Rules,
    unread: Unread = NOBODY,
) -> SessionChanges:
    """Hold the controllers of a snapshot against the sessions that are known."""
    out = SessionChanges()
    staying: set[str] = set()
    for controller in controllers:
        known = before.sessions.get(controller.callsign)
        away = known is None or known.controller.cid != controller.cid
        if away:
            known = before.disconnected_sessions.get((controller.cid, controller.callsign))
        if controller.logon_time:
            logon = parse_time(controller.logon_time)
            if known is not None and not _continues(known, logon, rules.reconnect_window):
                known = None
        else:
            logon = time if known is None else known.connection_logon
            text = time_text(logon) if known is None else known.controller.logon_time
            controller = replace(controller, logon_time=text)
        if known is None:
            session = Session(
                connection_id("session", controller.cid, controller.callsign, logon),
                controller,
                logon,
                logon,
                time,
                time,
            )
            out.created.append(session)
        else:
            session = _same_session(out, known, controller, logon, time)
            if away:
                out.returned.append(known)
            else:
                staying.add(controller.callsign)
        out.online.append(session)
    missing = [session for sign, session in before.sessions.items() if sign not in staying]
    if missing and unread != NOBODY:
        shown = {controller.callsign for controller in controllers}
        for session in still_there(missing, unread, shown, key=_of_controller):
            staying.add(session.controller.callsign)
            out.online.append(replace(session, last_seen=time, seen_in_later_snapshot=False))
        missing = [one for one in missing if one.controller.callsign not in staying]
    _leave(out, missing, before.disconnected_sessions, time, rules.reconnect_window, unread)
    return out


def _same_session(
    out: SessionChanges, known: Session, controller: Controller, logon: datetime, time: datetime
) -> Session:
    was = known.controller
    reconnected = not (
        same_logon(known.connection_logon, logon) or same_logon(known.logon_time, logon)
    )
    session = Session(
        known.session_id,
        controller,
        known.logon_time,
        logon,
        known.first_seen,
        time,
        known.reconnects + reconnected,
    )
    if was.frequency != controller.frequency:
        out.frequencies_changed.append((was.frequency, session))
    if reconnected or replace(was, last_updated="") != replace(controller, last_updated=""):
        out.updated.append(session)
    return session


def _leave(
    out: FlightChanges | SessionChanges,
    gone: list[Flight] | list[Session],
    away: dict[tuple[int, str], Flight] | dict[tuple[int, str], Session],
    time: datetime,
    window: timedelta,
    unread: Unread,
) -> None:
    """Sort out who has left just now, and who has been away for longer than the window."""
    returned = {who(one) for one in out.returned}
    out.gone.extend(gone)  # type: ignore[arg-type]  # flights go with flights
    leavers = [one for one in away.values() if who(one) not in returned]
    for one in (*leavers, *gone):
        if (
            time - one.last_seen > window
            and not one.seen_in_later_snapshot
            and not unread.shows(*who(one))
        ):
            out.ended.append(one)


def _of_pilot(flight: Flight) -> Known:
    return Known(flight.pilot.cid, flight.pilot.callsign, flight.pilot.last_updated)


def _of_controller(session: Session) -> Known:
    record = session.controller
    return Known(record.cid, record.callsign, record.last_updated)


def who(one: Flight | Session) -> tuple[int, str]:
    """Who flies or controls: cid and callsign."""
    record = one.pilot if isinstance(one, Flight) else one.controller
    return (record.cid, record.callsign)
