"""Gives back, from the database, the flights that were known after a stored snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.feed.times import time_text
from vatwatch.storage.read_progress import Remembered, decode_progress, read_progress
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.network_state import Flight, FlightConnection, Gap
from vatwatch.traffic.parsed_plan import parse_plan
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import begin
from vatwatch.traffic.progress_record import Progress

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_PLAN_FIELDS = FlightPlan.__struct_fields__

# Open rows are in a small partial index; for an earlier time, all rows of that time are searched.
_FLIGHTS = """
SELECT f.flight_id, f.cid, f.callsign, f.logon_time, f.connection_logon, f.first_seen,
       f.last_seen, f.name, f.server, f.pilot_rating, f.military_rating, f.latitude,
       f.longitude, f.altitude, f.groundspeed, f.heading, f.transponder, f.qnh_i_hg, f.qnh_mb,
       f.last_seen > %(at)s,
       f.first_seen <= %(at)s AND f.last_seen >= %(at)s AND NOT f.absences @> %(at)s AS online,
       NOT %(late)s AND f.ended_as IS NOT NULL AS dropped, f.progress,
       ARRAY(SELECT lower(r) FROM unnest(f.absences) r WHERE upper(r) <= %(at)s),
       ARRAY(SELECT upper(r) FROM unnest(f.absences) r WHERE upper(r) <= %(at)s),
       f.shown, p.plan_id, {plan},
       w.time, w.latitude, w.longitude, w.altitude, w.groundspeed, w.heading
FROM flights f
LEFT JOIN LATERAL (
    SELECT * FROM flight_plans p WHERE p.flight_id = f.flight_id
       AND p.first_seen <= %(at)s
       AND (p.gone_at IS NULL OR p.gone_at > CASE WHEN %(late)s THEN %(at)s ELSE f.last_seen END)
    ORDER BY p.first_seen DESC LIMIT 1) p ON true
LEFT JOIN LATERAL (
    SELECT * FROM positions w WHERE w.flight_id = f.flight_id
       AND w.time <= %(at)s AND w.time > %(written_since)s
    ORDER BY w.time DESC LIMIT 1) w ON true
