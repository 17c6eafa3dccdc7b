"""Writes the rows of flights and positions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from vatwatch.storage.copy import copy_rows, copy_text, escape, stage
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.network_state import Flight

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_FLIGHT_COLUMNS = [
    "flight_id",
    "cid",
    "callsign",
    "logon_time",
    "connection_logon",
    "reconnects",
    "first_seen",
    "last_seen",
    "absences",
    "flown",
    "name",
    "server",
    "pilot_rating",
    "military_rating",
    "latitude",
    "longitude",
    "altitude",
    "groundspeed",
    "heading",
    "transponder",
    "qnh_i_hg",
    "qnh_mb",
]
_PLACE_COLUMNS = [
    "flight_id",
    "time",
    "latitude",
    "longitude",
    "altitude",
    "groundspeed",
    "heading",
    "transponder",
    "qnh_i_hg",
    "qnh_mb",
    "due",
]

# A flight's row shows its newest snapshot.
_PLACE_FLIGHTS = """
UPDATE flights f SET
    last_seen = s.time,
    latitude = s.latitude, longitude = s.longitude, altitude = s.altitude,
    groundspeed = s.groundspeed, heading = s.heading, transponder = s.transponder,
    qnh_i_hg = s.qnh_i_hg, qnh_mb = s.qnh_mb,
    absences = CASE WHEN f.last_seen < %(after)s
        THEN f.absences + tstzmultirange(tstzrange(f.last_seen, s.time, '()'))
        ELSE f.absences END
FROM stage_places s
WHERE f.flight_id = s.flight_id AND f.last_seen <= s.time
"""

_PLACE_FLIGHTS_LATE = """
UPDATE flights f SET
    first_seen = least(f.first_seen, s.time),
    absences = CASE WHEN s.time < f.first_seen
        THEN f.absences + tstzmultirange(tstzrange(s.time, f.first_seen, '()'))
        ELSE f.absences - tstzmultirange(tstzrange(s.time, s.time, '[]')) END
FROM stage_places s
WHERE f.flight_id = s.flight_id AND f.last_seen > s.time
"""

_ABSENT_FLIGHTS_LATE = """
UPDATE flights f SET absences = f.absences
    + tstzmultirange(
        tstzrange(greatest(f.first_seen, %(after)s), least(f.last_seen, %(next)s), '()'))
WHERE f.first_seen < %(time)s AND f.last_seen > %(time)s
  AND NOT EXISTS (SELECT FROM stage_places s WHERE s.flight_id = f.flight_id)
"""


def write_flights(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the flights of a snapshot, and the positions worth a row."""
    stage(cur, "stage_flights", "LIKE flights")
    copy_rows(
        cur,
        "stage_flights",
        _FLIGHT_COLUMNS,
        [_flight_row(f) for f in (*changes.flights.created, *changes.flights.updated)],
    )
    # A flight that counted as ended is back under the same id: it continues.
    cur.execute(
        f"""INSERT INTO flights ({", ".join(_FLIGHT_COLUMNS)})
            SELECT {", ".join(_FLIGHT_COLUMNS)} FROM stage_flights
            ON CONFLICT (flight_id) DO UPDATE SET
                connection_logon = excluded.connection_logon,
                reconnects = greatest(flights.reconnects, excluded.reconnects),
                flown = flights.flown OR excluded.flown,
                name = excluded.name, server = excluded.server,
                pilot_rating = excluded.pilot_rating, military_rating = excluded.military_rating,
                ended_as = NULL
            WHERE flights.last_seen <= excluded.last_seen"""
    )
    stage(
        cur,
        "stage_places",
        """flight_id bigint, time timestamptz, latitude double precision,
           longitude double precision, altitude integer, groundspeed integer, heading integer,
           transponder text, qnh_i_hg double precision, qnh_mb integer, due boolean""",
    )
    due = {flight.flight_id for flight in changes.flights.positions}
    copy_text(cur, "stage_places", _PLACE_COLUMNS, _place_lines(changes, due))
    times = {"time": changes.time, "after": changes.derived_from, "next": following}
    cur.execute(_PLACE_FLIGHTS, times)
    if following is not None:
        cur.execute(_PLACE_FLIGHTS_LATE, times)
        cur.execute(_ABSENT_FLIGHTS_LATE, times)
    cur.execute(
        """INSERT INTO positions
               (flight_id, time, latitude, longitude, altitude, groundspeed, heading)
           SELECT flight_id, time, latitude, longitude, altitude, groundspeed, heading
           FROM stage_places WHERE due ON CONFLICT DO NOTHING"""
    )
    ended = {"completed": [], "cancelled": []}  # type: dict[str, list[int]]
    for flight in changes.flights.ended:
        ended["completed" if flight.flown else "cancelled"].append(flight.flight_id)
    for how, ids in ended.items():
        if ids:
            cur.execute(
                "UPDATE flights SET ended_as = %s WHERE flight_id = ANY(%s) AND last_seen < %s",
                (how, ids, changes.time),
            )


def _flight_row(flight: Flight) -> tuple[object, ...]:
    pilot = flight.pilot
    return (
        flight.flight_id,
        pilot.cid,
        pilot.callsign,
        flight.logon_time,
        flight.connection_logon,
        flight.reconnects,
        flight.first_seen,
        flight.last_seen,
        "{}",
        flight.flown,
        pilot.name,
        pilot.server,
        pilot.pilot_rating,
        pilot.military_rating,
        pilot.latitude,
        pilot.longitude,
        pilot.altitude,
        pilot.groundspeed,
        pilot.heading,
        pilot.transponder,
        pilot.qnh_i_hg,
        pilot.qnh_mb,
    )


def _place_lines(changes: Changes, due: set[int]) -> str:
    """One line an online flight. Written out for speed: these are two thousand a snapshot."""
    time = changes.time.isoformat()
    lines = []
    for flight in changes.flights.online:
        p = flight.pilot
        lines.append(
            f"{flight.flight_id}\t{time}\t{p.latitude}\t{p.longitude}\t{_or_null(p.altitude)}\t"
            f"{_or_null(p.groundspeed)}\t{_or_null(p.heading)}\t{escape(p.transponder)}\t"
            f"{_or_null(p.qnh_i_hg)}\t{_or_null(p.qnh_mb)}\t"
            f"{'t' if flight.flight_id in due else 'f'}\n"
        )
    return "".join(lines)


def _or_null(number: float | None) -> float | str:
    return "\\N" if number is None else number
