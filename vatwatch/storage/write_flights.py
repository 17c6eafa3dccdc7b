"""Writes the rows of flights and positions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vatwatch.errors import OutOfSequence
from vatwatch.storage.copy import copy_json, copy_rows, stage, to_json
from vatwatch.storage.multirange import multirange
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.continuity import Ending, ending_of
from vatwatch.traffic.derive_track import DerivedFlight
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.identity import LOGON_TOLERANCE, same_logon
from vatwatch.traffic.network_state import Flight, Gap
from vatwatch.traffic.parsed_plan import ParsedPlan, parse_plan
from vatwatch.traffic.progress import seconds_in_phases
from vatwatch.traffic.progress_record import Progress
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_encoder = msgspec.msgpack.Encoder()

POSITION_COLUMNS = (
    *("flight_id", "time", "latitude", "longitude", "altitude", "groundspeed", "heading"),
)
CONNECTION_COLUMNS = ("flight_id", "cid", "callsign", "logon_time", "first_seen", "last_seen")
# What changes now and then; what changes all the time stands in _PLACE_COLUMNS.
DERIVED_COLUMNS = (
    "phase",
    "found_departure",
    "found_arrival",
    "off_block",
    "take_off",
    "landing",
    "on_block",
    "movements",
    "diverted",
    "joined_in_flight",
    "rules",
)
MEASURED_COLUMNS = ("distance_flown_nm", "vertical_speed_fpm", "highest_ft", "fastest_kt")
ESTIMATED_COLUMNS = ("great_circle_nm", "route_efficiency", "phase_s")
KEPT_COLUMNS = (*DERIVED_COLUMNS, *MEASURED_COLUMNS, *ESTIMATED_COLUMNS, "progress")
FLIGHT_COLUMNS = [
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
    *KEPT_COLUMNS,
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
    "shown",
    *MEASURED_COLUMNS,
]

# A flight's row shows its newest snapshot.
_PLACE_FLIGHTS = """
UPDATE flights f SET
    last_seen = s.time, shown = s.shown,
    latitude = s.latitude, longitude = s.longitude, altitude = s.altitude,
    groundspeed = s.groundspeed, heading = s.heading, transponder = s.transponder,
    qnh_i_hg = s.qnh_i_hg, qnh_mb = s.qnh_mb,
    distance_flown_nm = s.distance_flown_nm, vertical_speed_fpm = s.vertical_speed_fpm,
    highest_ft = s.highest_ft, fastest_kt = s.fastest_kt,
    absences = CASE WHEN f.last_seen < %(after)s
        THEN f.absences + tstzmultirange(tstzrange(f.last_seen, s.time, '()'))
        ELSE f.absences END
FROM stage_places s
WHERE f.flight_id = s.flight_id AND f.last_seen <= s.time
"""

_PLACE_FLIGHTS_LATE = """
UPDATE flights f SET
    derive_again = true,
    first_seen = least(f.first_seen, s.time),
    absences = CASE WHEN s.time < f.first_seen
        THEN f.absences + tstzmultirange(tstzrange(s.time, f.first_seen, '()'))
        ELSE f.absences - tstzmultirange(tstzrange(s.time, s.time, '[]')) END
FROM stage_places s
WHERE f.flight_id = s.flight_id
"""

_ABSENT_FLIGHTS_LATE = """
UPDATE flights f SET derive_again = true, absences = f.absences
    + tstzmultirange(
        tstzrange(greatest(f.first_seen, %(after)s), least(f.last_seen, %(next)s), '()'))
WHERE f.first_seen < %(time)s AND f.last_seen > %(time)s
  AND NOT EXISTS (SELECT FROM stage_places s WHERE s.flight_id = f.flight_id)
