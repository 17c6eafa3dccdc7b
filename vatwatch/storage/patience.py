"""How long to wait for a server that starts."""

from __future__ import annotations

import logging
from time import monotonic

log = logging.getLogger(__name__)

# Seconds between two log lines that say that it recovers.
TOLD_EVERY_S = 30.0


class Patience:
    """A time limit that starts again at each sign of life, up to a bound."""

    def __init__(self, timeout_s: float, most_s: float) -> None:
        """
        Args:
            timeout_s: how long to wait since the last sign of life
            most_s: how long to wait in all
        """
        now = monotonic()
        self._timeout_s = timeout_s
        self._most_s = most_s
        self._began = self._told_at = now
        self._until = now + timeout_s

    @property
    def left_s(self) -> float:
        """Whether the time is up."""
        return max(0.0, self._until - monotonic())

    def heard(self) -> None:
        """The server lives but is not ready: it recovers from a crash."""
        now = monotonic()
        self._until = min(self._began + self._most_s, now + self._timeout_s)
        if now - self._told_at > TOLD_EVERY_S:
            self._told_at = now
            waited_s = now - self._began
            log.info("PostgreSQL is recovering from a crash; %.0f s so far.", waited_s)
