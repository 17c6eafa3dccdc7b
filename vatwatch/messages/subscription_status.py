"""What the subscriptions report."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class SubscriptionsStatus(Struct, frozen=True):
    """The subscriptions of users: what was judged of them, and told."""

    COUNTERS: ClassVar = ("told", "dropped", "delivered", "undelivered")

    subscriptions: int = 0
    active: int = 0
    judged_at: datetime | None = None  # the feed's time of the latest snapshot that was judged
    judge_ms: float | None = None  # how long that took
    told: int = 0  # messages that were written
    unsaved: int = 0  # messages that wait for the database
    dropped: int = 0  # of these, given up because there were too many
    waiting: int = 0  # messages that wait for their targets, as far as they were read
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""
    since: datetime | None = None  # wall clock
