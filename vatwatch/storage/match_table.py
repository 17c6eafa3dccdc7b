"""Reads `frequency_matches`: page by page, and all contacts of one flight or one session.

What has ended is part of the record, as only flights have rows that the filters have let through.
What lasts is left out while the filters hide the flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vatwatch.traffic.contact_figures import (
    ContactHistory,
    CountedMatch,
    FlownTimes,
    SessionTimes,
    flight_figures,
    session_figures,
)
from vatwatch.traffic.frequency_match import FrequencyMatch, MatchFilter, MatchKey, MatchPage
from vatwatch.traffic.movements import Movement
from vatwatch.traffic.network_state import Tuned
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.time_spans import Span
from vatwatch.wildcards import is_pattern, like

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

# A contact takes a snapshot, and another one without it: a day of one flight on one channel has
# 2,880 at most. A busy session of a day has some hundreds.
MOST_OF_ONE = 20_000

_SERVED = """(m.ended_at IS NOT NULL OR NOT EXISTS (
                 SELECT FROM flights f WHERE f.flight_id = m.flight_id AND NOT f.shown))"""
# What lasts goes on until now; where the feed's clock is ahead of ours, until its newest snapshot.
_NOW = "greatest(now(), (SELECT max(update_timestamp) FROM snapshots))"
_CONDITIONS = {
    "callsign": """(upper(m.callsign) = upper(%(callsign)s)
                    OR upper(m.station) = upper(%(callsign)s))""",
    "pattern": """(upper(m.callsign) LIKE upper(%(pattern)s)
                   OR upper(m.station) LIKE upper(%(pattern)s))""",
    "cid": "(m.cid = %(cid)s OR m.station_cid = %(cid)s)",
    "names_hz": "m.frequency_hz = ANY(%(names_hz)s)",
    "since": f"coalesce(m.ended_at, {_NOW}) >= %(since)s",
    "until": "m.started_at < %(until)s",
}
_AFTER = """(m.started_at, m.flight_id, m.session_id, m.frequency_hz)
            < (%(after_time)s, %(after_flight)s, %(after_session)s, %(after_hz)s)"""
_NEWEST_FIRST = "started_at DESC, flight_id DESC, session_id DESC, frequency_hz DESC"
_MATCH = """
SELECT m.callsign, m.flight_id, m.station, m.session_id, m.frequency_hz, m.facility, m.started_at,
       m.ended_at, m.closest_nm, m.placed_by, m.cid, m.station_cid,
       coalesce(f.derive_again, false) OR coalesce(s.derive_again, false)"""
_OWNERS = """
LEFT JOIN flights f ON f.flight_id = m.flight_id
LEFT JOIN controllers s ON s.session_id = m.session_id"""
_GAPS = """
       ARRAY(SELECT lower(absence) FROM unnest(absences) absence ORDER BY absence),
       ARRAY(SELECT upper(absence) FROM unnest(absences) absence ORDER BY absence)"""


def find_matches(
    conn: connection, wanted: MatchFilter, *, limit: int, after: MatchKey | None
) -> MatchPage:
    """A page of matches, the newest first, after the match with the key `after`."""
    wild = is_pattern(wanted.callsign)
    given: dict[str, Any] = {
        # Of the two only this one finds its rows by an index.
        "callsign": "" if wild else wanted.callsign,
        "pattern": like(wanted.callsign) if wild else "",
        "cid": wanted.cid,
        "names_hz": list(wanted.names_hz),
        "since": wanted.since,
        "until": wanted.until,
    }
    where = " AND ".join([_SERVED, *(text for name, text in _CONDITIONS.items() if given[name])])
    with conn.cursor() as cur:
        cur.execute(f"SELECT count(*) FROM frequency_matches m WHERE {where}", given)
        (total,) = cur.fetchone() or (0,)
        if after is not None:
            where = f"{where} AND {_AFTER}"
            names = ("after_time", "after_flight", "after_session", "after_hz")
            given |= dict(zip(names, after, strict=True))
        cur.execute(
            f"""WITH page AS (SELECT * FROM frequency_matches m WHERE {where}
                              ORDER BY {_NEWEST_FIRST} LIMIT %(limit)s)
                {_MATCH} FROM page m {_OWNERS} ORDER BY {_ordered("m", _NEWEST_FIRST)}""",
            {**given, "limit": limit},
        )
        return MatchPage(total, tuple(_match(row) for row in cur))


def flight_contacts(conn: connection, flight_id: int) -> ContactHistory | None:
    """All contacts of a flight that are served; None if it is not known."""
    with conn.cursor() as cur:
        cur.execute(
            f"""SELECT callsign, derive_again, first_seen, last_seen, rules, movements,
                       joined_in_flight, phase, phase_s, {_GAPS}
                FROM flights WHERE flight_id = %s""",
            (flight_id,),
        )
        row = cur.fetchone()
        if row is None:
            return None
        callsign, derive_again, first_seen, last_seen, rules, movements, joined, phase, phase_s = (
            row[:9]
        )
        seen, gaps = _span(first_seen, last_seen), _spans(*row[9:])
        flown = None
        if rules is not None and movements is not None:
            flown = FlownTimes(
                *seen,
                gaps,
                msgspec.convert(movements, tuple[Movement, ...]),
                bool(joined),
                FlightPhase(phase),
                phase_s or {},
            )
        counted = list(_counted(cur, "m.flight_id = %(id)s", flight_id))
    figures = flight_figures(counted, flown, seen, gaps)
    return ContactHistory(callsign, derive_again, figures, tuple(one.match for one in counted))


def session_contacts(conn: connection, session_id: int) -> ContactHistory | None:
    """All contacts of a session that are served; None if it is not known."""
    with conn.cursor() as cur:
        cur.execute(
            f"""SELECT callsign, derive_again, first_seen, last_seen, frequencies, {_GAPS}
                FROM controllers WHERE session_id = %s""",
            (session_id,),
        )
        row = cur.fetchone()
        if row is None:
            return None
        callsign, derive_again, first_seen, last_seen, frequencies = row[:5]
        session = SessionTimes(
            *_span(first_seen, last_seen),
            _spans(*row[5:]),
            msgspec.convert(frequencies, tuple[Tuned, ...]),
        )
        counted = list(_counted(cur, "m.session_id = %(id)s", session_id))
    figures = session_figures(counted, session)
    return ContactHistory(callsign, derive_again, figures, tuple(one.match for one in counted))


def _counted(cur: cursor, where: str, owner_id: int) -> Iterator[CountedMatch]:
    cur.execute(
        f"""{_MATCH}, (SELECT min(update_timestamp) FROM snapshots
                       WHERE update_timestamp > m.ended_at)
            FROM frequency_matches m {_OWNERS} WHERE {where} AND {_SERVED}
            ORDER BY m.started_at, m.flight_id, m.session_id, m.frequency_hz LIMIT %(most)s""",
        {"id": owner_id, "most": MOST_OF_ONE},
    )
    for *row, until in cur:
        yield CountedMatch(_match(row), None if until is None else until.astimezone(UTC))


def _match(row: Any) -> FrequencyMatch:
    callsign, flight_id, station, session_id, frequency_hz, facility, start, end = row[:8]
    return FrequencyMatch(
        callsign,
        str(flight_id),
        station,
        str(session_id),
        frequency_hz,
        facility,
        start.astimezone(UTC),
        None if end is None else end.astimezone(UTC),
        *row[8:],
    )


def _span(start: datetime, end: datetime) -> Span:
    return start.astimezone(UTC), end.astimezone(UTC)


def _spans(starts: list[datetime], ends: list[datetime]) -> tuple[Span, ...]:
    return tuple(_span(start, end) for start, end in zip(starts, ends, strict=True))


def _ordered(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))
