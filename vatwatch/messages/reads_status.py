"""Which server answers questions about the past."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from vatwatch.messages.pool_status import PoolStatus


class ReadsStatus(Struct, frozen=True):
    """Who answers questions about the past.

    `reason` is why it is not the replica, `since` when that began; empty and null while it
    answers. `lag_s` is since when the replica has not all that the primary had; null if that is
    not known."""

    answers: str  # replica, or primary
    reason: str
    since: datetime | None  # wall clock
    server: str  # of DATABASE_READ_URL
    lag_s: float | None
    breaker: str
    pool: PoolStatus | None  # of the replica
