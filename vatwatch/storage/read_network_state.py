"""Reads the network state after a stored snapshot back from the database.

`read_network_state(conn, rules, T)` returns the state as of snapshot T if it is stored, or else of
the newest one before it, with everything that a snapshot of time T may continue. Without T it is
the state of the newest snapshot. Fields that no table keeps (`last_updated`) get the snapshot's own
time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan, General
from vatwatch.feed.times import time_text
from vatwatch.storage.contact_table import read_contacts
from vatwatch.storage.outside_filters import with_outside
from vatwatch.storage.read_flights import Presence, read_flights
from vatwatch.storage.read_recent_movements import read_recent_movements
from vatwatch.storage.read_stations import read_atis, read_sessions, read_stale_atis
from vatwatch.storage.write_sectors import read_stays
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.atis import STALE_HOURS
from vatwatch.traffic.identity import LOGON_TOLERANCE
from vatwatch.traffic.network_state import (
    FiledPlan,
    FlownFlight,
    NetworkState,
    Radio,
    RadioState,
    Rules,
    Session,
)
from vatwatch.traffic.parsed_plan import parse_plan
from vatwatch.traffic.prefiles import FLOWN_HOURS, Flown, in_order, route_of
from vatwatch.traffic.station_place import station_place

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

log = logging.getLogger(__name__)

_PLAN_FIELDS = FlightPlan.__struct_fields__

_LASTING = "first_seen <= %(at)s AND (gone_at IS NULL OR gone_at > %(at)s)"
_PREFILES = f"""
SELECT plan_id, cid, callsign, filed_at, first_seen, {", ".join(_PLAN_FIELDS)}
FROM flight_plans WHERE flight_id IS NULL AND {_LASTING} ORDER BY callsign
"""
# Those that have ended as of that time: for an earlier time, those that were away for longer. No
# flight lasts for a week, and first_seen has the index. What has only hopped was in the air, and is
# cancelled all the same.
_FLOWN = """
SELECT f.cid, f.callsign, f.flight_id, p.departure, p.arrival, f.last_seen
FROM flights f
LEFT JOIN LATERAL (
    SELECT * FROM flight_plans p WHERE p.flight_id = f.flight_id
       AND p.first_seen <= f.last_seen AND (p.gone_at IS NULL OR p.gone_at > f.last_seen)
    ORDER BY p.first_seen DESC LIMIT 1) p ON true
WHERE f.flown AND f.ended_as IS DISTINCT FROM 'cancelled' AND {which}
   AND f.last_seen BETWEEN %(flown_since)s AND %(at)s
   AND f.first_seen > %(flown_since)s - interval '7 days'
"""
_RADIOS = f"""
SELECT state_id, callsign, flight_id, session_id, first_seen, radio_id, frequency_hz, latitude,
       longitude, height_msl_m, height_agl_m
