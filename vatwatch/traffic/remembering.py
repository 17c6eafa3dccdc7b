"""When the row of a flight gets what the rules remember of it.

In between it follows from the track (`derive_track.derive_on`). See
docs/decisions/0009-what-the-rules-remember.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vatwatch.traffic.network_state import Flight

# By the flight's id, so that those that were first seen together do not always come together. A
# restart derives forty snapshots of each flight at most, half a second for two thousand flights.
REMEMBER_AFTER = tuple(timedelta(minutes=6) + number * timedelta(seconds=30) for number in range(8))


def is_to_be_remembered(known: Flight, flight: Flight, time: datetime) -> bool:
    """Whether it is to be written at this snapshot: it is time, or the track, and the plan that
    stands now, will not tell it.

    `known` is the flight as it was at the snapshot before; that nothing else of its row has changed
    is known already.
    """
    last = known.remembered
    return (
        last is None
        or time - last >= REMEMBER_AFTER[known.flight_id % len(REMEMBER_AFTER)]
        or flight.plan_id != known.plan_id
        or not (flight.shown and known.shown)
    )
