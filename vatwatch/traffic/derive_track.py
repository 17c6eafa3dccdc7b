"""What a flight has done, derived from what is kept of it: its track, its plans, its absences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
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


def derive_track(kept: KeptFlight, keepalive: timedelta) -> Progress | None:
    """What a flight that is over has done; None if there is no position.

    Args:
        kept: the flight, from its first snapshot to its last one
        keepalive: a standing aircraft gets a row at least this often; where there is none for
            longer, the flight was not stored, and nothing is known of where it was
    """
    progress, plan = None, None
    for fix, plan, after_gap in _seen(kept, None, keepalive):
        if progress is None:
            progress = begin(fix, plan)
        else:
            progress = advance(progress, fix, plan, after_gap=after_gap)
    return None if progress is None else finish(progress, plan)


def derive_on(progress: Progress, kept: KeptFlight, keepalive: timedelta) -> Progress:
    """What a flight has done that had done so much; `kept` is what came after, and what stood."""
    for fix, plan, after_gap in _seen(kept, progress.fix, keepalive):
        progress = advance(progress, fix, plan, after_gap=after_gap)
    return progress


def _seen(
    kept: KeptFlight, place: Position | None, keepalive: timedelta
) -> Iterator[tuple[Position, FlightPlan | None, bool]]:
    """At each snapshot that shows it: where it was, its plan, and whether it was away before."""
    after_gap, number = False, 0
    for time, shown in kept.snapshots:
        while number < len(kept.track) and kept.track[number].time <= time:
            place, number = kept.track[number], number + 1
        # Where rows are missing the flight was not stored; the row itself may be a snapshot late.
        if not shown or place is None or time - place.time > 2 * keepalive:
            after_gap = True
            continue
        yield replace(place, time=time), _plan_at(kept.plans, time), after_gap
        after_gap = False


def _plan_at(plans: Sequence[KeptPlan], time: datetime) -> FlightPlan | None:
    for one in reversed(plans):
        if one.since <= time and (one.until is None or time < one.until):
            return one.plan
    return None
