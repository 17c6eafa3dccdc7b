"""The policies of the breakers around what is outside, made of the settings."""

from __future__ import annotations

from dataclasses import replace

from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.events import EventSettings
from vatwatch.config.vatsim import VatsimSettings
from vatwatch.supervision import BreakerPolicy

# Calls over which a breaker takes its rates: half of them failed, and it opens.
WINDOW = 20


def dependency_policy(breaker: BreakerSettings) -> BreakerPolicy:
    """Of Redis and of each webhook.

    Its timeout does not grow: what waits for them must not wait longer.
    """
    return BreakerPolicy(
        failure_threshold=breaker.failure_threshold,
        timeout_s=breaker.timeout_s,
        max_timeout_s=breaker.timeout_s,
        window=WINDOW,
    )


def database_policy(breaker: BreakerSettings, database: DatabaseSettings) -> BreakerPolicy:
    """Of PostgreSQL, where a transaction is slow that takes half of what it may."""
    return replace(dependency_policy(breaker), slow_call_s=database.timeout_s / 2)


def feed_policy(breaker: BreakerSettings, vatsim: VatsimSettings) -> BreakerPolicy:
    """Of the feed: no longer than two polls, as each snapshot that is missed is missed for good."""
    timeout_s = min(breaker.timeout_s, 2 * vatsim.poll_interval_s)
    return BreakerPolicy(
        failure_threshold=breaker.failure_threshold, timeout_s=timeout_s, max_timeout_s=timeout_s
    )


def handler_policy(breaker: BreakerSettings, events: EventSettings) -> BreakerPolicy:
    """Of a handler of events. A trial may take as long as two tries of one event."""
    return BreakerPolicy(
        failure_threshold=breaker.failure_threshold,
        timeout_s=breaker.timeout_s,
        max_timeout_s=max(breaker.timeout_s, breaker.max_timeout_s),
        trial_deadline_s=2 * events.handler_timeout_s,
    )
