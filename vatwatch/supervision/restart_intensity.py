"""Restart intensity: how many restarts in a period are too many. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RestartWindow:
    """The restarts of the last `period_s` seconds; more than `intensity` of them are too many.

    OTP's rule, borders included: a restart exactly `period_s` ago still counts.
    """

    intensity: int
    period_s: float
    restarts: tuple[float, ...] = ()
    """The times of the restarts, the oldest first."""

    def add(self, now: float) -> RestartWindow:
        """The window with one more restart, at `now`."""
        # One more than the intensity is enough to know; a storm of restarts needs no more memory.
        recent = (*self._recent(now), now)[-(self.intensity + 1) :]
        return replace(self, restarts=recent)

    def with_limits(self, intensity: int, period_s: float) -> RestartWindow:
        """The same restarts, with other limits from the next one on."""
        return replace(self, intensity=intensity, period_s=period_s)

    def count(self, now: float) -> int:
        """How many restarts are in the window at `now`: at most one more than the intensity."""
        return len(self._recent(now))

    @property
    def exceeded(self) -> bool:
        """Whether the last restart was one too many."""
        return len(self.restarts) > self.intensity

    def _recent(self, now: float) -> tuple[float, ...]:
        return self.restarts[bisect_left(self.restarts, now - self.period_s) :]
