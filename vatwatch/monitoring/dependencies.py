"""What each service needs: other services, and what is outside. For people: it decides nothing.

A service needs whom it asks, whom it hands its results to, and what it is connected to. Who only
watches (the health monitor, the event bus and the error manager hear from everybody) is not needed
for the work.
"""

from __future__ import annotations

from collections.abc import Mapping

OUTSIDE = ("postgresql", "redis", "feed", "transceivers")
"""What is outside of the tree and has a health of its own."""

DEPENDENCIES: Mapping[str, tuple[str, ...]] = {
    "event_bus": ("store",),
    "error_manager": ("store", "history"),
    "config_watcher": (),
    "postgres": (),
    "journal": (),
    "store": ("postgres", "postgresql"),
    "cache": ("redis",),
    "history": ("postgres", "postgresql"),
    "processor": ("journal", "store", "cache"),
    "fetcher": ("journal", "feed", "transceivers"),
    "health_monitor": ("history", "cache"),
    "resource_monitor": ("health_monitor", "journal"),
    "alerter": ("store", "history", "health_monitor"),
}


def dependents_of(name: str) -> tuple[str, ...]:
    """The services that need this service or this part outside."""
    return tuple(service for service, needs in DEPENDENCIES.items() if name in needs)
