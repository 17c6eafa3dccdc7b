"""Derives controllers' sessions again that snapshots have touched which came late.

Their rows are marked (`controllers.derive_again`), and `late_sights` has what the late snapshots
show. When they are over, all rows of that controller around them are derived together: two sessions
may turn out to be one, or one to be two.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from vatwatch.feed.records import Controller
from vatwatch.storage.copy import to_json
from vatwatch.storage.derive_contacts import find_of_sessions, pass_on_sessions
from vatwatch.storage.multirange import multirange
from vatwatch.storage.snapshot_times import snapshot_before
from vatwatch.storage.spans import Ownership
from vatwatch.traffic.derive_session import (
    DerivedSession,
    KeptSession,
    LateSight,
    Logon,
    derive_sessions,
)
from vatwatch.traffic.network_state import Break, Rules, StationPlace, Tuned
from vatwatch.traffic.station_place import station_state
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = logging.getLogger(__name__)

# Of the oldest marked ones so many are looked at: some wait for others to be over.
_LOOK_AT = 200
# Sessions that are farther apart than the window, and a snapshot or two, are never one.
_APART = timedelta(hours=1)

_MARKED = """
SELECT cid, callsign, min(first_seen), max(last_seen) FROM (
    SELECT cid, callsign, first_seen, last_seen FROM controllers
    WHERE derive_again AND last_seen < %s ORDER BY last_seen, session_id LIMIT %s) c
GROUP BY cid, callsign ORDER BY max(last_seen), cid, callsign
"""
_ROWS = """
SELECT session_id, cid, callsign, name, server, facility, rating, frequency, visual_range,
       text_atis, latitude, longitude, placed_by, until, first_seen, last_seen,
       ARRAY(SELECT lower(a) FROM unnest(absences) a),
       ARRAY(SELECT upper(a) FROM unnest(absences) a),
       frequencies, coalesce(logons,
           jsonb_build_array(jsonb_build_object('since', first_seen, 'logon_time', logon_time))),
       text_since,
       ARRAY(SELECT sight FROM late_sights l WHERE l.session_id = controllers.session_id)
