"""The events of the node that collects, for the bus of a node that follows it.

They are read from the stream in Redis (`redis_mirror`), each once, from the oldest that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Raw

from vatwatch.errors import EventRefused
from vatwatch.events.event import Event, EventRow, check_event
from vatwatch.storage.state_mirror import StateMirror
from vatwatch.supervision import NativePool

# Events read at once: to decode them takes some milliseconds.
BATCH = 200


class FollowedEvents:
    """Knows how far it has read."""

    def __init__(self, mirror: StateMirror, pool: NativePool) -> None:
        self._mirror, self._pool = mirror, pool
        self._after = "0-0"

    def forget(self) -> None:
        """Begin with the oldest again: the bus drops those that it knows."""
        self._after = "0-0"

    def read(self, take: Callable[[Sequence[Event]], bool]) -> int:
        """Hand on what is new, in order, as long as it is taken. Returns how many events that were.
        Waits.

        Raises:
            redis.RedisError: what was handed on is not read again
        """
        told = 0
        while True:
            found = self._mirror.events_after(self._after, BATCH)
            if not found:
                return told
            events = self._pool.run(_decode, [fields for _, fields in found])
            if events and not take(events):
                return told  # they are read again
            told += len(events)
            self._after = found[-1][0]


def _decode(entries: Sequence[Mapping[bytes, bytes]]) -> list[Event]:
    """Those that can be read: another version may know others, and any program may write there."""
    events = []
    for fields in entries:
        try:
            event = EventRow(
                UUID(fields[b"id"].decode()),
                fields[b"type"].decode(),
                datetime.fromisoformat(fields[b"time"].decode()),
                fields[b"source"].decode(),
                fields[b"correlation_id"].decode(),
                Raw(fields[b"payload"]),
            ).event()
            check_event(event)
        except (EventRefused, ValueError, KeyError):
            continue
        events.append(event)
    return events
