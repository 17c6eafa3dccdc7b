"""What the tree needs besides the settings: sizes, times, and which actor gets which events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vatwatch.actors.event_memory import Subscription
from vatwatch.cluster.passed_on import NodeAnswer, NodeRequest
from vatwatch.storage.embedded import RECOVERY_S

# One writes; the second is used while a dead one has not been noticed yet.
WRITERS = 2
# Connections of those that keep rows of the service itself: one of the keys, two of the
# subscriptions.
KEEPERS = 3
# Of the leadership, one with the lock and one for questions; of the handover, and of the refill.
OF_THE_ROLE = 4
POSTGRES_STOP_S = 10.0
# How long the embedded server may take to start, crash recovery included.
POSTGRES_START_S = RECOVERY_S + 120.0
# The actor also starts the server again after it has died.
POSTGRES_DEADLINE_S = POSTGRES_START_S

# File in the home for what the event bus has and the table does not have yet.
EVENTS_OUTBOX = "events.outbox"

# Who is told whether this node collects: if it is alone, and if it is one of several.
ROLE_OF_ONE = ("store",)
ROLE_OF_MANY = ("store", "cache", "stream", "event_bus", "subscriptions", "handover", "follower")

# Which actors of the tree get which events.
SUBSCRIPTIONS: tuple[Subscription, ...] = (
    # It judges its rules at once. What it misses it sees at its next check.
    Subscription(
        "alerter",
        frozenset({"HEALTH_CHECK", "ERROR_OCCURRED", "SERVICE_RECOVERED", "SERVICE_STOPPED"}),
    ),
    # It probes a failed part at once.
    Subscription("health_monitor", frozenset({"ERROR_OCCURRED"})),
    # If a lack of resources caused a failure, it measures at once.
    Subscription("resource_monitor", frozenset({"ERROR_OCCURRED"})),
    # A failure after a recovery is a new outage.
    Subscription("error_manager", frozenset({"SERVICE_RECOVERED"})),
)


@dataclass(frozen=True, slots=True)
class Membership:
    """This process as a node among others, which share the database and Redis with it."""

    node: str
    """Its name."""
    answer: Callable[[NodeRequest], NodeAnswer]
    """How it answers a request that another node passes on."""
