"""The outcomes of a poll, one word each, and what the operator is told about them."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic

from vatwatch.errors import (
    BreakerOpen,
    FetchRedirected,
    FetchStatus,
    FetchTimeout,
    FetchTooLarge,
    FetchUndecodable,
    FetchUnreachable,
    JournalError,
    JournalFull,
    SupervisionError,
)
from vatwatch.feed.clock import readable
from vatwatch.feed.outcomes import FEED_OUTCOMES
from vatwatch.messages.status import FetcherStatus
from vatwatch.monitoring.health import Health

_OUTCOMES: dict[type[Exception], str] = {
    **FEED_OUTCOMES,
    FetchTimeout: "timeout",
    FetchStatus: "http_status",
    FetchTooLarge: "too_large",
    FetchRedirected: "redirected",
    FetchUndecodable: "undecodable",
    FetchUnreachable: "unreachable",
    BreakerOpen: "breaker_open",
    JournalFull: "journal_full",
    JournalError: "journal_failed",
    SupervisionError: "journal_failed",
}
ANSWERED = ("advanced", "unchanged", "older", "future")
"""Outcomes of a feed that answers. Only "advanced" means that all is well."""
NOT_KEPT = ("journal_full", "journal_failed")
"""Outcomes that the journal causes: the feed is well, but nothing is collected."""
NO_ANSWER = ("timeout", "unreachable", "breaker_open", "http_status")
"""Outcomes after which the feed's address may be wrong."""

# A feed that fails in a new way each time is logged this often.
TELL_S = 60.0


def outcome_of(error: Exception) -> str:
    """The outcome for the error that ended a poll. Raises StopIteration for an unknown error."""
    return next(_OUTCOMES[kind] for kind in type(error).__mro__ if kind in _OUTCOMES)


def health_of(status: FetcherStatus, held_lead: timedelta) -> tuple[Health, str]:
    """How the feed is, and why. `held_lead`: how far the newest held update is ahead of our clock,
    if updates are held."""
    if status.last_error:
        next_try = f"next try at {status.next_poll_at:%H:%M:%S} UTC"
        return Health.UNHEALTHY, f"{status.last_error}; {next_try}"
    if status.held:
        # They may be why nothing newer is known for so long that the feed counts as frozen.
        lead = readable(held_lead)
        return Health.DEGRADED, f"updates are held, as their clock is in doubt: {lead} by ours"
    if status.frozen:
        since = status.last_advanced_at
        ago = "the start" if since is None else f"{since:%H:%M:%S} UTC"
        return Health.DEGRADED, f"the feed has not changed since {ago}"
    if status.transceivers_frozen:
        return Health.DEGRADED, "the transceivers feed has stopped updating"
    if status.transceivers_missing:
        return Health.DEGRADED, f"snapshots have no transceivers: {status.transceivers_error}"
    return Health.HEALTHY, ""


class PollLog:
    """Logs when polls begin to fail, when the reason changes, and when all is well again."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told = ""  # the outcome that was told last; empty: all is well
        self._told_s = 0.0

    def take(self, outcome: str, *, error: str, source: str, next_poll_at: datetime) -> None:
        """Note the outcome of a poll.

        Args:
            outcome: as `outcome_of`, or one of `ANSWERED`
            error: what was wrong, as a sentence without its stop; empty if nothing was
            source: the feed's address, as it may be shown
            next_poll_at: when the feed is asked again
        """
        if outcome in ANSWERED:
            self._tell_return(source)
        elif self._is_news(outcome):
            self._told, self._told_s = outcome, monotonic()
            next_try = f"The next try is at {next_poll_at:%H:%M:%S} UTC."
            if outcome in NOT_KEPT:
                self._log.warning("Snapshots cannot be kept: %s. %s", error, next_try)
            else:
                self._log.warning(
                    "The VATSIM feed is unavailable: %s. What is known is served. %s",
                    error,
                    next_try,
                )

    def _tell_return(self, source: str) -> None:
        told, self._told = self._told, ""
        if told in NOT_KEPT:
            self._log.info("Snapshots can be kept again.")
        elif told:
            self._log.info("The VATSIM feed is available again: %s.", source)

    def _is_news(self, outcome: str) -> bool:
        """Whether the outcome is new, and not one of many changing failures in a row."""
        if not self._told:
            return True
        # A breaker opens because of failures that were logged already.
        if outcome in (self._told, "breaker_open"):
            return False
        is_same_part = (self._told in NOT_KEPT) is (outcome in NOT_KEPT)
        return not is_same_part or monotonic() - self._told_s >= TELL_S
