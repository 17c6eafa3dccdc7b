"""From the leadership: which of several processes on one database collects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Role:
    """What this process is, as `leadership` shares it (`Address.shared(Role)`)."""

    node: str
    leads: bool = False
    collects: bool = False
    """Whether it fetches. Who leads does, and goes on while nobody can say who leads."""
    epoch: int | None = None
    """Goes into each writing transaction (`storage.collector_epoch.check_epoch`); None while it
    does not lead."""
    since: datetime | None = None
    """Wall clock, when it began to lead."""
    fetched_before: datetime | None = None
    """Wall clock, when what was stored last at its beginning was fetched."""
    why_not: str = ""
    """Why it does not lead, a sentence for operators without a final stop; empty while it does."""
    lease: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)
    """Whether the lock is held at this moment; any thread may ask."""

    def may_write(self) -> bool:
        """Whether it leads at this moment. Any thread may ask.

        False as soon as the lease is over, also before the actor has noticed; once False, it stays
        so for this record.
        """
        return self.leads and self.lease()
