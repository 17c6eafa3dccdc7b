"""The breaker policies that the settings give: for dependencies, event handlers and actors."""

from __future__ import annotations

from dataclasses import replace

from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.events import EventSettings
from vatwatch.config.sentinels import is_of_sentinels
from vatwatch.config.vatsim import VatsimSettings
from vatwatch.supervision import BreakerPolicy

# Calls over which a breaker computes its failure rate; it opens when half of them failed.
WINDOW = 20
# Between two trials of a Redis behind sentinels. A trial may take as long.
FAILOVER_S = 2.0


def dependency_policy(breaker: BreakerSettings) -> BreakerPolicy:
    """For each webhook, and for what else is outside and has no policy of its own.

    Its timeout does not grow, so work that waits for them is never delayed longer.
    """
    return BreakerPolicy(
        failure_threshold=breaker.failure_threshold,
        timeout_s=breaker.timeout_s,
        max_timeout_s=breaker.timeout_s,
        window=WINDOW,
    )


def redis_policy(breaker: BreakerSettings, url: str) -> BreakerPolicy:
    """For Redis at this address. Sentinels have another master within seconds, so it is tried again
    as soon as that."""
    policy = dependency_policy(breaker)
    if not is_of_sentinels(url):
        return policy
    timeout_s = min(policy.timeout_s, FAILOVER_S)
    return replace(policy, timeout_s=timeout_s, max_timeout_s=timeout_s)


def database_policy(breaker: BreakerSettings, database: DatabaseSettings) -> BreakerPolicy:
    """For PostgreSQL. A transaction counts as slow if it takes half of its time limit."""
    return replace(dependency_policy(breaker), slow_call_s=database.timeout_s / 2)


def feed_policy(breaker: BreakerSettings, vatsim: VatsimSettings) -> BreakerPolicy:
    """For the feed. It stays open for two polls at most, since a missed snapshot cannot be fetched
    later."""
    timeout_s = min(breaker.timeout_s, 2 * vatsim.poll_interval_s)
    return BreakerPolicy(
        failure_threshold=breaker.failure_threshold, timeout_s=timeout_s, max_timeout_s=timeout_s
    )


def handler_policy(breaker: BreakerSettings, events: EventSettings) -> BreakerPolicy:
    """For an event handler. A trial may take as long as two tries of one event."""
    return BreakerPolicy(
        failure_threshold=breaker.failure_threshold,
        timeout_s=breaker.timeout_s,
        max_timeout_s=max(breaker.timeout_s, breaker.max_timeout_s),
        trial_deadline_s=2 * events.handler_timeout_s,
    )


def child_policy(breaker: BreakerSettings) -> BreakerPolicy:
    """For each worker of the tree. Its supervisor's intensity decides when it opens."""
    return BreakerPolicy(
        timeout_s=breaker.timeout_s,
        max_timeout_s=max(breaker.timeout_s, breaker.max_timeout_s),
        half_open_trials=breaker.trials,
    )
