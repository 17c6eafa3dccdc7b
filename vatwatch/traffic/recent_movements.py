"""The movements of the last hour: what the rates of an airport are counted from.

A movement belongs here by its own time, however long after it was certain, and once. One that is
taken back, as a hop is no flight, goes from here too. Those of flights that have ended stay; those
of flights that the filters have never let through are not here, as these have no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from vatwatch.traffic.changes import FlightChanges
from vatwatch.traffic.movements import Movement
from vatwatch.traffic.network_state import Flight, RecentMovement

# The longest rate is over an hour, and its trend compares it with that of five minutes ago.
KEPT = timedelta(minutes=65)


def recent_movements_after(
    before: tuple[RecentMovement, ...], flights: FlightChanges, time: datetime
) -> tuple[RecentMovement, ...]:
    """The movements of the `KEPT` time up to the snapshot of `time`, which changes `flights`."""
    # Whatever changes what a flight has done, or its callsign, is in one of these lists.
    touched = (*flights.created, *flights.entered, *flights.updated, *flights.ended)
    ids = {flight.flight_id for flight in touched}
    oldest = time - KEPT
    kept = [each for each in before if each.flight_id not in ids and each.time > oldest]
    now = {flight.flight_id: flight for flight in touched if flight.stored}
    return in_order((*kept, *recent_movements_of(now.values(), oldest)))


def recent_movements_of(flights: Iterable[Flight], oldest: datetime) -> Iterator[RecentMovement]:
    """The movements of these flights after `oldest`."""
    for flight in flights:
        for movement in flight.progress.movements:
            if movement.time > oldest:
                yield recent_movement(flight.flight_id, flight.pilot.callsign, movement)


def recent_movement(flight_id: int, callsign: str, movement: Movement) -> RecentMovement:
    """A movement with the flight that made it."""
    return RecentMovement(flight_id, callsign, movement.airport, movement.kind, movement.time)


def in_order(movements: Iterable[RecentMovement]) -> tuple[RecentMovement, ...]:
    """The oldest first, and always in the same order."""
    return tuple(sorted(movements, key=lambda each: (each.time, each.flight_id, each.kind)))