FROM controllers
WHERE cid = %s AND callsign = %s AND last_seen >= %s AND first_seen <= %s ORDER BY first_seen
"""
_COLUMNS = (
    *("cid", "callsign", "logon_time", "connection_logon", "reconnects", "first_seen"),
    *("last_seen", "absences", "ended", "name", "server", "facility", "rating", "frequency"),
    *("frequency_hz", "frequencies", "visual_range", "text_atis", "state", "latitude"),
    *("longitude", "placed_by", "until", "held", "connected_s", "frequency_s", "logons"),
    *("text_since", "rules"),
)
# What was not counted from the start stays unknown.
_UNKNOWN_SINCE_BEFORE = {
    "connected_s": "CASE WHEN c.connected_s IS NOT NULL THEN excluded.connected_s END",
    "frequency_s": "CASE WHEN c.connected_s IS NOT NULL THEN excluded.frequency_s END",
    "text_since": "CASE WHEN c.text_since IS NOT NULL THEN excluded.text_since END",
    "logons": "CASE WHEN c.logons IS NOT NULL THEN excluded.logons END",
    "connection_logon": "CASE WHEN c.logons IS NULL"
    " THEN c.connection_logon ELSE excluded.connection_logon END",
    "reconnects": "CASE WHEN c.logons IS NULL"
    " THEN greatest(c.reconnects, excluded.reconnects) ELSE excluded.reconnects END",
}
_CHANGED = ", ".join(
    f"{name} = {_UNKNOWN_SINCE_BEFORE.get(name, f'excluded.{name}')}" for name in _COLUMNS
)
_WRITE = f"""
INSERT INTO controllers AS c (session_id, {", ".join(_COLUMNS)})
VALUES (%(session_id)s, {", ".join(f"%({name})s" for name in _COLUMNS)})
ON CONFLICT (session_id) DO UPDATE SET {_CHANGED}, derive_again = false
"""


def derive_marked_sessions(cur: cursor, newest: datetime, rules: Rules, limit: int) -> int:
    """Derive the marked sessions of up to `limit` controllers that are over; returns how many.

    Args:
        cur: of a transaction in which nobody else writes snapshots
        newest: the newest snapshot that is stored
        rules: the session window
        limit: as above
    """
    over_before = newest - rules.session_window
    cur.execute(_MARKED, (over_before, _LOOK_AT))
    done = 0
    for cid, callsign, first, last in cur.fetchall():
        kept = _kept(cur, cid, callsign, first, last, rules)
        if kept[-1].last_seen >= over_before:
            continue  # it may be one with the marked ones, and goes on
        derived = _derived(cur, kept, rules)
        _write(cur, kept, derived, rules)
        done += 1
        if done == limit:
            break
    return done


def _kept(
    cur: cursor, cid: int, callsign: str, first: datetime, last: datetime, rules: Rules
) -> list[KeptSession]:
    """Those from `first` to `last`, and all that are near enough to be one with them."""
    apart = rules.session_window + _APART
    while True:
        cur.execute(_ROWS, (cid, callsign, first - apart, last + apart))
        kept = [_session(row) for row in cur]
        reach = min(one.first_seen for one in kept), max(one.last_seen for one in kept)
        if reach == (first, last):
            return kept
        first, last = min(first, reach[0]), max(last, reach[1])


def _session(row: tuple[Any, ...]) -> KeptSession:
    (session_id, cid, callsign, name, server, facility, rating, frequency) = row[:8]
    (visual_range, text_atis, latitude, longitude, placed_by, until) = row[8:14]
    (first_seen, last_seen, starts, ends, frequencies, logons, text_since, late) = row[14:]
    return KeptSession(
        session_id=session_id,
        controller=Controller(
            cid=cid,
            callsign=callsign,
            frequency=frequency,
            facility=facility,
            rating=rating,
            name=name,
            server=server,
            visual_range=visual_range,
            text_atis=text_atis,
        ),
        place=None if placed_by is None else StationPlace(latitude, longitude, placed_by),
        until=None if until is None else until.astimezone(UTC),
        first_seen=first_seen.astimezone(UTC),
        last_seen=last_seen.astimezone(UTC),
        absences=tuple(
            Break(start.astimezone(UTC), end.astimezone(UTC))
            for start, end in zip(starts, ends, strict=True)
        ),
        frequencies=msgspec.convert(frequencies, tuple[Tuned, ...]),
        logons=msgspec.convert(logons, tuple[Logon, ...]),
        text_since=None if text_since is None else text_since.astimezone(UTC),
        late=msgspec.convert(late, tuple[LateSight, ...]),
    )


def _derived(cur: cursor, kept: Sequence[KeptSession], rules: Rules) -> list[DerivedSession] | None:
    """None: they cannot be derived, and stay as they are."""
    first, last = kept[0].first_seen, max(one.last_seen for one in kept)
    cur.execute(
        """SELECT update_timestamp, radio_clients IS NULL FROM snapshots
           WHERE update_timestamp BETWEEN %s AND
               (SELECT min(update_timestamp) FROM snapshots WHERE update_timestamp > %s)
           ORDER BY update_timestamp""",
        (first, last + rules.session_window),
    )
    found = [(time.astimezone(UTC), without) for time, without in cur]
    snapshots = [time for time, _ in found]
    if not snapshots or snapshots[0] != first:
        return None  # they were deleted, as they are old
    before = snapshot_before(cur, first)
    without_radios = {time for time, without in found if without}
    try:
        return derive_sessions(kept, snapshots, rules, before=before, without_radios=without_radios)
    except (
        Exception
    ):  # a bug of a rule costs these sessions what is new of them, and nobody else anything
        log.exception("Session %s cannot be derived again: it stays as it was", kept[0].session_id)
        return None


def _write(
    cur: cursor,
    kept: Sequence[KeptSession],
    derived: Sequence[DerivedSession] | None,
    rules: Rules,
) -> None:
    before = [one.session_id for one in kept]
    cur.execute("DELETE FROM late_sights WHERE session_id = ANY(%s)", (before,))
    if derived is None:
        cur.execute(
            "UPDATE controllers SET derive_again = false WHERE session_id = ANY(%s)", (before,)
        )
        return
    for one in derived:
        cur.execute(_WRITE, _values(one))
        cur.execute(
            """UPDATE transceivers SET session_id = %(now)s
               WHERE session_id = ANY(%(before)s) AND session_id <> %(now)s
                 AND first_seen BETWEEN %(first)s AND %(last)s""",
            {
                "now": one.session.session_id,
                "before": before,
                "first": one.first_seen,
                "last": one.session.last_seen,
            },
        )
    owned = [
        Ownership(one.session.session_id, one.first_seen, one.session.last_seen) for one in derived
    ]
    pass_on_sessions(cur, before, owned)
    cur.execute(
        "DELETE FROM controllers WHERE session_id = ANY(%s) AND session_id <> ALL(%s)",
        (before, [one.session.session_id for one in derived]),
    )
    were = [Ownership(one.session_id, one.first_seen, one.last_seen) for one in kept]
    find_of_sessions(cur, kept[0].controller.callsign, were, owned, rules)


def _values(one: DerivedSession) -> dict[str, object]:
    session, controller, place = one.session, one.controller, one.place
    return {
        "session_id": session.session_id,
        "cid": controller.cid,
        "callsign": controller.callsign,
        "logon_time": session.logon_time,
        "connection_logon": session.connection_logon,
        "reconnects": one.reconnects,
        "first_seen": one.first_seen,
        "last_seen": session.last_seen,
        "absences": multirange(one.absences),
        "ended": one.ended,
        "name": controller.name,
        "server": controller.server,
        "facility": controller.facility,
        "rating": controller.rating,
        "frequency": controller.frequency,
        "frequency_hz": one.frequencies[-1].frequency_hz,
        "frequencies": to_json(one.frequencies),
        "visual_range": controller.visual_range,
        "text_atis": controller.text_atis,
        "state": station_state(controller),
        "latitude": None if place is None else place.latitude,
        "longitude": None if place is None else place.longitude,
        "placed_by": None if place is None else place.placed_by,
        "until": one.until,
        "held": None if session.held is None else to_json(session.held),
        "connected_s": one.connected_s,
        "frequency_s": one.frequency_s,
        "logons": to_json(one.logons),
        "text_since": one.text_since,
        "rules": RULES_VERSION,
    }
