"""Derives again what snapshots have touched which came late: flights, sessions, ATIS.

A late snapshot changes where a flight was seen, and so, perhaps, what it has done. Its row is
marked (`flights.derive_again`). When it is over for good it is derived again together with its
pilot's flights around it; where that cannot be, by itself, from its track, its plans and its
absences.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vatwatch.feed.records import FlightPlan
from vatwatch.storage.derive_atis import derive_marked_atis
from vatwatch.storage.derive_flights import derive_together
from vatwatch.storage.derive_sessions import derive_marked_sessions
from vatwatch.storage.write_flights import update_derived
from vatwatch.storage.writer import WRITER_LOCK
from vatwatch.traffic.atis import STALE_HOURS
from vatwatch.traffic.derive_track import DerivedFlight, KeptFlight, KeptPlan, derive_track
from vatwatch.traffic.marks import Marks
from vatwatch.traffic.network_state import Rules
from vatwatch.traffic.position import Position
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

log = logging.getLogger(__name__)

# A flight of a night has 2,000 snapshots; with areas it takes a third of a second, and nothing is
# written meanwhile.
AT_ONCE = 3
# Who was seen less than so long before the newest stored snapshot may be online: what is served can
# be a little ahead of what is stored.
_LIVE_FOR = timedelta(hours=1)
# Of the oldest marked ones so many are looked at: some wait for others to be over.
_LOOK_AT = 200

_PLAN_FIELDS = ", ".join(FlightPlan.__struct_fields__)


def derive_marked(conn: connection, rules: Rules, limit: int = AT_ONCE) -> int:
    """Derive up to `limit` marked flights, sessions and stations that are over; returns how many.

    In the transaction that the caller has begun and will commit. psycopg2.Error as it comes.
    """
    with conn.cursor() as cur:
        # Another process may write late snapshots.
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER_LOCK,))
        cur.execute("SELECT max(update_timestamp) FROM snapshots")
        row = cur.fetchone()
        assert row is not None
        if row[0] is None:
            return 0
        newest = row[0].astimezone(UTC)
        done = _derive_flights(cur, newest, rules, limit)
        if done < limit:
            done += derive_marked_sessions(cur, newest, rules, limit - done)
        if done < limit:
            done += derive_marked_atis(cur, limit - done)
    return done


def _derive_flights(cur: cursor, newest: datetime, rules: Rules, limit: int) -> int:
    cur.execute(
        """SELECT flight_id, first_seen, last_seen FROM flights
           WHERE derive_again AND last_seen < %s ORDER BY last_seen, flight_id LIMIT %s""",
        (newest - rules.reconnect_window, _LOOK_AT),
    )
    done = 0
    for flight_id, first_seen, last_seen in cur.fetchall():
        if not _is_marked(cur, flight_id):
            continue  # it was derived together with another one
        together = derive_together(cur, flight_id, newest, rules)
        if together is False:
            continue
        if together is None:
            kept = _kept(cur, flight_id, first_seen, last_seen)
            update_derived(cur, flight_id, _derived(flight_id, kept, rules))
        done += 1
        if done == limit:
            break
    return done


def _is_marked(cur: cursor, flight_id: int) -> bool:
    cur.execute("SELECT FROM flights WHERE flight_id = %s AND derive_again", (flight_id,))
    return cur.fetchone() is not None


def read_marks(conn: connection) -> Marks:
    """Those whom live answers may have, and that are to be derived again."""
    with conn.cursor() as cur:
        cur.execute(
            """WITH newest AS (SELECT max(update_timestamp) AS time FROM snapshots)
               SELECT 'flight', flight_id::text FROM flights, newest
               WHERE derive_again AND last_seen >= time - %(online)s
               UNION ALL SELECT 'session', session_id::text FROM controllers, newest
               WHERE derive_again AND last_seen >= time - %(online)s
               UNION ALL SELECT DISTINCT 'station', callsign FROM atis, newest
               WHERE derive_again AND coalesce(gone_at >= time - %(stale)s, true)""",
            {"online": _LIVE_FOR, "stale": timedelta(hours=STALE_HOURS)},
        )
        found: dict[str, list[str]] = {"flight": [], "session": [], "station": []}
        for kind, name in cur:
            found[kind].append(name)
    return Marks(
        flights=frozenset(map(int, found["flight"])),
        sessions=frozenset(map(int, found["session"])),
        stations=frozenset(found["station"]),
    )


def rules_since(conn: connection) -> datetime | None:
    """The first snapshot of the oldest flight by the rules of this version; None: there is none."""
    with conn.cursor() as cur:
        cur.execute("SELECT min(first_seen) FROM flights WHERE rules = %s", (RULES_VERSION,))
        row = cur.fetchone()
    assert row is not None
    return None if row[0] is None else row[0].astimezone(UTC)


def _derived(flight_id: int, kept: KeptFlight, rules: Rules) -> DerivedFlight | None:
    try:
        return derive_track(kept, rules.position_keepalive)
    except (
        Exception
    ):  # a bug of a rule costs this flight what is new of it, and nobody else anything
        log.exception("Flight %s cannot be derived again: it stays as it was", flight_id)
        return None


def _kept(cur: cursor, flight_id: int, first_seen: datetime, last_seen: datetime) -> KeptFlight:
    cur.execute(
        """SELECT s.update_timestamp, NOT f.absences @> s.update_timestamp
           FROM snapshots s, flights f
           WHERE f.flight_id = %s AND s.update_timestamp BETWEEN %s AND %s
           ORDER BY s.update_timestamp""",
        (flight_id, first_seen, last_seen),
    )
    snapshots = [(time.astimezone(UTC), shown) for time, shown in cur]
    cur.execute(
        """SELECT time, latitude, longitude, altitude, groundspeed, heading FROM positions
           WHERE flight_id = %s AND time BETWEEN %s AND %s ORDER BY time""",
        (flight_id, first_seen, last_seen),
    )
    track = [Position(time.astimezone(UTC), *place) for time, *place in cur]
    cur.execute(
        f"""SELECT first_seen, gone_at, {_PLAN_FIELDS} FROM flight_plans
            WHERE flight_id = %s ORDER BY first_seen""",
        (flight_id,),
    )
    plans = [
        KeptPlan(
            since.astimezone(UTC),
            None if until is None else until.astimezone(UTC),
            FlightPlan(*plan),
        )
        for since, until, *plan in cur
    ]
    return KeptFlight(snapshots, track, plans)
