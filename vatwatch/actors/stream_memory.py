"""What a stream hands over to its successor."""

from __future__ import annotations

from dataclasses import dataclass

from vatwatch.events.event import Event
from vatwatch.live.stream.known_state import KnownState
from vatwatch.live.stream.log import StreamLog


@dataclass(slots=True)
class StreamMemory:
    """The log, and what is about to be in it."""

    state: KnownState
    log: StreamLog
    before: KnownState | None = None
    """The state before its latest change; None: nobody knows it any more."""
    held: tuple[Event, ...] = ()
    """Events that have come and are not in the log yet."""
    total: int | None = None
    """How many events the bus had published at its latest message; None: nobody knows."""
    is_whole: bool = False
    """Of a log that is followed: its writer has ended in order, and has left nothing out."""
