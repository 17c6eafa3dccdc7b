"""When a disk will be full, as far as its last hours tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import linear_regression
from typing import Self

# A reading a minute is kept, for six hours: long enough to see past a clean-up, short enough to
# follow an evening with twice the traffic.
EACH = timedelta(minutes=1)
READINGS = 360
# Fewer tell nothing: what a start writes is no pace.
LEAST = 10
# Further ahead nobody plans by a pace of six hours.
FURTHEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Filling:
    """How much of a disk was free, the oldest reading first."""

    readings: tuple[tuple[datetime, float], ...] = ()
    """Times of the wall clock, and MiB."""

    def with_reading(self, now: datetime, free_mb: float) -> Self:
        """The same with one more, unless the last one is of the same minute."""
        last = self.readings[-1][0] if self.readings else None
        if last is not None and last <= now < last + EACH:
            return self
        # A clock that was set back: what is before tells of another time.
        before = self.readings if last is None or last <= now else ()
        return type(self)((*before[1 - READINGS :], (now, free_mb)))

    def full_at(self) -> datetime | None:
        """When nothing is free, by the line through all readings (least squares); None: it does not
        fill, or nobody knows yet."""
        if len(self.readings) < LEAST:
            return None
        (first, _), (last, free_mb) = self.readings[0], self.readings[-1]
        seconds = [(time - first).total_seconds() for time, _ in self.readings]
        slope, _ = linear_regression(seconds, [free for _, free in self.readings])
        # So little a second that it would take longer than anybody asks.
        if slope >= 0 or free_mb / -slope > FURTHEST.total_seconds():
            return None
        return last + timedelta(seconds=free_mb / -slope)
