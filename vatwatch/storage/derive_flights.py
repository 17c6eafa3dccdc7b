"""Derives flights again that snapshots have touched which came late (`flights.derive_again`).

When they are over for good, all flights of that pilot around them are derived together: two flights
may turn out to be one, or one to be two.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.storage.copy import copy_rows
from vatwatch.storage.derive_contacts import find_of_flights, pass_on_flights
from vatwatch.storage.multirange import multirange
from vatwatch.storage.snapshot_times import snapshot_before
from vatwatch.storage.spans import Ownership, pass_on
from vatwatch.storage.write_flights import (
    CONNECTION_COLUMNS,
    FLIGHT_COLUMNS,
    POSITION_COLUMNS,
    flight_row,
)
from vatwatch.storage.write_intervals import PLAN_COLUMNS, plan_row
from vatwatch.storage.write_sectors import STAYS, write_known, write_stays
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.derive_flights import (
    DerivedRows,
    PlaceUnknown,
    RowOfFlight,
    derive_flights,
)
from vatwatch.traffic.derive_track import KeptPlan
from vatwatch.traffic.network_state import FlightConnection, Gap, Rules
from vatwatch.traffic.position import Position
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = logging.getLogger(__name__)

# Flights that are farther apart than a window, and a snapshot or two, are never one.
_APART = timedelta(hours=1)

_PILOT_FIELDS = (
    *("cid", "callsign", "latitude", "longitude", "altitude", "groundspeed", "heading", "name"),
    *("server", "pilot_rating", "military_rating", "transponder", "qnh_i_hg", "qnh_mb"),
)
_ROWS = f"""
SELECT flight_id, first_seen, last_seen, rules, ended_as, shown, connection_logon,
       ARRAY(SELECT lower(a) FROM unnest(absences) a),
       ARRAY(SELECT upper(a) FROM unnest(absences) a), {", ".join(_PILOT_FIELDS)}
