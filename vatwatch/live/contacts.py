"""The contacts that last, as readers see them: of a flight, of a station, and as a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from vatwatch.live.records import LiveContact
from vatwatch.traffic.frequency_match import FrequencyMatch, MatchFilter, MatchKey, MatchPage
from vatwatch.traffic.marks import NO_MARKS, Marks
from vatwatch.traffic.network_state import LastingContact, NetworkState


class LiveContacts(NamedTuple):
    """Who is in contact with whom. Flights that the filters hide are in neither."""

    of_flights: dict[int, tuple[LiveContact, ...]]
    """By flight id: the stations, in the order of `since`, then of their callsigns."""
    of_sessions: dict[int, tuple[str, ...]]
    """By session id: the callsigns of the flights, sorted."""


_IN_ORDER = attrgetter("since", "station", "frequency_hz")


def contacts_of_all(state: NetworkState) -> LiveContacts:
    """The contacts of everybody. Grouped once a snapshot: who has none is in no dictionary."""
    return _grouped(state.contacts.values(), state)


def live_matches(
    state: NetworkState,
    wanted: MatchFilter,
    *,
    limit: int,
    after: MatchKey | None,
    now: datetime,
    marks: Marks = NO_MARKS,
) -> MatchPage:
    """A page of the contacts that last, the newest first, after the one with the key `after`.

    They are as in the table, which is asked if it can be. `now` is the wall clock.
    """
    if state.time is not None and now < state.time:  # the feed's clock is ahead of ours
        now = state.time
    hidden = {flight.flight_id for flight in state.flights.values() if not flight.shown}
    found = {
        (one.since, *one.key): one
        for one in state.contacts.values()
        if one.flight_id not in hidden and wanted.wants(one, now)
    }
    keys = sorted((key for key in found if after is None or key < after), reverse=True)
    page = tuple(_match(found[key], marks) for key in keys[:limit])
    return MatchPage(len(found), page)


def _grouped(contacts: Iterable[LastingContact], state: NetworkState) -> LiveContacts:
    of_flights: dict[int, list[LiveContact]] = defaultdict(list)
    of_sessions: dict[int, set[str]] = defaultdict(set)
    shown = {one.flight_id: callsign for callsign, one in state.flights.items() if one.shown}
    for one in sorted(contacts, key=_IN_ORDER):
        callsign = shown.get(one.flight_id)
        if callsign is not None:
            of_flights[one.flight_id].append(_live(one))
            of_sessions[one.session_id].add(callsign)
    return LiveContacts(
        {flight_id: tuple(theirs) for flight_id, theirs in of_flights.items()},
        {session_id: tuple(sorted(theirs)) for session_id, theirs in of_sessions.items()},
    )


def _live(one: LastingContact) -> LiveContact:
    return LiveContact(one.station, one.frequency_hz, one.since)


def _match(one: LastingContact, marks: Marks) -> FrequencyMatch:
    return FrequencyMatch(
        one.callsign,
        str(one.flight_id),
        one.station,
        str(one.session_id),
        one.frequency_hz,
        one.facility,
        one.since,
        None,
        one.closest_nm,
        one.placed_by,
        one.cid,
        one.station_cid,
        one.flight_id in marks.flights or one.session_id in marks.sessions,
    )
