"""Sessions: which controller's session goes on, who is new, who has left, whose session has ended.

`connections.py` has what flights and sessions have in common.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from vatwatch.feed.records import Controller
from vatwatch.feed.times import parse_time, time_text
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.changes import SessionChanges
from vatwatch.traffic.connections import continues, leave
from vatwatch.traffic.identity import connection_id, same_logon
from vatwatch.traffic.network_state import NetworkState, Rules, Session
from vatwatch.traffic.presence import Known, still_there


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
            if known is not None and not continues(known, logon, rules.reconnect_window):
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
    leave(out, missing, before.disconnected_sessions, time, rules.reconnect_window, unread)
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


def _of_controller(session: Session) -> Known:
    record = session.controller
    return Known(record.cid, record.callsign, record.last_updated)
