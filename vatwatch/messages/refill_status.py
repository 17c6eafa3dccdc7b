"""Status of the refill."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class RefillStatus(Struct, frozen=True):
    """Snapshots that a fail-over has lost. `last_error` is why nobody can look for them now."""

    COUNTERS: ClassVar = ("found",)

    found: int = 0  # lost ones that wait for the database again
    compared_at: datetime | None = None  # wall clock
    timeline: int | None = None  # of PostgreSQL, that was compared with; it changes at a fail-over
    last_error: str = ""
