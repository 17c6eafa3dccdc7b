"""The load of a FIR or a sector, minute by minute."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class MinuteLoad(Struct, frozen=True, gc=False):
    """Of one minute."""

    time: datetime
    """Its begin."""
    load: int | None
    """How many different flights were there at any of its snapshots; None: it has none, so nobody
    knows."""


class SectorMinutes(Struct, frozen=True):
    """Of one sector, each minute of a period."""

    kind: str
    """`fir` or `sector`; empty: the history has none of this name."""
    name: str
    minutes: tuple[MinuteLoad, ...]
