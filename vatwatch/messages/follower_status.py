"""Status of the follower."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class FollowerStatus(Struct, frozen=True):
    """How far this node follows the one that collects. `version` is of the published live state
    that is served here, `update_timestamp` the time of its snapshot."""

    COUNTERS: ClassVar = ("states", "events", "lost_subscriptions")

    follows: bool = False  # false: this node collects
    version: str = ""
    update_timestamp: datetime | None = None
    # Seconds since the served one was published; 0 while it is the newest that is published.
    lag_s: float = 0.0
    subscribed: bool = False  # whether news come at once; if not, within a second
    states: int = 0  # read
    events: int = 0  # read
    lost_subscriptions: int = 0
    last_error: str = ""  # why the newest one cannot be followed; empty if it can
    last_error_at: datetime | None = None  # wall clock
