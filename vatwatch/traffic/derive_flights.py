"""One pilot's flights, derived again from what is kept of them.

The rules are those of `flights.py`: each snapshot is compared with the one before it, as if all had
come in order. So it is also decided again which connections are one flight.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.feed.records import Feed, General, Pilot
from vatwatch.feed.times import time_text
from vatwatch.traffic.changes import FlightChanges, SectorChanges
from vatwatch.traffic.continuity import Ending, ending_of
from vatwatch.traffic.derive_track import KeptPlan, plan_at
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import (
    FiledPlan,
    Flight,
    FlightConnection,
    Gap,
    NetworkState,
    Rules,
    SectorStay,
    Snapshot,
)
from vatwatch.traffic.position import Position


class RowOfFlight(Struct, frozen=True):
    """What the tables have of a flight. `pilot` is the latest record."""

    flight_id: int
    pilot: Pilot
    connection_logon: datetime
    """As the latest record has it: it may have lost its fraction."""
    first_seen: datetime
    last_seen: datetime
    absences: tuple[Gap, ...]
    connections: tuple[FlightConnection, ...]
    """In order; at least one."""
    plans: tuple[KeptPlan, ...]
    track: tuple[Position, ...]
    """In order."""

    def shows(self, time: datetime) -> bool:
        """Whether the snapshot of `time` shows it."""
        return self.first_seen <= time <= self.last_seen and not any(
            away.start < time < away.end for away in self.absences
        )


class FiledAgain(Struct):
    """A revision of a plan, and the snapshot in which it has ended."""

    filed: FiledPlan
    gone_at: datetime | None = None


class DerivedRows(Struct):
    """The rows of a flight that is over."""

    flight: Flight
    first_seen: datetime
    logon_time: datetime
    reconnects: int = 0
    flown: bool = False
    ended_as: Ending | None = None
    absences: list[Gap] = []
    connections: dict[datetime, FlightConnection] = {}
    """By first_seen."""
    plans: list[FiledAgain] = []
    positions: list[Position] = []
    stays: list[tuple[SectorStay, datetime, int | None]] = []
    """In FIRs and sectors that are over: with the last snapshot of each, and the altitude then."""


class PlaceUnknown(Exception):
    """At a snapshot that shows a flight it is not known where it was: the filters kept it out, or
    its positions are deleted."""


def derive_flights(
    rows: Sequence[RowOfFlight],
    snapshots: Iterable[datetime],
    rules: Rules,
    *,
    before: datetime | None = None,
) -> list[DerivedRows]:
    """The flights of one pilot.

    Args:
        rows: all that could be one with each other, in order of first_seen
        snapshots: the times of all snapshots from the first of these flights on, in order, up to
            the one by which the last flight has ended for good
        rules: the windows
        before: the snapshot before the first one; None if there is none

    Raises:
        PlaceUnknown: they cannot be derived
    """
    derived: dict[int, DerivedRows] = {}
    state = NetworkState(time=before)
    for time in snapshots:
        pilots = [_record(row, time, rules.position_keepalive) for row in rows if row.shows(time)]
        if not (pilots or state.flights or state.disconnected_flights):
            continue  # nothing goes on, and nothing is to end
        head = General(time_text(time))
        changes = diff(state, Snapshot(time, Feed(head, pilots=pilots), None), rules)
        _take(derived, changes.flights, time, state.time)
        _stay(derived, changes.sectors, state.time)
        state = apply(state, changes)
    for stay in state.stays.values():  # of who is in the last of the snapshots
        one = derived[stay.flight_id]
        one.stays.append((stay, one.flight.last_seen, one.flight.progress.fix.altitude))
    return list(derived.values())


def _record(row: RowOfFlight, time: datetime, keepalive: timedelta) -> Pilot:
    number = bisect_right(row.track, time, key=lambda one: one.time)
    place = row.track[number - 1] if number else None
    if place is None or time - place.time > 2 * keepalive:
        raise PlaceUnknown
    joined = [one for one in row.connections if one.first_seen <= time] or row.connections[:1]
    return replace(
        row.pilot,
        callsign=joined[-1].callsign,
        logon_time=time_text(joined[-1].logon_time),
        latitude=place.latitude,
        longitude=place.longitude,
        altitude=place.altitude,
        groundspeed=place.groundspeed,
        heading=place.heading,
        flight_plan=plan_at(row.plans, time),
    )


def _take(
    derived: dict[int, DerivedRows],
    changes: FlightChanges,
    time: datetime,
    before: datetime | None,
) -> None:
    """What a snapshot changes in the rows, as `storage/write_flights.py` writes them."""
    for flight in changes.ended:
        one = derived[flight.flight_id]
        one.flight, one.ended_as = flight, ending_of(flight)
        _join(one, flight, flight.last_seen)
    for flight in changes.online:
        known = derived.get(flight.flight_id)
        if known is None:
            known = DerivedRows(flight, flight.first_seen, flight.logon_time)
            derived[flight.flight_id] = known
        elif before is not None and known.flight.last_seen < before:
            known.absences.append(Gap(known.flight.last_seen, time))
        known.flight, known.ended_as = flight, None
        known.reconnects = max(known.reconnects, flight.reconnects)
        known.flown = known.flown or flight.flown
        _join(known, flight, None)
    for flight in changes.ended:
        derived[flight.flight_id].flown |= flight.flown
    for flight in changes.positions:
        if flight.written is not None:
            derived[flight.flight_id].positions.append(flight.written)
    for one in derived.values():
        for plan in one.plans:
            if plan.filed.plan_id in changes.plans_closed:
                plan.gone_at = time
    for filed in changes.plans_opened:
        if filed.flight_id is not None:
            derived[filed.flight_id].plans.append(FiledAgain(filed))


def _stay(derived: dict[int, DerivedRows], changes: SectorChanges, before: datetime | None) -> None:
    for stay, altitude in changes.left:
        if before is not None:
            derived[stay.flight_id].stays.append((stay, before, altitude))


def _join(one: DerivedRows, flight: Flight, left_at: datetime | None) -> None:
    for joined in flight.connections:
        last_seen = joined.last_seen or left_at
        one.connections[joined.first_seen] = replace(joined, last_seen=last_seen)