FROM flights WHERE cid = %s AND last_seen >= %s AND first_seen <= %s ORDER BY first_seen
"""
_PLAN_FIELDS = FlightPlan.__struct_fields__
_WRITTEN = (*FLIGHT_COLUMNS, "ended_as", "shown", "derive_again")
_WRITE = f"""
INSERT INTO flights ({", ".join(_WRITTEN)}) VALUES ({", ".join(["%s"] * len(_WRITTEN))})
ON CONFLICT (flight_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in _WRITTEN[1:])}
"""


def derive_together(cur: cursor, flight_id: int, newest: datetime, rules: Rules) -> bool | None:
    """Derive a marked flight with all that it may be one with.

    Returns:
        True if that is done; False if not all of them are over for good yet; None if it cannot be
        decided again which of their connections are one flight
    """
    found = _rows(cur, flight_id, rules)
    if found is None:
        return None
    rows, shown, open_until = found
    if open_until >= newest:
        return False
    cur.execute(
        """SELECT update_timestamp FROM snapshots WHERE update_timestamp BETWEEN %s AND
               coalesce((SELECT min(update_timestamp) FROM snapshots WHERE update_timestamp > %s),
                        'infinity')
           ORDER BY update_timestamp""",
        (rows[0].first_seen, max(row.last_seen for row in rows) + rules.reconnect_window),
    )
    snapshots = [time.astimezone(UTC) for (time,) in cur]
    if not snapshots or snapshots[0] != rows[0].first_seen:
        return None  # they were deleted, as they are old
    before = snapshot_before(cur, snapshots[0])
    try:
        derived = derive_flights(rows, snapshots, rules, before=before)
    except PlaceUnknown:
        return None
    except (
        Exception
    ):  # a bug of a rule costs these flights what is new of them, and nobody else anything
        log.exception("Flight %s cannot be derived again with others", flight_id)
        return None
    _write(cur, rows, derived, shown, rules)
    return True


def _rows(
    cur: cursor, flight_id: int, rules: Rules
) -> tuple[list[RowOfFlight], dict[int, bool], datetime] | None:
    """The flight and its neighbours, whether the filters let each through at its end, and until
    when one of them could go on. None: of some nothing is known by the present rules."""
    cur.execute("SELECT cid, first_seen, last_seen FROM flights WHERE flight_id = %s", (flight_id,))
    row = cur.fetchone()
    assert row is not None
    cid, first, last = row
    low, high = first - rules.resume_window, last + rules.resume_window
    while True:
        cur.execute(_ROWS, (cid, low, high))
        found = cur.fetchall()
        apart = rules.reconnect_window + _APART
        reach = (
            min(low, min(one[1] for one in found) - apart),
            max(high, max(one[2] for one in found) + apart),
        )
        if reach == (low, high):
            break
        low, high = reach
    if any(one[3] != RULES_VERSION for one in found):
        return None
    open_until = max(
        one[2] + (rules.resume_window if one[4] in (None, "dropped") else rules.reconnect_window)
        for one in found
    )
    shown = {one[0]: one[5] for one in found}
    return [_row(cur, one) for one in found], shown, open_until.astimezone(UTC)


def _row(cur: cursor, row: tuple[Any, ...]) -> RowOfFlight:
    flight_id, first_seen, last_seen, _, _, _, logon, starts, ends, *values = row
    cur.execute(
        """SELECT callsign, logon_time, first_seen, last_seen FROM connections
           WHERE flight_id = %s ORDER BY first_seen""",
        (flight_id,),
    )
    connections = tuple(
        FlightConnection(
            callsign,
            logon_time.astimezone(UTC),
            since.astimezone(UTC),
            None if left is None else left.astimezone(UTC),
        )
        for callsign, logon_time, since, left in cur
    )
    cur.execute(
        f"""SELECT first_seen, gone_at, {", ".join(_PLAN_FIELDS)} FROM flight_plans
            WHERE flight_id = %s ORDER BY first_seen""",
        (flight_id,),
    )
    plans = tuple(
        KeptPlan(
            since.astimezone(UTC),
            None if until is None else until.astimezone(UTC),
            FlightPlan(*plan),
        )
        for since, until, *plan in cur
    )
    cur.execute(
        f"""SELECT {", ".join(POSITION_COLUMNS[1:])} FROM positions
            WHERE flight_id = %s AND time BETWEEN %s AND %s ORDER BY time""",
        (flight_id, first_seen, last_seen),
    )
    track = tuple(Position(time.astimezone(UTC), *place) for time, *place in cur)
    return RowOfFlight(
        flight_id,
        Pilot(**dict(zip(_PILOT_FIELDS, values, strict=True))),
        logon.astimezone(UTC),
        first_seen.astimezone(UTC),
        last_seen.astimezone(UTC),
        tuple(
            Gap(start.astimezone(UTC), end.astimezone(UTC))
            for start, end in zip(starts, ends, strict=True)
        ),
        connections,
        plans,
        track,
    )


def _write(
    cur: cursor,
    rows: Sequence[RowOfFlight],
    derived: Sequence[DerivedRows],
    shown: dict[int, bool],
    rules: Rules,
) -> None:
    before, areas = [row.flight_id for row in rows], rules.areas
    first, last = rows[0].first_seen, max(row.last_seen for row in rows)
    cur.execute(
        "DELETE FROM positions WHERE flight_id = ANY(%s) AND time BETWEEN %s AND %s",
        (before, first, last),
    )
    for table in ("flight_plans", "connections"):
        cur.execute(f"DELETE FROM {table} WHERE flight_id = ANY(%s)", (before,))
    for one in derived:
        latest = max(
            (row for row in rows if row.shows(one.flight.last_seen)), key=lambda row: row.last_seen
        )
        _write_flight(cur, one, latest, shown=shown[latest.flight_id])
        cur.execute(
            """UPDATE transceivers SET flight_id = %(now)s
               WHERE flight_id = ANY(%(before)s) AND flight_id <> %(now)s
                 AND first_seen BETWEEN %(first)s AND %(last)s""",
            {
                "now": one.flight.flight_id,
                "before": before,
                "first": one.first_seen,
                "last": one.flight.last_seen,
            },
        )
    owned = [
        Ownership(one.flight.flight_id, one.first_seen, one.flight.last_seen) for one in derived
    ]
    pass_on_flights(cur, before, owned)
    if areas.volumes:
        _write_stays(cur, before, derived, areas)
    else:  # nobody knows where anybody was, but for the rows
        pass_on(cur, STAYS, "flight_id", before, owned)
    cur.execute(
        "DELETE FROM flights WHERE flight_id = ANY(%s) AND flight_id <> ALL(%s)",
        (before, [one.flight.flight_id for one in derived]),
    )
    were = [Ownership(row.flight_id, row.first_seen, row.last_seen) for row in rows]
    find_of_flights(cur, were, owned, rules)


def _write_stays(
    cur: cursor, before: list[int], derived: Sequence[DerivedRows], areas: KnownAreas
) -> None:
    cur.execute("DELETE FROM sector_occupancy WHERE flight_id = ANY(%s)", (before,))
    stays = [told for one in derived for told in one.stays]
    for stay, _, _ in stays:
        write_known(cur, [areas.sector_map.by_name[stay.kind, stay.sector]], stay.since)
    write_stays(cur, stays)


def _write_flight(cur: cursor, one: DerivedRows, latest: RowOfFlight, *, shown: bool) -> None:
    """The rows of a flight; what no rule says is as the `latest` row has it."""
    flight, flight_id = one.flight, one.flight.flight_id
    pilot, logon = flight.pilot, flight.connection_logon
    if flight.last_seen == latest.last_seen:
        pilot, logon = replace(latest.pilot, callsign=pilot.callsign), latest.connection_logon
    flight = replace(
        flight,
        pilot=pilot,
        first_seen=one.first_seen,
        logon_time=one.logon_time,
        connection_logon=logon,
    )
    values = dict(zip(FLIGHT_COLUMNS, flight_row(flight), strict=True))
    values |= {
        "reconnects": one.reconnects,
        "flown": one.flown,
        "absences": multirange(one.absences),
        "ended_as": None if one.ended_as is None else one.ended_as.value,
        "shown": shown,
        "derive_again": False,
    }
    cur.execute(_WRITE, [values[name] for name in _WRITTEN])
    copy_rows(
        cur,
        "connections",
        CONNECTION_COLUMNS,
        [
            (flight_id, pilot.cid, c.callsign, c.logon_time, c.first_seen, c.last_seen)
            for c in one.connections.values()
        ],
    )
    copy_rows(
        cur,
        "flight_plans",
        PLAN_COLUMNS,
        [plan_row(each.filed, each.gone_at) for each in one.plans],
    )
    copy_rows(
        cur,
        "positions",
        POSITION_COLUMNS,
        [
            (flight_id, p.time, p.latitude, p.longitude, p.altitude, p.groundspeed, p.heading)
            for p in one.positions
        ],
    )
