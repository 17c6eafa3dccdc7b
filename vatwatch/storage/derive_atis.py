"""Derives ATIS versions again that snapshots have touched which came late (`atis.derive_again`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from vatwatch.storage.copy import copy_rows
from vatwatch.storage.read_stations import VERSION, version_of
from vatwatch.storage.write_intervals import ATIS_COLUMNS, atis_row
from vatwatch.traffic.atis import STALE_HOURS
from vatwatch.traffic.derive_atis import DerivedAtis, KeptAtis, derive_atis

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = logging.getLogger(__name__)

# Of a station that is on the air the version of now has an id that the processor knows.
_MARKED = """
SELECT callsign, min(first_seen), max(first_seen) FROM atis WHERE derive_again
GROUP BY callsign HAVING bool_and(gone_at IS NOT NULL) ORDER BY max(gone_at), callsign LIMIT %s
"""
_FORMER = """
SELECT first_seen FROM atis WHERE callsign = %s AND first_seen < %s
   AND gone_at >= %s ORDER BY first_seen DESC LIMIT 1
"""
_LATER = f"""
SELECT *, (SELECT gone_at FROM atis a WHERE a.atis_id = v.atis_id) FROM ({VERSION}) v
WHERE callsign = %s AND first_seen BETWEEN %s AND %s ORDER BY first_seen
"""
# Of the oldest marked stations so many are looked at: some wait for a version to end.
_LOOK_AT = 200
# A letter is decided within minutes: after so long a version begins as it did.
_AHEAD = timedelta(days=1)


def derive_marked_atis(cur: cursor, limit: int) -> int:
    """Derive the marked versions of up to `limit` stations; returns of how many.

    In a transaction in which nobody else writes snapshots.
    """
    cur.execute(_MARKED, (_LOOK_AT,))
    done = 0
    for callsign, first, last in cur.fetchall():
        kept, begins_anew = _kept(cur, callsign, first, last)
        try:
            derived = derive_atis(
                kept, _snapshots(cur, kept), last.astimezone(UTC), begins_anew=begins_anew
            )
        except (
            Exception
        ):  # a bug of a rule costs this station what is new of it, and nobody else anything
            log.exception("The ATIS of %s cannot be derived again: it stays as it was", callsign)
            derived = None
        if derived is not None and derived.next_one is None and kept[-1].gone_at is None:
            continue  # the version of now may be one with the marked ones
        _write(cur, kept, derived)
        done += 1
        if done == limit:
            break
    return done


def _kept(
    cur: cursor, callsign: str, first: datetime, last: datetime
) -> tuple[list[KeptAtis], bool]:
    """The rows from the one before on, and whether there is none before."""
    cur.execute(_FORMER, (callsign, first, first - timedelta(hours=STALE_HOURS)))
    former = cur.fetchone()
    cur.execute(_LATER, (callsign, first if former is None else former[0], last + _AHEAD))
    return [_version(row) for row in cur], former is None


def _version(row: tuple[Any, ...]) -> KeptAtis:
    *columns, gone_at = row
    first_seen = columns[4].astimezone(UTC)
    version = version_of(tuple(columns), first_seen, on_air=True)
    last_seen = columns[15]
    return KeptAtis(
        replace(version, atis=replace(version.atis, last_updated="")),
        None if gone_at is None else gone_at.astimezone(UTC),
        None if last_seen is None else last_seen.astimezone(UTC),
    )


def _snapshots(cur: cursor, kept: Sequence[KeptAtis]) -> list[datetime]:
    cur.execute(
        """SELECT update_timestamp FROM snapshots
           WHERE update_timestamp BETWEEN %s AND coalesce(%s, 'infinity'::timestamptz)
           ORDER BY update_timestamp""",
        (kept[0].version.first_seen, kept[-1].gone_at),
    )
    return [time.astimezone(UTC) for (time,) in cur]


def _write(cur: cursor, kept: Sequence[KeptAtis], derived: DerivedAtis | None) -> None:
    """The derived versions instead of the kept ones; None: they stay as they are."""
    replaced = [one.version for one in kept]
    if derived is None:
        ids = [version.atis_id for version in replaced]
        cur.execute("UPDATE atis SET derive_again = false WHERE atis_id = ANY(%s)", (ids,))
        return
    if derived.next_one is not None:
        replaced = replaced[: replaced.index(derived.next_one)]
    ids = [version.atis_id for version in replaced]
    cur.execute("DELETE FROM atis WHERE atis_id = ANY(%s)", (ids,))
    copy_rows(
        cur,
        "atis",
        ATIS_COLUMNS,
        [atis_row(one.version, one.gone_at, one.last_seen) for one in derived.versions],
    )
