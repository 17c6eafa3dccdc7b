"""What each service needs: other services, and dependencies outside. Only for display.

A service needs the services that it asks or hands its results to, and the dependencies that it
connects to. Services that only watch (health monitor, event bus and error manager hear from all)
are not listed.
"""

from __future__ import annotations

from collections.abc import Mapping

OUTSIDE = ("postgresql", "redis", "feed", "transceivers")
"""Dependencies outside the tree that have their own health."""

DEPENDENCIES: Mapping[str, tuple[str, ...]] = {
    "event_bus": ("store",),
    "error_manager": ("store", "history"),
    "config_watcher": (),
    "areas": (),
    "leadership": ("postgresql",),
    "nodes": ("health_monitor", "redis"),
    "postgres": (),
    "journal": (),
    "store": ("postgres", "postgresql"),
    "cache": ("redis",),
    "history": ("postgres", "postgresql"),
    "keys": ("postgres", "postgresql"),
    "sessions": ("redis",),
    "stream": ("cache", "redis"),
    "follower": ("cache", "redis"),
    "subscriptions": ("event_bus", "postgres", "postgresql"),
    "handover": ("journal", "postgres", "postgresql"),
    "refill": ("journal", "postgres", "postgresql"),
    "processor": ("journal", "store", "cache", "subscriptions"),
    "fetcher": ("journal", "feed", "transceivers"),
    "health_monitor": ("history", "cache"),
    "resource_monitor": ("health_monitor", "journal"),
    "alerter": ("store", "history", "health_monitor"),
}


def dependents_of(name: str) -> tuple[str, ...]:
    """The services that need this service or dependency."""
    return tuple(service for service, needs in DEPENDENCIES.items() if name in needs)
