"""Gives back the sessions and the ATIS of a stored snapshot, for `read_network_state`.

Its `values` name the moments: `at` is the snapshot's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from vatwatch.feed.records import Atis, Controller
from vatwatch.feed.times import time_text
from vatwatch.traffic.atis import first_version
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
VERSION = """
SELECT atis_id, cid, callsign, logon_time, first_seen, name, server, facility, rating, frequency,
       visual_range, atis_code, text_atis, letter, other_since, last_seen, rules
FROM atis"""
_ON_AIR = "first_seen <= %(at)s AND (gone_at IS NULL OR gone_at > %(at)s)"
_ATIS = f"{VERSION} WHERE {_ON_AIR} ORDER BY callsign"
# The latest version of each station that has none now; those that came late have no last_seen.
_STALE_ATIS = f"""
SELECT DISTINCT ON (callsign) * FROM ({VERSION}
    WHERE gone_at BETWEEN %(stale_since)s AND %(at)s AND last_seen >= %(stale_since)s
      AND callsign NOT IN (SELECT callsign FROM atis WHERE {_ON_AIR})) versions
ORDER BY callsign, first_seen DESC
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
        yield version_of(row, values["at"], on_air=True)


def read_stale_atis(cur: cursor, values: dict[str, Any]) -> Iterator[AtisVersion]:
    """The last versions of the stations that had left by then, but not before `stale_since`."""
    cur.execute(_STALE_ATIS, values)
    for row in cur:
        yield version_of(row, values["at"], on_air=False)


def version_of(row: tuple[Any, ...], at: datetime, *, on_air: bool) -> AtisVersion:
    """A row of `VERSION`; `at` is when it was last seen, if it is `on_air`."""
    (atis_id, cid, callsign, logon_time, first_seen, name, server, facility, rating) = row[:9]
    (frequency, visual_range, atis_code, text_atis, letter, other_since, last_seen, rules) = row[9:]
    seen = at if on_air else last_seen.astimezone(UTC)
    atis = Atis(
        cid=cid,
        callsign=callsign,
        frequency=frequency,
        facility=facility,
        rating=rating,
        logon_time=time_text(logon_time),
        last_updated=time_text(seen),
        name=name,
        server=server,
        visual_range=visual_range,
        atis_code=atis_code,
        text_atis=text_atis,
    )
    # What the text says is read again: it depends on the text alone.
    version = first_version(atis_id, atis, first_seen=first_seen.astimezone(UTC))
    return replace(
        version,
        letter=version.letter if rules is None else letter,
        other_since=None if other_since is None else other_since.astimezone(UTC),
        last_seen=None if on_air else seen,
    )
