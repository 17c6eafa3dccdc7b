"""Derives contacts again after late snapshots: whose they are, and how close they came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf, sqrt
from typing import TYPE_CHECKING, NamedTuple

from vatwatch.storage.contact_table import CONTACTS
from vatwatch.storage.contacts_without_radios import (
    ContactScope,
    ContactSearch,
    channels_of,
    find_again,
)
from vatwatch.storage.spans import Key, Ownership, pass_on
from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.contact_changes import CLOSEST_DIGITS
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.nearest_station import DIGITS
from vatwatch.traffic.network_state import Radio, Rules
from vatwatch.traffic.position import Position
from vatwatch.traffic.radio_channels import HF_BELOW_HZ, named_hz
from vatwatch.traffic.radio_horizon import FEET_A_METRE, HORIZON_NM, LEAST_HEIGHT_FT
from vatwatch.traffic.station_place import station_place

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_TRACK = """
(SELECT time, latitude, longitude, altitude, groundspeed, heading FROM positions
 WHERE flight_id = %(flight)s AND time <= %(first)s AND time > %(first)s - interval '1 day'
 ORDER BY time DESC LIMIT 1)
UNION ALL
SELECT time, latitude, longitude, altitude, groundspeed, heading FROM positions
WHERE flight_id = %(flight)s AND time > %(first)s AND time <= %(last)s ORDER BY time
"""
_RADIOS = """
SELECT first_seen, gone_at, radio_id, frequency_hz, latitude, longitude, height_msl_m, height_agl_m
FROM transceivers WHERE callsign = %(station)s AND session_id = %(session)s
  AND first_seen <= %(last)s AND (gone_at IS NULL OR gone_at > %(first)s)
"""


class _Span(NamedTuple):
    flight: int
    session: int
    frequency_hz: int
    first: datetime
    last: datetime
    station: str


class _Known(NamedTuple):
    """A radio, and from when to when it was so."""

    first: datetime
    gone_at: datetime | None
    radio: Radio


def pass_on_flights(cur: cursor, before: Sequence[int], now: Sequence[Ownership]) -> None:
    """Give the contacts of flights to those that they turned out to be; their rows exist."""
    pass_on(cur, CONTACTS, "flight_id", before, now)


def pass_on_sessions(cur: cursor, before: Sequence[int], now: Sequence[Ownership]) -> None:
    """The same for sessions."""
    pass_on(cur, CONTACTS, "session_id", before, now)


def find_of_flights(
    cur: cursor, before: Sequence[Ownership], now: Sequence[Ownership], rules: Rules
) -> None:
    """Find again what may be another contact of flights that were derived again.

    Where radios could not be fetched that is who was in contact, if the flights are others than
    they were `before`; everywhere it is the closest distances. The rows of all are as they are to
    be.
    """
    flights = frozenset(one.owner for one in now)
    _find(cur, "flight_id", before, now, ContactScope(flights=flights), rules)


def find_of_sessions(
    cur: cursor, callsign: str, before: Sequence[Ownership], now: Sequence[Ownership], rules: Rules
) -> None:
    """The same for the sessions of a station: it may have been heard instead of another one."""
    channels = channels_of(cur, callsign, *_from_to(now)) if now else frozenset[int]()
    _find(cur, "session_id", before, now, ContactScope(channels=channels), rules)


def _find(
    cur: cursor,
    owner: str,
    before: Sequence[Ownership],
    now: Sequence[Ownership],
    scope: ContactScope,
    rules: Rules,
) -> None:
    changed: list[Key] = []
    if now and before != now:
        how = ContactSearch(rules.contacts, rules.position_keepalive)
        changed = find_again(cur, *_from_to(now), scope, how)
    _measure(cur, owner, [one.owner for one in now])
    if changed:
        _measure(cur, "flight_id", [flight for flight, *_ in changed])


def _from_to(owned: Sequence[Ownership]) -> tuple[datetime, datetime]:
    return min(one.first for one in owned), max(one.last for one in owned)


def _measure(cur: cursor, owner: str, owners: Sequence[int]) -> None:
    """Find the closest distances again, as a late snapshot may have cut or joined contacts."""
    cur.execute(
        f"""SELECT flight_id, session_id, frequency_hz, started_at, ended_at, station
            FROM frequency_matches WHERE {owner} = ANY(%s) AND ended_at IS NOT NULL""",
        (list(owners),),
    )
    for flight, session, hertz, first, last, station in cur.fetchall():
        span = _Span(flight, session, hertz, first.astimezone(UTC), last.astimezone(UTC), station)
        closest_nm = _closest_nm(cur, span)
        if closest_nm is not None:
            cur.execute(
                """UPDATE frequency_matches SET closest_nm = %s WHERE flight_id = %s
                   AND session_id = %s AND frequency_hz = %s AND started_at = %s
                   AND closest_nm <> %s""",
                (closest_nm, flight, session, hertz, span.first, closest_nm),
            )


def _closest_nm(cur: cursor, span: _Span) -> float | None:
    """None: the track or the radios are not kept any more, or never were."""
    values = span._asdict()
    cur.execute(_TRACK, values)
    track = [Position(row[0].astimezone(UTC), *row[1:]) for row in cur]
    cur.execute(_RADIOS, values)
    radios = [
        _Known(first.astimezone(UTC), gone and gone.astimezone(UTC), Radio(*radio))
        for first, gone, *radio in cur
    ]
    if not track or track[0].time > span.first or not radios:
        return None
    cur.execute(
        """SELECT update_timestamp FROM snapshots WHERE update_timestamp BETWEEN %(first)s AND
           %(last)s ORDER BY 1""",
        values,
    )
    closest_nm, at = inf, 0
    for time in [row[0].astimezone(UTC) for row in cur]:
        while at + 1 < len(track) and track[at + 1].time <= time:
            at += 1
        tuned = [
            one.radio
            for one in radios
            if one.first <= time and (one.gone_at is None or one.gone_at > time)
        ]
        closest_nm = min(closest_nm, _nearest_nm(span, track[at], tuned))
    return None if closest_nm == inf else round(closest_nm, CLOSEST_DIGITS)


def _nearest_nm(span: _Span, fix: Position, tuned: Sequence[Radio]) -> float:
    """To the nearest of a station's radios that see the aircraft; infinite if there is none."""
    place = station_place(span.station, tuned)
    airport = airport_of(span.station, load_airports())
    nearest_nm = inf
    for radio in tuned:
        if named_hz(radio.frequency_hz) != span.frequency_hz:
            continue
        latitude, longitude = radio.latitude, radio.longitude
        height_ft = (radio.height_msl_m or 0) * FEET_A_METRE
        if place is not None and place.placed_by == "airport" and airport is not None:
            latitude, longitude = place.latitude, place.longitude
            height_ft = airport.elevation_ft + (radio.height_agl_m or 0) * FEET_A_METRE
        away_nm = round(distance_nm(fix.latitude, fix.longitude, latitude, longitude), DIGITS)
        horizon_nm = _horizon_nm(fix.altitude or 0) + _horizon_nm(height_ft)
        if away_nm <= horizon_nm or span.frequency_hz < HF_BELOW_HZ:
            nearest_nm = min(nearest_nm, away_nm)
    return nearest_nm


def _horizon_nm(height_ft: float) -> float:
    return HORIZON_NM * sqrt(max(height_ft, LEAST_HEIGHT_FT))
