"""From raw bytes to what is known: decode, validate, filter, compare. One way for all."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.errors import FeedError
from vatwatch.events.event import Event
from vatwatch.feed.decode import DecodedRadios, Tally, decode_feed, decode_radios
from vatwatch.feed.quarantine import Quarantined
from vatwatch.feed.records import ClientRadios, Feed
from vatwatch.feed.times import parse_time
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.filters import FilterCounts, Filters
from vatwatch.traffic.network_state import (
    NetworkState,
    OutsideFilters,
    Radio,
    Rules,
    Snapshot,
)
from vatwatch.traffic.stored_changes import stored_only


class Options(Struct, frozen=True):
    """What the operator may set about the way of a snapshot."""

    rules: Rules = Rules()
    filters: Filters = Filters()
    """Decide what is stored and served; what pilots do is derived also where they are kept out."""
    keep_names: bool = True
    """Whether people's names are served and stored; without, they are dropped here."""


class DecodedSnapshot(Struct, frozen=True):
    """A snapshot that is ready to be compared, and what it cost to get there."""

    snapshot: Snapshot
    quarantined: tuple[Quarantined, ...]
    """The first of the records that could not be used; `set_aside` counts all of them."""
    counts: FilterCounts
    """What the filters let through and kept out."""
    set_aside: int = 0
    lost: dict[str, int] = {}
    """Values of good records that could not be read, by `kind.field`."""
    tallies: dict[str, Tally] = {}
    """How many records were sent and read, by kind, before the filters."""
    radios_error: FeedError | None = None
    """Why there are no radios, although a body came."""


class ComparedSnapshot(Struct, frozen=True):
    """A decoded snapshot, compared with the state before it."""

    state: NetworkState
    """What is known after it."""
    changes: Changes
    events: list[Event]
    decoded: DecodedSnapshot


def decode_snapshot(data: bytes, transceivers: bytes | None, options: Options) -> DecodedSnapshot:
    """Decode, validate and filter the bodies as they were fetched.

    One bad value costs that value, one bad record that record (docs/reading.md). Radios that cannot
    be read cost the radios: the snapshot is one without, as if no body had come.

    Raises:
        FeedError: the whole of `data` is of no use, and never will be
    """
    decoded = decode_feed(data, keep_names=options.keep_names)
    radios, radios_error = _decoded(transceivers, options)
    none = DecodedRadios([], ())
    filtered = options.filters.apply(decoded.feed, (radios or none).radios, load_airports())
    let_through = None
    if filtered.feed is not decoded.feed:
        let_through = frozenset(pilot.callsign for pilot in filtered.feed.pilots)
    feed = replace(filtered.feed, pilots=decoded.feed.pilots)
    feed = feed if options.keep_names else _without_names(feed)
    snapshot = Snapshot(
        time=parse_time(feed.general.update_timestamp),
        feed=feed,
        radios=None if radios is None else _radios(filtered.radios),
        unread=decoded.unread,
        let_through=let_through,
    )
    return DecodedSnapshot(
        snapshot,
        (*decoded.quarantined, *(radios or none).quarantined),
        filtered.counts,
        decoded.set_aside + (radios or none).set_aside,
        {**decoded.lost, **(radios or none).lost},
        decoded.tallies if radios is None else {**decoded.tallies, "radios": radios.tally},
        radios_error,
    )


def _decoded(
    transceivers: bytes | None, options: Options
) -> tuple[DecodedRadios | None, FeedError | None]:
    if transceivers is None:
        return None, None
    try:
        return decode_radios(transceivers, keep_names=options.keep_names), None
    except FeedError as error:
        return None, error


def compare(before: NetworkState, decoded: DecodedSnapshot, rules: Rules) -> ComparedSnapshot:
    """Compare a snapshot with what was known before it.

    `before` must be of an earlier time, or empty; ValueError if it is not. It is not changed: the
    state after it shares what stays the same.
    """
    changes = diff(before, decoded.snapshot, rules)
    state = apply(before, changes)
    # Also without filters now: what was outside when there were some has no row yet.
    stored = stored_only(changes)
    return ComparedSnapshot(state, stored, events_of(stored), decoded)


def batch_of(
    compared: ComparedSnapshot, *, entry_id: int, fetched_at: datetime, source: str
) -> Batch:
    """What the store is to write.

    Args:
        compared: the snapshot
        entry_id: the journal's, by which everybody speaks of it
        fetched_at: wall clock
        source: where it was fetched from
    """
    snapshot = compared.decoded.snapshot
    radios = snapshot.radios
    return Batch(
        entry_id=entry_id,
        changes=compared.changes,
        events=compared.events,
        quarantined=compared.decoded.quarantined,
        kept_out=compared.decoded.counts.kept_out,
        radio_clients=None if radios is None else len(radios),
        set_aside=compared.decoded.set_aside,
        fetched_at=fetched_at,
        source=source,
        outside=None if snapshot.let_through is None else OutsideFilters.of(compared.state),
    )


def _radios(clients: list[ClientRadios]) -> dict[str, tuple[Radio, ...]]:
    return {
        client.callsign: tuple(
            Radio(t.id, t.frequency, t.latDeg, t.lonDeg, t.heightMslM, t.heightAglM)
            for t in client.transceivers
        )
        for client in clients
    }


def _without_names(feed: Feed) -> Feed:
    """Names are personal data: what is dropped here is not served, and not in any table."""
    return replace(
        feed,
        pilots=[replace(pilot, name="") for pilot in feed.pilots],
        controllers=[replace(controller, name="") for controller in feed.controllers],
        atis=[replace(atis, name="") for atis in feed.atis],
        # The feed has the cid here; a name would be against its habit, and is possible.
        prefiles=[replace(prefile, name="") for prefile in feed.prefiles],
    )
