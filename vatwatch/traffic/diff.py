"""What a snapshot changes: `apply(before, diff(before, snapshot, rules))` shows that snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from vatwatch.traffic.atis import atis_changes
from vatwatch.traffic.changes import Changes, FlightChanges, RadioChanges
from vatwatch.traffic.contact_changes import contact_changes
from vatwatch.traffic.continuity import Ending, ending_of
from vatwatch.traffic.flights import flight_changes
from vatwatch.traffic.intervals import radio_changes
from vatwatch.traffic.network_state import Flight, NetworkState, Rules, Session, Snapshot, who
from vatwatch.traffic.prefiles import prefile_changes
from vatwatch.traffic.recent_movements import recent_movements_after
from vatwatch.traffic.sector_stays import sector_changes
from vatwatch.traffic.sessions import session_changes

T = TypeVar("T", Flight, Session)


def diff(before: NetworkState, snapshot: Snapshot, rules: Rules) -> Changes:
    """What `snapshot` changes in `before`. The snapshot must be later than `before`."""
    time = snapshot.time
    if before.time is not None and time <= before.time:
        raise ValueError(f"{time} does not come after {before.time}")
    unread = snapshot.unread
    flights = flight_changes(before, snapshot, rules)
    sessions = session_changes(
        before, snapshot.feed.controllers, snapshot.radios, time, rules, unread.controllers
    )
    if snapshot.radios is None:
        radios = RadioChanges(before.radios)
    else:
        radios = radio_changes(before, snapshot.radios, flights.online, sessions.online, time)
    shown = NetworkState(
        time=time,
        flights={flight.pilot.callsign: flight for flight in flights.online},
        sessions={session.controller.callsign: session for session in sessions.online},
        radios=radios.present,
    )
    return Changes(
        time=time,
        derived_from=before.time,
        general=snapshot.feed.general,
        flights=flights,
        sessions=sessions,
        atis=atis_changes(before, snapshot.feed.atis, time, unread.atis),
        prefiles=prefile_changes(before, snapshot.feed.prefiles, flights, time, unread.prefiles),
        radios=radios,
        contacts=contact_changes(before, shown, rules.contacts),
        sectors=sector_changes(before, flights.online, rules.areas, time),
        contact_rules=rules.contacts,
        position_keepalive=rules.position_keepalive,
    )


def apply(before: NetworkState, changes: Changes) -> NetworkState:
    """The state after `changes`."""
    return NetworkState(
        time=changes.time,
        general=changes.general,
        flights={flight.pilot.callsign: flight for flight in changes.flights.online},
        disconnected_flights=_away(
            before.disconnected_flights,
            [*changes.flights.ended, *changes.flights.returned],
            changes.flights.gone,
            changes.flights.ended,
        ),
        dropped_flights=_dropped(before.dropped_flights, changes.flights),
        sessions={session.controller.callsign: session for session in changes.sessions.online},
        disconnected_sessions=_away(
            before.disconnected_sessions,
            [*changes.sessions.ended, *changes.sessions.returned],
            changes.sessions.gone,
            changes.sessions.ended,
        ),
        atis={version.atis.callsign: version for version in changes.atis.present},
        stale_atis=changes.atis.stale,
        prefiles={(p.cid, p.callsign, p.filed_at): p for p in changes.prefiles.present},
        flown=changes.prefiles.flown,
        radios=changes.radios.present,
        contacts=changes.contacts.present,
        recent_movements=recent_movements_after(
            before.recent_movements, changes.flights, changes.time
        ),
        stays=changes.sectors.present,
    )


def _dropped(before: dict[int, Flight], changes: FlightChanges) -> dict[int, Flight]:
    newly = [one for one in changes.ended if ending_of(one) is Ending.DROPPED]
    if not newly and not changes.resumed and not changes.final:
        return before
    over = {*(flight.flight_id for flight in changes.resumed), *changes.final}
    dropped = {key: flight for key, flight in before.items() if key not in over}
    # Its plan has ended with it, and when it is resumed its place is worth a row.
    away = {one.flight_id: replace(one, plan_id=None, written=None) for one in newly}
    return {**dropped, **away}


def _away(
    before: dict[tuple[int, str], T], leaving: Iterable[T], gone: Iterable[T], ended: Iterable[T]
) -> dict[tuple[int, str], T]:
    # By id: one that was dropped long ago may return under what another one was last seen as.
    left = {_id(one) for one in leaving}
    over = {_id(one) for one in ended}
    away = {key: one for key, one in before.items() if _id(one) not in left}
    return {**away, **{who(one): one for one in gone if _id(one) not in over}}


def _id(one: Flight | Session) -> int:
    return one.flight_id if isinstance(one, Flight) else one.session_id