"""


def write_flights(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the flights of a snapshot, and the positions worth a row."""
    stage(cur, "stage_flights", "LIKE flights INCLUDING DEFAULTS")
    copy_rows(
        cur,
        "stage_flights",
        FLIGHT_COLUMNS,
        [
            flight_row(flight)
            for flight in (
                *changes.flights.created,
                *changes.flights.updated,
                *changes.flights.remembered,
                *changes.flights.ended,
            )
        ],
    )
    # A flight that counted as ended is back under the same id: it continues.
    cur.execute(
        f"""INSERT INTO flights ({", ".join(FLIGHT_COLUMNS)})
            SELECT {", ".join(FLIGHT_COLUMNS)} FROM stage_flights
            ON CONFLICT (flight_id) DO UPDATE SET
                connection_logon = excluded.connection_logon,
                reconnects = greatest(flights.reconnects, excluded.reconnects),
                flown = flights.flown OR excluded.flown,
                name = excluded.name, server = excluded.server,
                pilot_rating = excluded.pilot_rating, military_rating = excluded.military_rating,
                callsign = excluded.callsign,
                {", ".join(f"{name} = excluded.{name}" for name in KEPT_COLUMNS)},
                ended_as = NULL
            WHERE flights.last_seen <= excluded.last_seen"""
    )
    stage(
        cur,
        "stage_places",
        """flight_id bigint, time timestamptz, latitude double precision,
           longitude double precision, altitude integer, groundspeed integer, heading integer,
           transponder text, qnh_i_hg double precision, qnh_mb integer, due boolean, shown boolean,
           distance_flown_nm double precision, vertical_speed_fpm integer, highest_ft integer,
           fastest_kt integer""",
    )
    copy_json(cur, "stage_places", _PLACE_COLUMNS, _place_rows(changes))
    times = {"time": changes.time, "after": changes.derived_from, "next": following}
    cur.execute(_PLACE_FLIGHTS, times)
    if following is not None:
        cur.execute(_PLACE_FLIGHTS_LATE, times)
        if cur.rowcount < len(changes.flights.online):
            raise OutOfSequence(
                f"flights that were known before snapshot {changes.time} were joined to others "
                "meanwhile. They are read again, and nothing is lost"
            )
        cur.execute(_ABSENT_FLIGHTS_LATE, times)
    cur.execute(
        """INSERT INTO positions
               (flight_id, time, latitude, longitude, altitude, groundspeed, heading)
           SELECT flight_id, time, latitude, longitude, altitude, groundspeed, heading
           FROM stage_places WHERE due ON CONFLICT DO NOTHING"""
    )
    for how in Ending:
        ids = [f.flight_id for f in changes.flights.ended if ending_of(f) is how]
        if ids:
            cur.execute(
                "UPDATE flights SET ended_as = %s WHERE flight_id = ANY(%s) AND last_seen < %s",
                (how.value, ids, changes.time),
            )
    _write_connections(cur, changes)
    if following is not None:
        _begin_connections_earlier(cur, changes)


def flight_row(flight: Flight) -> tuple[object, ...]:
    """A flight's row, with `FLIGHT_COLUMNS`."""
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
        # None when it begins; one that comes inside the filters later may have been away before.
        multirange(flight.gaps),
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
        *_kept(flight.progress, flight.parsed_plan, flight.gaps),
    )


def update_derived(cur: cursor, flight_id: int, derived: DerivedFlight | None) -> None:
    """Write what was derived again of a flight that is over; None: only take the mark away."""
    values: tuple[object, ...] = ()
    if derived is not None:
        plan = None if derived.plan is None else parse_plan(derived.plan, load_airports())
        values = _kept(derived.progress, plan, derived.gaps)
    changed = "".join(f", {name} = %s" for name in KEPT_COLUMNS[: len(values)])
    cur.execute(
        f"UPDATE flights SET derive_again = false{changed} WHERE flight_id = %s",
        (*values, flight_id),
    )


