"""What the leadership reports."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class LeadershipStatus(Struct, frozen=True):
    """Which of several processes on one database collects: this one, or why it does not."""

    COUNTERS: ClassVar = ("taken", "lost")

    node: str = ""
    leads: bool = False
    epoch: int | None = None  # null while it does not lead
    since: datetime | None = None  # wall clock, when it began to lead
    why_not: str = ""  # empty while it leads
    taken: int = 0  # how often it began to lead
    lost: int = 0  # how often it lost the role, without being told to stop
    last_loss: str = ""  # why, the last time
