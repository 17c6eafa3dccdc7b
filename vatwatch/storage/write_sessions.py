"""Writes the rows of controllers' sessions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vatwatch.errors import OutOfSequence
from vatwatch.feed.frequency import frequency_hz
from vatwatch.storage.copy import copy_rows, stage, to_json
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.derive_session import LateSight, Logon
from vatwatch.traffic.network_state import Session
from vatwatch.traffic.station_place import station_state
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_SESSION_COLUMNS = [
    "session_id",
    "cid",
    "callsign",
    "logon_time",
    "connection_logon",
    "reconnects",
    "first_seen",
    "last_seen",
    "absences",
    "ended",
    "name",
    "server",
    "facility",
    "rating",
    "frequency",
    "frequency_hz",
    "frequencies",
    "visual_range",
    "text_atis",
    "state",
    "latitude",
    "longitude",
    "placed_by",
    "until",
    "held",
    "connected_s",
    "frequency_s",
    "logons",
    "text_since",
    "rules",
]

# Before the rows are updated, as the frequency of the snapshot before is needed. A session that
# began before its times were counted has none.
_PLACE_SESSIONS = """
UPDATE controllers c SET
    last_seen = %(time)s,
    connected_s = c.connected_s + CASE WHEN c.last_seen < %(after)s THEN 0
        ELSE extract(epoch FROM %(time)s - c.last_seen) END,
    frequency_s = c.frequency_s + CASE WHEN c.last_seen < %(after)s OR c.frequency_hz IS NULL THEN 0
        ELSE extract(epoch FROM %(time)s - c.last_seen) END,
    absences = CASE WHEN c.last_seen < %(after)s
        THEN c.absences + tstzmultirange(tstzrange(c.last_seen, %(time)s, '()'))
        ELSE c.absences END
WHERE c.session_id = ANY(%(online)s) AND c.last_seen <= %(time)s
"""

_PLACE_SESSIONS_LATE = """
UPDATE controllers c SET
    derive_again = true,
    first_seen = least(c.first_seen, %(time)s),
    absences = CASE WHEN %(time)s < c.first_seen
        THEN c.absences + tstzmultirange(tstzrange(%(time)s, c.first_seen, '()'))
        ELSE c.absences - tstzmultirange(tstzrange(%(time)s, %(time)s, '[]')) END
WHERE c.session_id = ANY(%(online)s)
"""

# Whose row ends with this snapshot has all of it.
_KEEP_SIGHTS = """
INSERT INTO late_sights
    SELECT s.* FROM stage_late_sights s JOIN controllers c USING (session_id)
    WHERE c.last_seen > s.time
"""

_ABSENT_SESSIONS_LATE = """
UPDATE controllers c SET derive_again = true, absences = c.absences
    + tstzmultirange(
        tstzrange(greatest(c.first_seen, %(after)s), least(c.last_seen, %(next)s), '()'))
WHERE c.first_seen < %(time)s AND c.last_seen > %(time)s AND c.session_id <> ALL(%(online)s)
"""


def write_sessions(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the sessions of a snapshot."""
    times = {
        "time": changes.time,
        "after": changes.derived_from,
        "next": following,
        "online": [session.session_id for session in changes.sessions.online],
    }
    cur.execute(_PLACE_SESSIONS, times)
    stage(cur, "stage_sessions", "LIKE controllers INCLUDING DEFAULTS")
    copy_rows(
        cur,
        "stage_sessions",
        _SESSION_COLUMNS,
        [
            _session_row(s, changes.time)
            for s in (*changes.sessions.created, *changes.sessions.updated)
        ],
    )
    cur.execute(
        f"""INSERT INTO controllers ({", ".join(_SESSION_COLUMNS)})
            SELECT {", ".join(_SESSION_COLUMNS)} FROM stage_sessions
            ON CONFLICT (session_id) DO UPDATE SET
                connection_logon = excluded.connection_logon,
                reconnects = greatest(controllers.reconnects, excluded.reconnects),
                name = excluded.name, server = excluded.server, facility = excluded.facility,
                rating = excluded.rating, frequency = excluded.frequency,
                frequency_hz = excluded.frequency_hz,
                frequencies = CASE
                    WHEN controllers.frequency_hz IS NOT DISTINCT FROM excluded.frequency_hz
                    THEN controllers.frequencies
                    ELSE controllers.frequencies || excluded.frequencies END,
                visual_range = excluded.visual_range, text_atis = excluded.text_atis,
                state = excluded.state, latitude = excluded.latitude,
                longitude = excluded.longitude, placed_by = excluded.placed_by,
                until = excluded.until, held = excluded.held,
                logons = CASE WHEN controllers.connection_logon = excluded.connection_logon
                    THEN controllers.logons ELSE controllers.logons || excluded.logons END,
                text_since = CASE
                    WHEN controllers.text_atis IS NOT DISTINCT FROM excluded.text_atis
                    THEN controllers.text_since ELSE excluded.text_since END,
                rules = excluded.rules,
                ended = false
            WHERE controllers.last_seen <= excluded.last_seen"""
    )
    if following is not None:
        cur.execute(_PLACE_SESSIONS_LATE, times)
        if cur.rowcount < len(changes.sessions.online):
            raise OutOfSequence(
                f"sessions that were known before snapshot {changes.time} were joined to others "
                "meanwhile. They are read again, and nothing is lost"
            )
        cur.execute(_ABSENT_SESSIONS_LATE, times)
        _keep_sights(cur, changes)
    if changes.sessions.ended:
        cur.execute(
            "UPDATE controllers SET ended = true WHERE session_id = ANY(%s) AND last_seen < %s",
            ([session.session_id for session in changes.sessions.ended], changes.time),
        )


def _session_row(session: Session, time: datetime) -> tuple[object, ...]:
    controller = session.controller
    hertz = frequency_hz(controller.frequency)
    return (
        session.session_id,
        controller.cid,
        controller.callsign,
        session.logon_time,
        session.connection_logon,
        session.reconnects,
        session.first_seen,
        session.last_seen,
        "{}",
        False,
        controller.name,
        controller.server,
        controller.facility,
        controller.rating,
        controller.frequency,
        hertz,
        to_json([{"since": time, "frequency_hz": hertz}]),
        controller.visual_range,
        controller.text_atis,
        station_state(controller),
        None if session.place is None else session.place.latitude,
        None if session.place is None else session.place.longitude,
        None if session.place is None else session.place.placed_by,
        session.until,
        None if session.held is None else msgspec.json.encode(session.held).decode(),
        0.0,
        0.0,
        to_json([Logon(time, session.connection_logon)]),
        time,
        RULES_VERSION,
    )


def _keep_sights(cur: cursor, changes: Changes) -> None:
    """What a late snapshot shows of each session, for the time when it is derived again."""
    time = changes.time
    stage(cur, "stage_late_sights", "LIKE late_sights")
    copy_rows(
        cur,
        "stage_late_sights",
        ["session_id", "time", "sight"],
        [
            (
                one.session_id,
                time,
                to_json(LateSight(time, one.connection_logon, one.controller, one.place)),
            )
            for one in changes.sessions.online
        ],
    )
    cur.execute(_KEEP_SIGHTS)
