"""What a flight has done, derived from what is kept of it: its track, its plans, its absences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.network_state import Gap
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import advance, begin, finish
from vatwatch.traffic.progress_record import Progress


class KeptPlan(NamedTuple):
    """A revision of a plan: it stood from `since` until before `until`."""

    since: datetime
    until: datetime | None
    plan: FlightPlan


class KeptFlight(NamedTuple):
    """What the tables have of a flight, or of a part of it."""

    snapshots: Sequence[tuple[datetime, bool]]
    """Every snapshot from the first to the last one, in order, and whether it shows the flight."""
    track: Sequence[Position]
    """In order."""
    plans: Sequence[KeptPlan]


class DerivedFlight(NamedTuple):
    """A flight that is over."""

    progress: Progress
    """With what was open decided."""
    plan: FlightPlan | None
    """As it stood at the end."""
    gaps: Sequence[Gap]
    """When it was not seen."""


def derive_track(kept: KeptFlight, keepalive: timedelta) -> DerivedFlight | None:
    """What a flight that is over has done; None if there is no position.

    Args:
        kept: the flight, from its first snapshot to its last one
        keepalive: a standing aircraft gets a row at least this often; where there is none for
            longer, the flight was not stored, and nothing is known of where it was
    """
    progress, plan, gaps = None, None, []
    for fix, plan, after_gap in _seen(kept, None, keepalive):
        if progress is None:
            progress = begin(fix, plan)
            continue
        if after_gap:
            gaps.append(Gap(progress.fix.time, fix.time))
        progress = advance(progress, fix, plan, after_gap=after_gap)
    return None if progress is None else DerivedFlight(finish(progress, plan), plan, gaps)


def derive_on(progress: Progress, kept: KeptFlight) -> Progress:
    """What a flight has done that had done so much; `kept` is what came after, and what stood.

    Where there is no row it stands where it was: a flight that is not stored is remembered at each
    snapshot.
    """
    for fix, plan, after_gap in _seen(kept, progress.fix, None):
        progress = advance(progress, fix, plan, after_gap=after_gap)
    return progress


def _seen(
    kept: KeptFlight, place: Position | None, keepalive: timedelta | None
) -> Iterator[tuple[Position, FlightPlan | None, bool]]:
    """At each snapshot that shows it: where it was, its plan, and whether it was away before."""
    after_gap, number = False, 0
    for time, shown in kept.snapshots:
        while number < len(kept.track) and kept.track[number].time <= time:
            place, number = kept.track[number], number + 1
        # Where rows are missing the flight was not stored; the row itself may be a snapshot late.
        lost = keepalive is not None and place is not None and time - place.time > 2 * keepalive
        if not shown or place is None or lost:
            after_gap = True
            continue
        yield replace(place, time=time), plan_at(kept.plans, time), after_gap
        after_gap = False


def plan_at(plans: Sequence[KeptPlan], time: datetime) -> FlightPlan | None:
    """The plan that stood at a time."""
    for one in reversed(plans):
        if one.since <= time and (one.until is None or time < one.until):
            return one.plan
    return None
