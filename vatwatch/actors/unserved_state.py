"""The live state that the cache could not encode, if there is one, and its next try."""

from __future__ import annotations

from vatwatch.actors.service import Service
from vatwatch.messages import LiveChanged
from vatwatch.supervision import Tell, Timer, correlation_of


class UnservedState:
    """Of the cache, which serves the one before meanwhile."""

    def __init__(self, cache: Service, due: Tell) -> None:
        """`due`: what the cache tells itself when it is to be tried again."""
        self._cache, self._due = cache, due
        self._again: Timer | None = None
        self.live: LiveChanged | None = None
        """It; None: the latest one is served, or is not to be tried again."""
        self.because = ""
        """Why the latest one cannot be served; empty if it is."""

    def keep(self, live: LiveChanged, error: Exception, *, retry_s: float) -> None:
        """It failed. One of the journal's is tried again, until the journal sets it aside."""
        self.live = live
        self.because = f"the snapshot of {live.state.time} cannot be served: {error!r}"
        if live.entry_id is None:
            self._cache.report_failure("encode live state", error)
            return
        self._cache.snapshot_failed(
            live.entry_id, "encode live state", error, correlation_id=correlation_of(live)
        )
        self._again = self._cache.after(retry_s, self._due)

    def drop(self) -> None:
        """Try it no more."""
        self.live = None
        if self._again is not None:
            self._again.cancel()
            self._again = None
