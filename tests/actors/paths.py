"""Snapshots of invented people on their way through the processor's two paths, without an actor."""

from __future__ import annotations

from collections.abc import Sequence

from tests.traffic.build import START, pilot, snapshot, text
from vatwatch.errors import FeedError
from vatwatch.feed.decode import Tally
from vatwatch.feed.quarantine import Quarantined
from vatwatch.feed.records import Pilot
from vatwatch.messages import SnapshotJournaled
from vatwatch.traffic.filters import FilterCounts
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import ComparedSnapshot, DecodedSnapshot, compare


def decoded(
    seconds: float,
    *,
    pilots: Sequence[Pilot] = (),
    quarantined: tuple[Quarantined, ...] = (),
    radios_error: FeedError | None = None,
) -> DecodedSnapshot:
    """A snapshot so many seconds after the first, ready to be compared."""
    people = list(pilots) or [pilot()]
    tally = Tally(len(people) + len(quarantined), len(people))
    return DecodedSnapshot(
        snapshot(seconds, pilots=people),
        quarantined,
        FilterCounts(),
        set_aside=len(quarantined),
        tallies={"pilot": tally, "controller": Tally(0, 0)},
        radios_error=radios_error,
    )


def comparison(
    before: NetworkState, seconds: float, *, pilots: Sequence[Pilot] = ()
) -> ComparedSnapshot:
    """The same, compared with what was known."""
    return compare(before, decoded(seconds, pilots=pilots), Rules())


def journaled(entry_id: int) -> SnapshotJournaled:
    """What the journal says of an entry; the bytes are of no matter to the paths."""
    return SnapshotJournaled(entry_id, START, START, text(START).encode(), None, "test")
