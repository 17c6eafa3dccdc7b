"""What the tree is made of besides the settings: sizes, times, and who hears of what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.actors.event_memory import Subscription
from vatwatch.storage.embedded import RECOVERY_S
from vatwatch.supervision import BreakerPolicy

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings

# One writes; the second is for the moment in which a dead one has not been noticed yet.
WRITERS = 2
POSTGRES_STOP_S = 10.0
# It may have to be started again, with its crash recovery.
POSTGRES_START_S = RECOVERY_S + 120.0
# It starts the server again when that has died.
POSTGRES_DEADLINE_S = POSTGRES_START_S

# In the home: what the event bus has and the table does not.
EVENTS_OUTBOX = "events.outbox"

# Who of the tree hears of which events.
SUBSCRIPTIONS: tuple[Subscription, ...] = (
    # When to look at what holds; what it would miss it sees at its next look.
    Subscription(
        "alerter",
        frozenset({"HEALTH_CHECK", "ERROR_OCCURRED", "SERVICE_RECOVERED", "SERVICE_STOPPED"}),
    ),
    # What fails is probed at once.
    Subscription("health_monitor", frozenset({"ERROR_OCCURRED"})),
    # A failure for want of a resource is a reason to look at the limits now.
    Subscription("resource_monitor", frozenset({"ERROR_OCCURRED"})),
    # What fails again after it is an outage of its own.
    Subscription("error_manager", frozenset({"SERVICE_RECOVERED"})),
)


def child_breaker(s: Settings) -> BreakerPolicy:
    """Of each worker of the tree; its supervisor's intensity decides when it opens."""
    return BreakerPolicy(
        timeout_s=s.breaker.timeout_s,
        max_timeout_s=max(s.breaker.timeout_s, s.breaker.max_timeout_s),
        half_open_trials=s.breaker.trials,
    )
