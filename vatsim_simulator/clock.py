"""Simulated time: the time of each update."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vatsim_simulator.people import UPDATE_S
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks, to_ticks

# VATSIM writes its feeds at :10.12, :25.12, ... of each minute.
PHASE_TICKS = round(10.12 * TICKS_PER_S)
PERIOD_TICKS = UPDATE_S * TICKS_PER_S


class Clock:
    """Simulated time, which runs `speed` times as fast as the wall clock from `start` on.

    `wall_s` is any steady count of seconds (`time.monotonic`), handed in.
    """

    def __init__(self, start: datetime, speed: float, wall_s: float) -> None:
        self._start, self._speed, self._began_s = start.astimezone(UTC), speed, wall_s
        self.first_update = newest_update(start)
        self._first_after_s = (self.first_update - self._start).total_seconds()

    @property
    def period_s(self) -> float:
        """Wall seconds from one update to the next."""
        return UPDATE_S / self._speed

    def now(self, wall_s: float) -> datetime:
        """The simulated time."""
        return self._start + timedelta(seconds=(wall_s - self._began_s) * self._speed)

    def due_s(self, number: int) -> float:
        """When an update must be shown, in wall seconds; the first one, number 0, was before."""
        return self._began_s + (self._first_after_s + number * UPDATE_S) / self._speed

    def fall_behind(self, seconds: float) -> None:
        """Stop simulated time for so many wall seconds, because the world is late."""
        self._began_s += seconds


def newest_update(moment: datetime) -> datetime:
    """The time of the newest update at this moment."""
    ticks = to_ticks(moment)
    return from_ticks(ticks - (ticks - PHASE_TICKS) % PERIOD_TICKS)
