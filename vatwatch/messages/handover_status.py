"""Status of the handover."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class HandoverStatus(Struct, frozen=True):
    """Snapshots that went from one node to another. `last_error` is why none can go now."""

    COUNTERS: ClassVar = ("handed", "taken")

    handed: int = 0  # of this node, to the collector
    taken: int = 0  # of other nodes, into this journal
    last_error: str = ""
