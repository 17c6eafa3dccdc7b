"""Sessions: which controller's session goes on, who is new, who has left, whose session has ended.

- The same cid and callsign with the same logon time, give or take two seconds, is one connection.
  With a new logon time, no later than the session window after it was last seen, the session goes
  on; the time in which no snapshot showed it is a break of it.
- What is gone stays *away* for the window, then it has ended. Who is in the feed with a record that
  cannot be read has not gone. The same connection, if it is shown again after that, has another
  session.
- Most log on with no frequency (199.998) and have one a snapshot or two later. The *news* of such a
  logon is held until a frequency comes, at most until the third snapshot; row and live record
  appear at once. So a first frequency is part of the logon, and no change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import Controller
from vatwatch.feed.times import parse_time, time_text
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.changes import SessionChanges
from vatwatch.traffic.identity import (
    connection_id,
    later_id,
    may_have_ended,
    same_logon,
)
from vatwatch.traffic.network_state import (
    Break,
    HeldNews,
    NetworkState,
    Radio,
    Rules,
    Session,
    StationPlace,
    Tuned,
    who,
)
from vatwatch.traffic.presence import Known, still_there
from vatwatch.traffic.station_place import station_place
from vatwatch.traffic.thresholds import threshold
from vatwatch.traffic.until_text import until

HELD_SNAPSHOTS = threshold(
    3,
    "snapshots",
    "A frequency was seen to come one or two snapshots after the logon; who has none in the third "
    "may not want one.",
    "vacs, issue 764",
)

Radios = Mapping[str, tuple[Radio, ...]]


def session_changes(
    before: NetworkState,
    controllers: list[Controller],
    radios: Radios | None,
    time: datetime,
    rules: Rules,
    unread: Unread = NOBODY,
) -> SessionChanges:
    """Compare the controllers of a snapshot with the sessions that are known.

    `radios` are those of the snapshot, or None if there are none to be had: then everybody stays
    where they are.
    """
    out = SessionChanges()
    staying: set[str] = set()
    for controller in controllers:
        known = before.sessions.get(controller.callsign)
        away = known is None or known.controller.cid != controller.cid
        if away:
            known = before.disconnected_sessions.get((controller.cid, controller.callsign))
        if controller.logon_time:
            logon = parse_time(controller.logon_time)
            if known is not None and not _goes_on(known, logon, rules.session_window):
                known = None
        else:
            logon = time if known is None else known.connection_logon
            text = time_text(logon) if known is None else known.controller.logon_time
            controller = replace(controller, logon_time=text)
        if known is None:
            session_id = connection_id("session", controller.cid, controller.callsign, logon)
            if may_have_ended(before.time, logon, rules.session_window):
                session_id = later_id("session", session_id, time)
            session = _new_session(out, session_id, controller, radios, logon, time)
        elif away:
            session = _returned(out, known, controller, radios, logon, time)
        else:
            staying.add(controller.callsign)
            session = _staying(out, known, controller, radios, logon, time)
        out.online.append(session)
    missing = [session for sign, session in before.sessions.items() if sign not in staying]
    if missing and unread != NOBODY:
        shown = {controller.callsign for controller in controllers}
        for session in still_there(missing, unread, shown, key=_of_controller):
            staying.add(session.controller.callsign)
            out.online.append(replace(session, last_seen=time, seen_in_later_snapshot=False))
        missing = [one for one in missing if one.controller.callsign not in staying]
    _leave(out, missing, before, time, rules.session_window, unread)
    return out


def _goes_on(known: Session, logon: datetime, window: timedelta) -> bool:
    """Whether a connection that began at `logon` belongs to a session that is known."""
    if same_logon(known.connection_logon, logon) or same_logon(known.logon_time, logon):
        return True
    return not known.seen_in_later_snapshot and logon - known.last_seen <= window


def _new_session(
    out: SessionChanges,
    session_id: int,
    controller: Controller,
    radios: Radios | None,
    logon: datetime,
    time: datetime,
) -> Session:
    hertz = frequency_hz(controller.frequency)
    session = Session(
        session_id=session_id,
        controller=controller,
        logon_time=logon,
        connection_logon=logon,
        first_seen=time,
        last_seen=time,
        frequencies=(Tuned(time, hertz),),
        place=_place_now(None, controller.callsign, radios),
        until=until(controller.text_atis, time),
        held=HeldNews("logon", 1) if hertz is None else None,
    )
    out.created.append(session)
    if hertz is not None:
        out.logons.append((session, False))
    return session


def _returned(
    out: SessionChanges,
    known: Session,
    controller: Controller,
    radios: Radios | None,
    logon: datetime,
    time: datetime,
) -> Session:
    """The session of somebody who was away. Its row is written: a break is news, and a logon."""
    session = _go_on(known, controller, radios, logon, time)
    tuned = session.frequencies[-1].frequency_hz is not None
    session = replace(
        session,
        breaks=(*known.breaks, Break(known.last_seen, time)),
        held=None if tuned else HeldNews("return", 1),
    )
    out.returned.append(known)
    out.updated.append(session)
    if tuned:
        out.logons.append((session, True))
    return session


def _staying(
    out: SessionChanges,
    known: Session,
    controller: Controller,
    radios: Radios | None,
    logon: datetime,
    time: datetime,
) -> Session:
    session = _go_on(known, controller, radios, logon, time)
    was, now = known.frequencies[-1].frequency_hz, session.frequencies[-1].frequency_hz
    reconnected = session.reconnects != known.reconnects
    if known.held is not None:
        session = _hold(out, session, known.held, now)
    elif was != now:
        if reconnected and now is None:
            session = replace(session, held=HeldNews("reconnect", 1, was))
        else:
            out.frequencies_changed.append((was, session))
    if (
        reconnected
        or session.held != known.held
        or session.place != known.place
        or replace(known.controller, last_updated="") != replace(controller, last_updated="")
    ):
        out.updated.append(session)
    return session


def _hold(out: SessionChanges, session: Session, held: HeldNews, hertz: int | None) -> Session:
    """Tell what is held if there is a frequency now, or if it was held for long enough."""
    snapshots = held.snapshots + 1
    if hertz is None and snapshots < HELD_SNAPSHOTS:
        return replace(session, held=HeldNews(held.news, snapshots, held.before_hz))
    session = replace(session, held=None)
    if held.news != "reconnect":
        out.logons.append((session, held.news == "return"))
    elif held.before_hz != hertz:
        out.frequencies_changed.append((held.before_hz, session))
    return session


def _go_on(
    known: Session,
    controller: Controller,
    radios: Radios | None,
    logon: datetime,
    time: datetime,
) -> Session:
    """The same session, as a snapshot shows it."""
    was = known.controller
    reconnected = not (
        same_logon(known.connection_logon, logon) or same_logon(known.logon_time, logon)
    )
    frequencies = known.frequencies
    if was.frequency != controller.frequency:
        hertz = frequency_hz(controller.frequency)
        if hertz != frequencies[-1].frequency_hz:
            frequencies = (*frequencies, Tuned(time, hertz))
    return Session(
        session_id=known.session_id,
        controller=controller,
        logon_time=known.logon_time,
        connection_logon=logon,
        first_seen=known.first_seen,
        last_seen=time,
        reconnects=known.reconnects + reconnected,
        breaks=known.breaks,
        frequencies=frequencies,
        place=_place_now(known.place, controller.callsign, radios),
        until=known.until
        if was.text_atis == controller.text_atis
        else until(controller.text_atis, time),
    )


def _place_now(
    known: StationPlace | None, callsign: str, radios: Radios | None
) -> StationPlace | None:
    if radios is not None:
        return station_place(callsign, radios.get(callsign, ()))
    return station_place(callsign, ()) if known is None else known


def _leave(
    out: SessionChanges,
    gone: list[Session],
    before: NetworkState,
    time: datetime,
    window: timedelta,
    unread: Unread,
) -> None:
    """Sort out who has left just now, and who has been away for longer than the window."""
    returned = {who(one) for one in out.returned}
    out.gone.extend(gone)
    leavers = [one for one in before.disconnected_sessions.values() if who(one) not in returned]
    out.ended.extend(
        one
        for one in (*leavers, *gone)
        if time - one.last_seen > window
        and not one.seen_in_later_snapshot
        and not unread.shows(*who(one))
    )


def _of_controller(session: Session) -> Known:
    record = session.controller
    return Known(record.cid, record.callsign, record.last_updated)