FROM transceivers WHERE {_LASTING} ORDER BY callsign, radio_id, frequency_hz
"""


def read_network_state(
    conn: connection, rules: Rules, time: datetime | None = None
) -> tuple[NetworkState, bool]:
    """The state, and whether the snapshot of `time` is stored. An empty state if there is no
    snapshot."""
    with conn.cursor() as cur:
        cur.execute(
            """SELECT update_timestamp, connected_clients, unique_users,
                      EXISTS (SELECT FROM snapshots l WHERE l.update_timestamp > s.update_timestamp)
               FROM snapshots s WHERE update_timestamp <= coalesce(%s::timestamptz, 'infinity')
               ORDER BY update_timestamp DESC LIMIT 1""",
            (time,),
        )
        row = cur.fetchone()
        if row is None:
            return NetworkState(), False
        at, connected_clients, unique_users, late = row
        at = at.astimezone(UTC)
        values = {
            "at": at,
            "since": at - rules.reconnect_window,
            "sessions_since": at - rules.session_window,
            "logon_until": (time or at) + LOGON_TOLERANCE,
            "stale_since": at - timedelta(hours=STALE_HOURS),
            "flown_since": at - timedelta(hours=FLOWN_HOURS),
            "written_since": at - 2 * rules.position_keepalive,
            "resume_since": at - rules.resume_window,
            "late": late,
        }
        flights = list(read_flights(cur, values))
        radios = _radios(cur, values)
        sessions = [
            (online, _placed(session, radios))
            for online, session in read_sessions(cur, values, late=late)
        ]
        state = NetworkState(
            time=at,
            general=General(
                time_text(at), connected_clients=connected_clients, unique_users=unique_users
            ),
            flights={f.pilot.callsign: f for place, f in flights if place is Presence.ONLINE},
            disconnected_flights={
                (f.pilot.cid, f.pilot.callsign): f for place, f in flights if place is Presence.AWAY
            },
            dropped_flights={f.flight_id: f for place, f in flights if place is Presence.DROPPED},
            sessions={s.controller.callsign: s for online, s in sessions if online},
            disconnected_sessions={
                (s.controller.cid, s.controller.callsign): s for online, s in sessions if not online
            },
            atis={version.atis.callsign: version for version in read_atis(cur, values)},
            stale_atis={v.atis.callsign: v for v in read_stale_atis(cur, values)},
            prefiles={(p.cid, p.callsign, p.filed_at): p for p in _prefiles(cur, values)},
            flown=_flown(cur, values, late=late),
            radios=radios,
            contacts=read_contacts(cur, values, late=late),
            stays={stay.key: stay for stay in read_stays(cur, at, late=late)},
            recent_movements=()
            if late
            else read_recent_movements(cur, at, [flight for _, flight in flights]),
        )
        return state if late else with_outside(cur, state), at == time


def _prefiles(cur: cursor, values: dict[str, Any]) -> Iterator[FiledPlan]:
    cur.execute(_PREFILES, values)
    for plan_id, cid, callsign, filed_at, first_seen, *texts in cur:
        plan = FlightPlan(*texts)
        yield FiledPlan(
            plan_id=plan_id,
            flight_id=None,
            cid=cid,
            callsign=callsign,
            plan=plan,
            parsed=parse_plan(plan, load_airports()),
            first_seen=first_seen.astimezone(UTC),
            filed_at=filed_at.astimezone(UTC),
            last_updated=time_text(filed_at),
            name=str(cid),
        )


def _flown(cur: cursor, values: dict[str, Any], *, late: bool) -> Flown:
    which = "f.last_seen < %(since)s" if late else "f.ended_as IS NOT NULL"
    cur.execute(_FLOWN.replace("{which}", which), values)
    flown: dict[tuple[int, str], list[FlownFlight]] = {}
    for cid, callsign, flight_id, departure, arrival, last_seen in cur:
        route = route_of(FlightPlan(departure=departure or "", arrival=arrival or ""))
        flown.setdefault((cid, callsign), []).append(
            FlownFlight(flight_id, route.departure, route.arrival, last_seen.astimezone(UTC))
        )
    return {who: in_order(ended) for who, ended in flown.items()}


def _placed(session: Session, radios: dict[str, tuple[RadioState, ...]]) -> Session:
    """The session where its radios were then: its row has where it was when it was last seen."""
    if not session.seen_in_later_snapshot:
        return session
    callsign = session.controller.callsign
    own = [r.radio for r in radios.get(callsign, ()) if r.session_id == session.session_id]
    return replace(session, place=station_place(callsign, own))


def _radios(cur: cursor, values: dict[str, Any]) -> dict[str, tuple[RadioState, ...]]:
    cur.execute(_RADIOS, values)
    states: dict[str, list[RadioState]] = {}
    for state_id, callsign, flight_id, session_id, first_seen, *said in cur:
        radio = Radio(*said)
        states.setdefault(callsign, []).append(
            RadioState(
                state_id,
                callsign,
                radio,
                radio,
                first_seen.astimezone(UTC),
                flight_id,
                session_id,
            )
        )
    return {callsign: tuple(found) for callsign, found in states.items()}