WHERE {which}
ORDER BY f.callsign
""".replace("{plan}", ", ".join(f"p.{field}" for field in _PLAN_FIELDS))


class Presence(Enum):
    """Where in the state a flight belongs."""

    ONLINE = "online"
    AWAY = "away"
    DROPPED = "dropped"


def read_flights(cur: cursor, values: dict[str, Any]) -> Iterator[tuple[Presence, Flight]]:
    """The flights that were online, away, or can be resumed after the snapshot of `at`.

    Args:
        cur: of the database
        values: `at`, `since`, `logon_until`, `written_since`, `resume_since` (times), and `late`:
            whether there are later snapshots
    """
    which = (
        "f.last_seen >= %(since)s AND f.logon_time <= %(logon_until)s"
        if values["late"]
        else "f.ended_as IS NULL OR f.ended_as = 'dropped' AND f.last_seen >= %(resume_since)s"
        # What the index has; nobody flies for so long.
        " AND f.first_seen >= %(resume_since)s::timestamptz - interval '30 days'"
    )
    cur.execute(_FLIGHTS.replace("{which}", which), values)
    rows = cur.fetchall()
    connections = _connections(cur, [row[0] for row in rows], values["at"])
    found: list[tuple[Presence, Flight]] = []
    for row in rows:
        online, dropped = row[20:22]
        place = Presence.DROPPED if dropped else Presence.ONLINE if online else Presence.AWAY
        found.append((place, _flight(row, connections, values["at"], place)))
    progress = read_progress(cur, [_remembered(flight) for _, flight in found])
    for place, flight in found:
        yield place, replace(flight, progress=progress[flight.flight_id])


def _flight(
    row: tuple[Any, ...],
    connections: dict[int, tuple[FlightConnection, ...]],
    at: datetime,
    place: Presence,
) -> Flight:
    (flight_id, cid, callsign, logon_time, connection_logon, first_seen, last_seen) = row[:7]
    (name, server, pilot_rating, military_rating) = row[7:11]
    (latitude, longitude, altitude, groundspeed, heading, transponder) = row[11:17]
    (qnh_i_hg, qnh_mb, later) = row[17:20]
    (progress, gaps_from, gaps_to, shown, plan_id) = row[22:27]
    plan = None if plan_id is None else FlightPlan(*row[27 : 27 + len(_PLAN_FIELDS)])
    written = row[27 + len(_PLAN_FIELDS) :]
    seen = min(last_seen, at).astimezone(UTC)
    # The row has the callsign of now, which may be another one than then.
    joined = connections.get(flight_id) or (
        FlightConnection(callsign, connection_logon.astimezone(UTC), first_seen.astimezone(UTC)),
    )
    callsign = joined[-1].callsign
    pilot = Pilot(
        cid=cid,
        callsign=callsign,
        latitude=latitude,
        longitude=longitude,
        altitude=altitude,
        groundspeed=groundspeed,
        heading=heading,
        logon_time=time_text(connection_logon),
        last_updated=time_text(seen),
        name=name,
        server=server,
        pilot_rating=pilot_rating,
        military_rating=military_rating,
        transponder=transponder,
        qnh_i_hg=qnh_i_hg,
        qnh_mb=qnh_mb,
        flight_plan=plan,
    )
    dropped = place is Presence.DROPPED
    remembered = decode_progress(progress)
    return Flight(
        flight_id=flight_id,
        pilot=pilot,
        logon_time=logon_time.astimezone(UTC),
        connection_logon=connection_logon.astimezone(UTC),
        first_seen=first_seen.astimezone(UTC),
        last_seen=seen,
        progress=remembered or _begun(pilot, seen),
        connections=joined,
        gaps=tuple(
            Gap(start.astimezone(UTC), end.astimezone(UTC))
            for start, end in zip(gaps_from, gaps_to, strict=True)
        ),
        # Whose flight was dropped gets a row when it is resumed, and a plan of its own.
        written=None
        if dropped or written[0] is None
        else Position(written[0].astimezone(UTC), *written[1:]),
        plan_id=None if dropped else plan_id,
        parsed_plan=None if plan is None else parse_plan(plan, load_airports()),
        seen_in_later_snapshot=later,
        shown=shown,
        remembered=None if remembered is None else remembered.fix.time,
    )


def _begun(pilot: Pilot, seen: datetime) -> Progress:
    """Of a row of before there were rules, or by other ones: they begin with what it says."""
    place = Position(
        seen, pilot.latitude, pilot.longitude, pilot.altitude, pilot.groundspeed, pilot.heading
    )
    return begin(place, pilot.flight_plan)


def _remembered(flight: Flight) -> Remembered:
    # Of a flight that is known from later snapshots nothing is derived: it has done that long ago.
    until = flight.progress.fix.time if flight.seen_in_later_snapshot else flight.last_seen
    return Remembered(
        flight.flight_id, flight.progress, until, flight.gaps, flight.pilot.flight_plan
    )


def _connections(
    cur: cursor, flight_ids: list[int], at: datetime
) -> dict[int, tuple[FlightConnection, ...]]:
    cur.execute(
        """SELECT flight_id, callsign, logon_time, first_seen, last_seen FROM connections
           WHERE flight_id = ANY(%s) AND first_seen <= %s ORDER BY flight_id, first_seen""",
        (flight_ids, at),
    )
    found: dict[int, list[FlightConnection]] = {}
    for flight_id, callsign, logon_time, first_seen, last_seen in cur:
        found.setdefault(flight_id, []).append(
            FlightConnection(
                callsign,
                logon_time.astimezone(UTC),
                first_seen.astimezone(UTC),
                None if last_seen is None else last_seen.astimezone(UTC),
            )
        )
    # The last one is the present one, also while nothing is seen of it.
    return {
        flight_id: (*joined[:-1], replace(joined[-1], last_seen=None))
        for flight_id, joined in found.items()
    }
