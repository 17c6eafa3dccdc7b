"""Gives back the sessions and the ATIS of a stored snapshot, for `read_network_state`.

Its `values` name the moments: `at` is the snapshot's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vatwatch.feed.records import Atis, Controller
from vatwatch.feed.times import time_text
from vatwatch.traffic.network_state import (
    AtisVersion,
    Break,
    HeldNews,
    Session,
    StationPlace,
    Tuned,
)
from vatwatch.traffic.until_text import until

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_SESSIONS = """
SELECT session_id, cid, callsign, logon_time, connection_logon, reconnects, first_seen, last_seen,
       name, server, facility, rating, frequency, visual_range, text_atis,
       latitude, longitude, placed_by, until, held, rules, frequencies,
       ARRAY(SELECT lower(absence) FROM unnest(absences) absence
             WHERE upper(absence) <= %(at)s ORDER BY absence),
       ARRAY(SELECT upper(absence) FROM unnest(absences) absence
             WHERE upper(absence) <= %(at)s ORDER BY absence),
       first_seen <= %(at)s AND last_seen >= %(at)s AND NOT absences @> %(at)s AS online
FROM controllers WHERE {which} ORDER BY callsign
"""
_ATIS = """
SELECT atis_id, cid, callsign, logon_time, first_seen, name, server, facility, rating, frequency,
       visual_range, atis_code, text_atis
FROM atis WHERE first_seen <= %(at)s AND (gone_at IS NULL OR gone_at > %(at)s) ORDER BY callsign
"""


def read_sessions(
    cur: cursor, values: dict[str, Any], *, late: bool
) -> Iterator[tuple[bool, Session]]:
    """Sessions that may go on, each with whether it is online.

    Args:
        cur: of a transaction
        values: `at`, `sessions_since`, `logon_until`
        late: whether later snapshots are stored, too
    """
    which = (
        "last_seen >= %(sessions_since)s AND logon_time <= %(logon_until)s" if late else "NOT ended"
    )
    cur.execute(_SESSIONS.replace("{which}", which), values)
    at = values["at"]
    for row in cur:
        (session_id, cid, callsign, logon_time, connection_logon, reconnects) = row[:6]
        (first_seen, last_seen, name, server, facility, rating) = row[6:12]
        (frequency, visual_range, text_atis, latitude, longitude, placed_by) = row[12:18]
        (told_until, held, rules, frequencies, breaks_from, breaks_to, online) = row[18:]
        seen = min(last_seen, at).astimezone(UTC)
        controller = Controller(
            cid=cid,
            callsign=callsign,
            frequency=frequency,
            facility=facility,
            rating=rating,
            logon_time=time_text(connection_logon),
            last_updated=time_text(seen),
            name=name,
            server=server,
            visual_range=visual_range,
            text_atis=text_atis,
        )
        if rules is None:  # written before there were any
            told_until = until(text_atis, seen)
        session = Session(
            session_id=session_id,
            controller=controller,
            logon_time=logon_time.astimezone(UTC),
            connection_logon=connection_logon.astimezone(UTC),
            first_seen=first_seen.astimezone(UTC),
            last_seen=seen,
            reconnects=reconnects,
            seen_in_later_snapshot=last_seen > at,
            breaks=tuple(
                Break(start.astimezone(UTC), end.astimezone(UTC))
                for start, end in zip(breaks_from, breaks_to, strict=True)
            ),
            frequencies=_until(msgspec.convert(frequencies, tuple[Tuned, ...]), at),
            place=None if placed_by is None else StationPlace(latitude, longitude, placed_by),
            until=None if told_until is None else told_until.astimezone(UTC),
            # What a later snapshot holds is not what this one held.
            held=None if held is None or last_seen > at else msgspec.convert(held, HeldNews),
        )
        yield online, session


def _until(frequencies: tuple[Tuned, ...], at: datetime) -> tuple[Tuned, ...]:
    """Those that were known then; the first one at least."""
    return frequencies[:1] + tuple(tuned for tuned in frequencies[1:] if tuned.since <= at)


def read_atis(cur: cursor, values: dict[str, Any]) -> Iterator[AtisVersion]:
    """The versions that were on the air at `at`."""
    cur.execute(_ATIS, values)
    for row in cur:
        (atis_id, cid, callsign, logon_time, first_seen, name, server, facility, rating) = row[:9]
        (frequency, visual_range, atis_code, text_atis) = row[9:]
        atis = Atis(
            cid=cid,
            callsign=callsign,
            frequency=frequency,
            facility=facility,
            rating=rating,
            logon_time=time_text(logon_time),
            last_updated=time_text(values["at"]),
            name=name,
            server=server,
            visual_range=visual_range,
            atis_code=atis_code,
            text_atis=text_atis,
        )
        yield AtisVersion(atis_id, atis, first_seen.astimezone(UTC))
