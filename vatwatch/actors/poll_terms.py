"""How the feeds are polled, from the settings: limits of one request, tries, breaker."""

from __future__ import annotations

from typing import Any

from vatwatch.actors.breakers import feed_policy
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.vatsim import VatsimSettings
from vatwatch.errors import FeedEmpty, FetchError, FetchStatus, FetchTimeout, FetchUnreachable
from vatwatch.supervision import Actor, Backoff, CircuitBreaker, Recovery, Retry, WithBreaker

# Delay between two tries of one poll. All tries must fit into the interval.
BACKOFF = Backoff(base_s=0.5, cap_s=5.0)
MEGABYTE = 1024 * 1024


def request_terms(settings: VatsimSettings) -> dict[str, Any]:
    """The arguments of `FeedClient` and of `FeedClient.change`, from the settings."""
    return {
        "user_agent": settings.full_user_agent,
        "timeout_s": settings.api_timeout_s,
        "max_body_bytes": settings.max_body_mb * MEGABYTE,
        "may_ask": settings.may_ask,
    }


def guarded_polls(
    fetcher: Actor, settings: VatsimSettings, breaker: BreakerSettings
) -> tuple[CircuitBreaker, Recovery]:
    """The feed's breaker, and what makes a poll's request: through the breaker, with its tries."""
    circuit_breaker = fetcher.circuit_breaker(
        "VATSIM feed", feed_policy(breaker, settings), failure_types=(FetchError, FeedEmpty)
    )
    tries = Retry(
        settings.retry_attempts, BACKOFF, on=_worth_retrying, within_s=settings.poll_interval_s
    )
    return circuit_breaker, fetcher.recovery("poll", WithBreaker(circuit_breaker), tries)


def _worth_retrying(error: Exception) -> bool:
    """Whether another try within the same poll may succeed."""
    if isinstance(error, FetchStatus):
        return error.status >= 500
    return isinstance(error, FetchTimeout | FetchUnreachable | FeedEmpty)
