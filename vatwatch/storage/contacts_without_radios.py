"""Finds contacts again at snapshots that have no radios: there everybody stays tuned as before.

Which radios were known at such a snapshot follows from the last one before it that has radios. So
a late snapshot with radios changes the contacts at those behind it, up to the next one with radios.
Flights and sessions that turn out to be others change them, too: a radio is that of the flight or
session that had its callsign when it was last seen.

The contacts are found from the rows, by the rule itself (`traffic.contact_changes`). A flight whose
track does not say where it was at such a snapshot keeps those that it has: the filters kept it out,
or its positions are deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from vatwatch.errors import OutOfSequence
from vatwatch.storage.contact_table import CONTACTS, contact_row, read_contacts
from vatwatch.storage.spans import Key, SnapshotRun, rewrite_spans
from vatwatch.storage.who_was_there import (
    PilotsAt,
    StationsAt,
    flight_at,
    place_at,
    read_tracks,
)
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.contact_changes import contact_changes
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.network_state import NetworkState, Radio, RadioState
from vatwatch.traffic.radio_channels import channel_hz

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# The snapshots of a span of time, from the last one with radios before it to the next one after.
_SNAPSHOTS = """
SELECT update_timestamp, radio_clients IS NOT NULL FROM snapshots
WHERE update_timestamp >= coalesce(
          (SELECT max(update_timestamp) FROM snapshots
           WHERE radio_clients IS NOT NULL AND update_timestamp <= %(first)s), %(first)s)
  AND update_timestamp <= coalesce(
          (SELECT min(update_timestamp) FROM snapshots
           WHERE radio_clients IS NOT NULL AND update_timestamp > %(last)s), 'infinity')
ORDER BY update_timestamp
"""
_LASTING = "first_seen <= %(at)s AND (gone_at IS NULL OR gone_at > %(at)s)"
_RADIOS = f"""
SELECT callsign, state_id, first_seen, radio_id, frequency_hz, latitude, longitude, height_msl_m,
       height_agl_m
