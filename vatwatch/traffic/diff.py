"""What a snapshot changes: `apply(before, diff(before, snapshot, rules))` shows that snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from vatwatch.traffic.connections import flight_changes, session_changes, who
from vatwatch.traffic.intervals import RadioChanges, atis_changes, prefile_changes, radio_changes
from vatwatch.traffic.network_state import Changes, Flight, NetworkState, Rules, Session, Snapshot

T = TypeVar("T", Flight, Session)


def diff(before: NetworkState, snapshot: Snapshot, rules: Rules) -> Changes:
    """What `snapshot` changes in `before`. The snapshot must be later than `before`."""
    time = snapshot.time
    if before.time is not None and time <= before.time:
        raise ValueError(f"{time} does not come after {before.time}")
    unread = snapshot.unread
    flights = flight_changes(before, snapshot.feed.pilots, time, rules, unread.pilots)
    sessions = session_changes(before, snapshot.feed.controllers, time, rules, unread.controllers)
    atis, atis_opened, atis_closed = atis_changes(before, snapshot.feed.atis, time, unread.atis)
    prefiles, prefiles_opened, prefiles_closed = prefile_changes(
        before, snapshot.feed.prefiles, time, unread.prefiles
    )
    if snapshot.radios is None:
        radios = RadioChanges(before.radios, [], [])
    else:
        radios = radio_changes(before, snapshot.radios, flights.online, sessions.online, time)
    return Changes(
        time=time,
        after=before.time,
        general=snapshot.feed.general,
        flights=flights.online,
        flights_created=flights.created,
        flights_updated=flights.updated,
        flights_reconnected=flights.reconnected,
        flights_gone=flights.gone,
        flights_returned=flights.returned,
        flights_ended=flights.ended,
        positions=flights.positions,
        plans_opened=flights.plans_opened,
        plans_closed=flights.plans_closed,
        sessions=sessions.online,
        sessions_created=sessions.created,
        sessions_updated=sessions.updated,
        sessions_gone=sessions.gone,
        sessions_returned=sessions.returned,
        sessions_ended=sessions.ended,
        frequencies_changed=sessions.frequencies_changed,
        atis=atis,
        atis_opened=atis_opened,
        atis_closed=atis_closed,
        prefiles=prefiles,
        prefiles_opened=prefiles_opened,
        prefiles_closed=prefiles_closed,
        radios=radios.states,
        radios_opened=radios.opened,
        radios_closed=radios.closed,
        moved=flights.moved,
    )


def apply(before: NetworkState, changes: Changes) -> NetworkState:
    """The state after `changes`."""
    return NetworkState(
        time=changes.time,
        general=changes.general,
        flights={flight.pilot.callsign: flight for flight in changes.flights},
        disconnected_flights=_away(
            before.disconnected_flights,
            [*changes.flights_ended, *changes.flights_returned],
            changes.flights_gone,
            {(f.pilot.cid, f.pilot.callsign): f for f in changes.flights_ended},
        ),
        sessions={session.controller.callsign: session for session in changes.sessions},
        disconnected_sessions=_away(
            before.disconnected_sessions,
            [*changes.sessions_ended, *changes.sessions_returned],
            changes.sessions_gone,
            {(s.controller.cid, s.controller.callsign): s for s in changes.sessions_ended},
        ),
        atis={version.atis.callsign: version for version in changes.atis},
        prefiles={(p.cid, p.callsign, p.filed_at): p for p in changes.prefiles},
        radios=changes.radios,
    )


def _away(
    before: dict[tuple[int, str], T],
    leaving: Iterable[T],
    gone: Iterable[T],
    ended: dict[tuple[int, str], T],
) -> dict[tuple[int, str], T]:
    away = dict(before)
    for one in leaving:
        away.pop(who(one), None)
    for one in gone:
        if who(one) not in ended:
            away[who(one)] = one
    return away
