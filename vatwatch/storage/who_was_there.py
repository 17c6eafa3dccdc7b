"""Who was online at stored snapshots, and where: as much as the rule of contacts asks for.

The values of the queries name the moments: `times` are the snapshots, `before` is the first and
`last` the last of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from vatwatch.feed.records import Controller, Pilot
from vatwatch.feed.times import time_text
from vatwatch.traffic.derive_session import LateSight, megahertz
from vatwatch.traffic.network_state import Flight, RadioState, Session, Tuned
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import begin
from vatwatch.traffic.station_place import station_place

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_PRESENT = """
ARRAY(SELECT time FROM unnest(%(times)s::timestamptz[]) time
      WHERE time BETWEEN first_seen AND last_seen AND NOT absences @> time)
"""
_SESSIONS = f"""
SELECT session_id, cid, callsign, facility, frequencies, {_PRESENT} FROM controllers
WHERE callsign = ANY(%(callsigns)s) AND first_seen <= %(last)s AND last_seen >= %(before)s
"""
_SIGHTS = """
SELECT session_id, sight FROM late_sights
WHERE time = ANY(%(times)s::timestamptz[]) AND session_id = ANY(%(sessions)s)
"""
_FLIGHTS = f"""
SELECT flight_id, cid, callsign, {_PRESENT} FROM flights
WHERE first_seen <= %(last)s AND last_seen >= %(before)s
  AND (%(flights)s::bigint[] IS NULL OR flight_id = ANY(%(flights)s::bigint[]))
"""
_CALLSIGNS = """
SELECT flight_id, first_seen, callsign FROM connections
WHERE flight_id = ANY(%(flights)s) AND first_seen <= %(last)s ORDER BY flight_id, first_seen
"""
_TRACKS = """
SELECT flight_id, time, latitude, longitude, altitude, groundspeed, heading FROM positions
WHERE flight_id = ANY(%(flights)s) AND time > %(since)s AND time <= %(last)s
ORDER BY flight_id, time
"""


class StationsAt:
    """Who controls at which of the snapshots."""

    def __init__(
        self, cur: cursor, values: dict[str, object], radios: dict[str, list[RadioState]]
    ) -> None:
        """Of the callsigns that have radios; each station is where these are."""
        values = {**values, "callsigns": list(radios)}
        cur.execute(_SESSIONS, values)
        self._at: dict[datetime, dict[str, Session]] = defaultdict(dict)
        frequencies: dict[int, tuple[Tuned, ...]] = {}
        for session_id, cid, callsign, facility, tuned, present in cur:
            frequencies[session_id] = msgspec.convert(tuned, tuple[Tuned, ...])
            place = station_place(callsign, [state.radio for state in radios[callsign]])
            for time in present:
                at = time.astimezone(UTC)
                hertz = [one.frequency_hz for one in frequencies[session_id] if one.since <= at]
                controller = Controller(
                    cid=cid,
                    callsign=callsign,
                    frequency=megahertz(hertz[-1] if hertz else None),
                    facility=facility,
                )
                self._at[at][callsign] = Session(
                    session_id, controller, at, at, at, at, place=place
                )
        cur.execute(_SIGHTS, {**values, "sessions": list(frequencies)})
        for session_id, sight in cur:
            late = msgspec.convert(sight, LateSight)
            session = self._at[late.time].get(late.controller.callsign)
            if session is not None and session.session_id == session_id:
                self._at[late.time][late.controller.callsign] = replace(
                    session, controller=late.controller
                )

    def at(self, time: datetime) -> dict[str, int]:
        """The sessions that a snapshot shows, by callsign."""
        return {callsign: one.session_id for callsign, one in self._at[time].items()}

    def sessions(self, time: datetime) -> dict[str, Session]:
        """The same with their records."""
        return self._at[time]


class PilotsAt:
    """Who flies at which of the snapshots."""

    def __init__(
        self, cur: cursor, values: dict[str, object], flights: Collection[int] | None
    ) -> None:
        """Of these flights only, or of all (None)."""
        wanted = None if flights is None else list(flights)
        cur.execute(_FLIGHTS, {**values, "flights": wanted})
        rows = cur.fetchall()
        cur.execute(_CALLSIGNS, {**values, "flights": [row[0] for row in rows]})
        names: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
        for flight_id, since, callsign in cur:
            names[flight_id].append((since, callsign))
        self._at: dict[datetime, dict[str, tuple[int, int]]] = defaultdict(dict)
        for flight_id, cid, callsign, present in rows:
            for time in present:
                then = [name for since, name in names[flight_id] if since <= time]
                self._at[time.astimezone(UTC)][then[-1] if then else callsign] = flight_id, cid

    def at(self, time: datetime) -> dict[str, tuple[int, int]]:
        """The flights that a snapshot shows, by callsign, and the cid of each."""
        return self._at[time]


def read_tracks(cur: cursor, values: dict[str, object]) -> dict[int, list[Position]]:
    """The tracks of `flights` from `since` up to the last snapshot, by flight id."""
    cur.execute(_TRACKS, values)
    found: dict[int, list[Position]] = defaultdict(list)
    for flight_id, time, *place in cur:
        found[flight_id].append(Position(time.astimezone(UTC), *place))
    return found


def place_at(track: Sequence[Position], time: datetime, old: timedelta) -> Position | None:
    """Where the track has a flight at this time; None if it has it nowhere, or not lately."""
    number = bisect_right(track, time, key=lambda fix: fix.time)
    return track[number - 1] if number and time - track[number - 1].time < old else None


def flight_at(flight_id: int, cid: int, callsign: str, fix: Position) -> Flight:
    """As much of a flight as the rule of contacts asks for."""
    pilot = Pilot(
        cid=cid,
        callsign=callsign,
        latitude=fix.latitude,
        longitude=fix.longitude,
        altitude=fix.altitude,
        groundspeed=fix.groundspeed,
        heading=fix.heading,
        logon_time=time_text(fix.time),
    )
    return Flight(flight_id, pilot, fix.time, fix.time, fix.time, fix.time, begin(fix, None), ())
