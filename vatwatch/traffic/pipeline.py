"""From raw bytes to what is known: decode, validate, filter, compare. One way for all."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.feed.decode import decode_feed, decode_radios
from vatwatch.feed.quarantine import Quarantined
from vatwatch.feed.records import ClientRadios, Feed
from vatwatch.feed.times import parse_time
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import Event, events_of
from vatwatch.traffic.filters import Counts, Filters
from vatwatch.traffic.tracking import Changes, Radio, Rules, Snapshot, Tracking

# Others who watch the feed take a fall by this many from one update to the next, or to none at all,
# for a fault of the network's data server (FEED.md).
MASS_DROP = 400

_NAME = re.compile(r'"name"\s*:\s*(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^",}]*)', re.DOTALL)


class Options(Struct, frozen=True):
    """What the operator may set about the way of a snapshot."""

    rules: Rules = Rules()
    filters: Filters = Filters()
    keep_names: bool = True


class Prepared(Struct, frozen=True):
    """A snapshot that is ready to be compared, and what it cost to get there."""

    snapshot: Snapshot
    quarantined: tuple[Quarantined, ...]
    counts: Counts


class Advanced(Struct, frozen=True):
    """What was known before and a snapshot, made one."""

    tracking: Tracking
    changes: Changes
    events: list[Event]
    prepared: Prepared


def prepare(data: bytes, transceivers: bytes | None, options: Options) -> Prepared:
    """Decode, validate, filter. Raises FeedError if the whole of `data` is of no use."""
    feed, quarantined = decode_feed(data)
    radios: list[ClientRadios] = []
    if transceivers is not None:
        radios, quarantined_radios = decode_radios(transceivers)
        quarantined = (*quarantined, *quarantined_radios)
    filtered = options.filters.apply(feed, radios, load_airports())
    feed = filtered.feed
    if not options.keep_names:
        feed = _without_names(feed)
        quarantined = tuple(_nameless(record) for record in quarantined)
    snapshot = Snapshot(
        time=parse_time(feed.general.update_timestamp),
        feed=feed,
        radios=None if transceivers is None else _radios(filtered.radios),
    )
    return Prepared(snapshot, quarantined, filtered.counts)


def advance(before: Tracking, prepared: Prepared, rules: Rules) -> Advanced:
    """Compare with what was known before."""
    changes = diff(before, prepared.snapshot, rules)
    return Advanced(apply(before, changes), changes, events_of(changes), prepared)


def batch_of(advanced: Advanced, *, entry_id: int, fetched_at: datetime, source: str) -> Batch:
    """What the store is to write."""
    radios = advanced.prepared.snapshot.radios
    return Batch(
        entry_id=entry_id,
        changes=advanced.changes,
        events=advanced.events,
        quarantined=advanced.prepared.quarantined,
        kept_out=advanced.prepared.counts.kept_out,
        radio_clients=None if radios is None else len(radios),
        fetched_at=fetched_at,
        source=source,
    )


def is_mass_drop(before: Tracking, after: Tracking) -> bool:
    """Whether so many pilots have gone at once that the fault is upstream."""
    was, now = len(before.flights), len(after.flights)
    return (was > 0 and now == 0) or was - now >= MASS_DROP


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


def _nameless(quarantined: Quarantined) -> Quarantined:
    """The same for a record that may be no JSON, or be cut off within the name."""
    return replace(quarantined, record=_NAME.sub('"name":""', quarantined.record))