def _kept(progress: Progress, plan: ParsedPlan | None, gaps: Sequence[Gap]) -> tuple[object, ...]:
    """The values of KEPT_COLUMNS."""
    times = progress.times
    estimated = estimates(progress, plan, gaps)
    return (
        progress.phase.value,
        progress.found_departure,
        progress.found_arrival,
        times.off_block,
        times.take_off,
        times.landing,
        times.on_block,
        to_json(progress.movements),
        progress.diverted,
        progress.joined_in_flight,
        RULES_VERSION,
        progress.distance_flown_nm,
        progress.vertical_speed_fpm,
        progress.highest_ft,
        progress.fastest_kt,
        estimated.great_circle_nm,
        estimated.route_efficiency,
        to_json(seconds_in_phases(progress)),
        f"\\x{_encoder.encode(progress).hex()}",
    )


def _write_connections(cur: cursor, changes: Changes) -> None:
    """Connections that began, ended, or go on after they were taken for ended."""
    flights = changes.flights
    returned = {flight.flight_id for flight in flights.returned}
    again = [flight for flight in flights.online if flight.flight_id in returned]
    joined = [
        (flight.flight_id, flight.pilot.cid, one.callsign, one.logon_time, one.first_seen, left)
        for flight, left_at in (
            *((flight, None) for flight in (*flights.created, *flights.reconnected, *again)),
            *((flight, flight.last_seen) for flight in (*flights.gone, *flights.ended)),
        )
        for one in flight.connections
        for left in (one.last_seen or left_at,)
    ]
    if joined:
        stage(cur, "stage_connections", "LIKE connections")
        copy_rows(cur, "stage_connections", CONNECTION_COLUMNS, joined)
        cur.execute(
            """INSERT INTO connections SELECT DISTINCT ON (flight_id, first_seen) *
               FROM stage_connections ORDER BY flight_id, first_seen, last_seen
               ON CONFLICT (flight_id, first_seen) DO UPDATE SET
                   callsign = excluded.callsign, logon_time = excluded.logon_time,
                   last_seen = excluded.last_seen"""
        )


def _begin_connections_earlier(cur: cursor, changes: Changes) -> None:
    """Connections that a late snapshot shows, and that were not known as of its time."""
    for flight in changes.flights.online:
        known, pilot, logon = flight.connections[-1], flight.pilot, flight.connection_logon
        same = known.callsign == pilot.callsign and same_logon(known.logon_time, logon)
        if same and known.first_seen <= changes.time:
            continue
        values = {
            "flight_id": flight.flight_id,
            "cid": pilot.cid,
            "callsign": pilot.callsign,
            "logon_time": logon,
            "time": changes.time,
            "tolerance": LOGON_TOLERANCE,
        }
        cur.execute(
            """WITH later AS (
                   DELETE FROM connections
                   WHERE flight_id = %(flight_id)s AND callsign = %(callsign)s
                     AND first_seen > %(time)s AND logon_time BETWEEN
                         %(logon_time)s - %(tolerance)s AND %(logon_time)s + %(tolerance)s
                   RETURNING last_seen)
               INSERT INTO connections
               SELECT %(flight_id)s, %(cid)s, %(callsign)s, %(logon_time)s, %(time)s,
                      CASE WHEN bool_or(last_seen IS NULL) THEN NULL
                           ELSE coalesce(max(last_seen), %(time)s) END
               FROM later ON CONFLICT DO NOTHING""",
            values,
        )


def _place_rows(changes: Changes) -> list[tuple[object, ...]]:
    """One row an online flight: the values of _PLACE_COLUMNS."""
    time = changes.time
    due = {flight.flight_id for flight in changes.flights.positions}
    return [
        (
            flight.flight_id,
            time,
            p.latitude,
            p.longitude,
            p.altitude,
            p.groundspeed,
            p.heading,
            p.transponder,
            p.qnh_i_hg,
            p.qnh_mb,
            flight.flight_id in due,
            flight.shown,
            done.distance_flown_nm,
            done.vertical_speed_fpm,
            done.highest_ft,
            done.fastest_kt,
        )
        for flight in changes.flights.online
        for p, done in ((flight.pilot, flight.progress),)
    ]
