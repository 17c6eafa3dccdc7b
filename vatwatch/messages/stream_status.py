"""Status of the stream."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class StreamStatus(Struct, frozen=True):
    """The log of the stream. `position` is the id of its latest message, `since` is the time of the
    oldest entry: who has been away since then can go on."""

    COUNTERS: ClassVar = ("opened", "resumed")

    position: str = ""
    since: datetime | None = None  # wall clock
    states: int = 0  # entries: live states
    events: int = 0  # entries: events
    opened: int = 0  # first blocks for clients
    resumed: int = 0  # of these, that went on where the client was
    mirrored: str = ""  # the position up to which the log is in Redis
    redis_error: str = ""  # why the log is not in Redis; empty if it is, or if there is no Redis
