"""Reads `sector_occupancy`: the load of a sector, minute by minute.

Flights that the filters hide, or hid when they were seen last, are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vatwatch.traffic.sector_minutes import MinuteLoad, SectorMinutes

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

MINUTE = timedelta(minutes=1)

# Of several spellings the one that is asked for, and a sector before a FIR.
_NAMED = """
SELECT kind, sector FROM sectors
WHERE lower(sector) = lower(%(name)s) AND (%(kind)s = '' OR kind = %(kind)s)
ORDER BY sector = %(name)s DESC, kind DESC, sector LIMIT 1"""

# What lasts goes on until the newest snapshot. A stay is in each minute from that of its first
# snapshot to that of its last one.
_LOADS = """
WITH stays AS MATERIALIZED (
    SELECT o.flight_id, o.entered_at,
           coalesce(o.left_at, (SELECT max(update_timestamp) FROM snapshots)) AS left_at
    FROM sector_occupancy o
    WHERE o.kind = %(kind)s AND o.sector = %(name)s AND o.entered_at < %(until)s
      AND (o.left_at IS NULL OR o.left_at >= %(since)s)
      AND NOT EXISTS (SELECT FROM flights f WHERE f.flight_id = o.flight_id AND NOT f.shown)
)
SELECT minute, count(DISTINCT flight_id)
FROM stays
CROSS JOIN LATERAL generate_series(
    date_trunc('minute', greatest(entered_at, %(since)s), 'UTC'),
    least(left_at, %(until)s - interval '1 microsecond'), interval '1 minute') AS minute
GROUP BY 1"""

_SEEN = """
SELECT DISTINCT date_trunc('minute', update_timestamp, 'UTC') FROM snapshots
WHERE update_timestamp >= %(since)s AND update_timestamp < %(until)s"""


def sector_minutes(
    conn: connection, name: str, kind: str, since: datetime, until: datetime
) -> SectorMinutes:
    """The loads of a sector; all zero, and its kind empty, if never a flight was in one of this
    name.

    Args:
        conn: a connection
        name: its name, in any case of letters
        kind: `fir` or `sector`; empty: of two of one name it is the sector
        since: a whole minute, the first one
        until: a whole minute, after the last one
    """
    with conn.cursor() as cur:
        cur.execute(_NAMED, {"name": name, "kind": kind})
        kind, name = cur.fetchone() or ("", name)
        return SectorMinutes(kind, name, _minutes(cur, kind, name, since, until))


def _minutes(
    cur: cursor, kind: str, name: str, since: datetime, until: datetime
) -> tuple[MinuteLoad, ...]:
    given = {"kind": kind, "name": name, "since": since, "until": until}
    cur.execute(_SEEN, given)
    seen = {minute.astimezone(UTC) for (minute,) in cur.fetchall()}
    cur.execute(_LOADS, given)
    loads = {minute.astimezone(UTC): load for minute, load in cur.fetchall()}
    whole = [since + number * MINUTE for number in range((until - since) // MINUTE)]
    return tuple(
        MinuteLoad(minute, loads.get(minute, 0) if minute in seen else None) for minute in whole
    )