FROM transceivers WHERE {_LASTING} ORDER BY callsign, radio_id, frequency_hz
"""


class ContactScope(NamedTuple):
    """Which contacts are found again: those of some flights, or on some channels; None: of all."""

    flights: frozenset[int] | None = None
    channels: frozenset[int] | None = None

    def has(self, key: tuple[int, int, int]) -> bool:
        """Whether a contact with this key of the table is one of them."""
        flight, _, hertz = key
        return (self.flights is None or flight in self.flights) and self.hears(hertz)

    def hears(self, hertz: int) -> bool:
        """Whether a frequency is on one of the channels."""
        return self.channels is None or channel_hz(hertz) in self.channels


class ContactSearch(NamedTuple):
    """By which rules contacts are found, and how old the latest position of a track may be."""

    rules: ContactRules
    position_keepalive: timedelta


def next_with_radios(cur: cursor, time: datetime) -> datetime | None:
    """The first stored snapshot after this time that has radios; None if there is none."""
    cur.execute(
        """SELECT min(update_timestamp) FROM snapshots
           WHERE radio_clients IS NOT NULL AND update_timestamp > %s""",
        (time,),
    )
    row = cur.fetchone()
    return None if row is None or row[0] is None else row[0].astimezone(UTC)


def ensure_known(cur: cursor, changes: Changes, *, late: bool) -> None:
    """Raise OutOfSequence if radios or contacts that the changes build on are others by now.

    To be asked if the snapshot before has no radios: a late one before that, which another process
    has written, may have changed which there were. `late`: whether later snapshots are stored, as
    the state was read then.
    """
    at = changes.derived_from
    radios, contacts = changes.radios, changes.contacts
    opened = {state.state_id for state in radios.opened}
    present = {state.state_id for states in radios.present.values() for state in states}
    known = (present - opened) | set(radios.closed)
    cur.execute(_RADIOS, {"at": at})
    lasting = {state_id: (callsign, *said[1:3]) for callsign, state_id, *said in cur}
    # Of two rows that say the same the state has one.
    tuned = {lasting.get(state_id) for state_id in known}
    begun = {one.key for one in contacts.began}
    talks = (contacts.present.keys() - begun) | {one.key for one in contacts.ended}
    if (
        None in tuned
        or not tuned.issuperset(lasting.values())
        or talks != read_contacts(cur, {"at": at}, late=late).keys()
    ):
        raise OutOfSequence(
            f"another process has stored radios before snapshot {at}, which has none of its own. "
            "They are read again, and nothing is lost"
        )


def find_behind(cur: cursor, changes: Changes) -> None:
    """Find the contacts again at the snapshots behind a late one up to the next with radios.

    The changes are those of the late one, which has radios; they are written.
    """
    # All channels of whoever has changed anything: with its radios a station moves.
    cur.execute(
        """SELECT DISTINCT frequency_hz FROM transceivers
           WHERE first_seen <= %(time)s AND (gone_at IS NULL OR gone_at >= %(time)s)
             AND callsign IN (SELECT callsign FROM transceivers WHERE state_id = ANY(%(ids)s))""",
        {
            "time": changes.time,
            "ids": [*(state.state_id for state in changes.radios.opened), *changes.radios.closed],
        },
    )
    scope = ContactScope(channels=_channels(hertz for (hertz,) in cur))
    if scope.channels:
        how = ContactSearch(changes.contact_rules, changes.position_keepalive)
        find_again(cur, changes.time, changes.time, scope, how)


def channels_of(cur: cursor, callsign: str, first: datetime, last: datetime) -> frozenset[int]:
    """The channels on which a station has had radios in a span of time."""
    cur.execute(
        """SELECT DISTINCT frequency_hz FROM transceivers WHERE callsign = %s AND first_seen <= %s
           AND (gone_at IS NULL OR gone_at >= %s)""",
        (callsign, last, first),
    )
    return _channels(hertz for (hertz,) in cur)


def find_again(
    cur: cursor, first: datetime, last: datetime, scope: ContactScope, how: ContactSearch
) -> list[Key]:
    """Find contacts again at the snapshots without radios from `first` to `last`, and at those
    right behind them. Returns the keys of the rows that have changed: their closest distances are
    to be found again."""
    changed: list[Key] = []
    for run in _runs(cur, first, last):
        shown, unknown = _shown(cur, run, scope, how)
        changed += rewrite_spans(
            cur,
            CONTACTS,
            run,
            shown,
            is_meant=lambda key, unknown=unknown: (  # type: ignore[misc]
                scope.has((key[0], key[1], key[2])) and key[0] not in unknown
            ),
        )
    return changed


def _on(radios: dict[str, list[RadioState]], callsigns: Iterable[str]) -> frozenset[int]:
    """The channels on which these have radios."""
    return _channels(
        state.radio.frequency_hz for callsign in callsigns for state in radios.get(callsign, ())
    )


def _channels(frequencies: Iterable[int]) -> frozenset[int]:
    return frozenset(one for hertz in frequencies if (one := channel_hz(hertz)) is not None)


def _runs(cur: cursor, first: datetime, last: datetime) -> list[SnapshotRun]:
    """The snapshots without radios, those that follow each other together. Those before all radios
    have no contacts."""
    cur.execute(_SNAPSHOTS, {"first": first, "last": last})
    found: list[SnapshotRun] = []
    before: datetime | None = None
    times: list[datetime] = []
    for time, has_radios in [*cur.fetchall(), (None, True)]:
        at = None if time is None else time.astimezone(UTC)
        if at is not None and not has_radios:
            times.append(at)
            continue
        if before is not None and times:
            found.append(SnapshotRun(before, tuple(times), at))
        before, times = at, []
    return found


def _shown(
    cur: cursor, run: SnapshotRun, scope: ContactScope, how: ContactSearch
) -> tuple[list[dict[tuple[object, ...], Sequence[object]]], set[int]]:
    """The rows of the contacts at each snapshot, and the flights of which nobody knows where they
    were."""
    oldest = 2 * how.position_keepalive
    values = {
        "at": run.before,
        "before": run.before,
        "times": [run.before, *run.times],
        "last": run.times[-1],
        "since": run.before - oldest,
    }
    radios = _radios(cur, values)
    stations = StationsAt(cur, values, radios)
    pilots = PilotsAt(cur, values, scope.flights)
    flying, on_air = pilots.at(run.before), stations.at(run.before)
    common = _on(radios, flying) & _on(radios, on_air)
    tuned = _tuned(radios, {one for one in common if scope.hears(one)}, flying, on_air)
    owners = {one.flight_id for states in tuned.values() for one in states}
    tracks = read_tracks(cur, {**values, "flights": [one for one in owners if one is not None]})
    shown: list[dict[tuple[object, ...], Sequence[object]]] = []
    unknown: set[int] = set()
    for time in run.times:
        flights = {}
        for callsign, (flight_id, cid) in pilots.at(time).items():
            if flight_id not in owners:
                continue
            fix = place_at(tracks.get(flight_id, []), time, oldest)
            if fix is None:
                unknown.add(flight_id)
            else:
                flights[callsign] = flight_at(flight_id, cid, callsign, replace(fix, time=time))
        state = NetworkState(
            time=time, flights=flights, sessions=stations.sessions(time), radios=tuned
        )
        found = contact_changes(NetworkState(), state, how.rules).present
        shown.append({key: contact_row(one) for key, one in found.items()})
    return shown, unknown


def _radios(cur: cursor, values: dict[str, object]) -> dict[str, list[RadioState]]:
    """By callsign; whose they are is not told yet."""
    cur.execute(_RADIOS, values)
    found: dict[str, list[RadioState]] = defaultdict(list)
    for callsign, state_id, first_seen, *said in cur:
        radio = Radio(*said)
        found[callsign].append(
            RadioState(state_id, callsign, radio, radio, first_seen.astimezone(UTC), None, None)
        )
    return found


def _tuned(
    radios: dict[str, list[RadioState]],
    heard: Collection[int],
    flights: dict[str, tuple[int, int]],
    sessions: dict[str, int],
) -> dict[str, tuple[RadioState, ...]]:
    """The radios on the channels, each with the flight and the session that has its callsign."""
    return {
        callsign: tuple(
            replace(
                state,
                flight_id=flights[callsign][0] if callsign in flights else None,
                session_id=sessions.get(callsign),
            )
            for state in states
            if channel_hz(state.radio.frequency_hz) in heard
        )
        for callsign, states in radios.items()
        if callsign in flights or callsign in sessions
    }
