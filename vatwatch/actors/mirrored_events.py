"""The events that are to go into the stream in Redis. Of the cache's Redis side; asks nobody."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from itertools import count, islice
from time import monotonic
from typing import TypeAlias
from uuid import UUID

from vatwatch.events.event import Event

Numbered: TypeAlias = tuple[int, Event]


class MirroredEvents:
    """Those that wait, in order, at most as many as the stream holds: it would drop the others
    anyway. It also knows whether the stream may lack some that were written before."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._waiting: deque[Numbered] = deque(maxlen=length)
        self._numbers = count()
        # Which data of Redis have all events that the bus has; None: that is not known.
        self._complete_in: str | None = None
        # Until when the stream must be there, as something was written to it.
        self._there_until = 0.0
        # What the bus has told when it was asked: it also comes as any event does.
        self._told_by_bus: set[UUID] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def length(self) -> int:
        """Of the stream."""
        return self._length

    @length.setter
    def length(self, length: int) -> None:
        if length != self._length:
            self._length = length
            self._waiting = deque(self._waiting, maxlen=length)

    def add(self, events: Sequence[Event]) -> None:
        """These have happened."""
        new = [event for event in events if event.id not in self._told_by_bus]
        self._waiting.extend(zip(self._numbers, new, strict=False))

    def clear(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def batch(self, size: int) -> list[Numbered]:
        """The oldest that wait, so many at most."""
        return list(islice(self._waiting, size))

    def written(self, batch: Sequence[Numbered], ttl_s: float) -> None:
        """Redis has these, for so long. More may have come meanwhile, and pushed out some."""
        while self._waiting and self._waiting[0][0] <= batch[-1][0]:
            self._waiting.popleft()
        self._there_until = monotonic() + ttl_s

    def doubt(self) -> None:
        """Redis has lost something, or what it has is another node's."""
        self._complete_in, self._there_until = None, 0.0

    def is_complete(self, data_set: str, *, is_there: bool) -> bool:
        """Whether nothing is missing in these data but what waits. `is_there`: whether they have
        the stream."""
        return self._complete_in == data_set and (is_there or monotonic() >= self._there_until)

    def lacks(self, held: Sequence[Event]) -> bool:
        """Whether the bus has others than those that wait."""
        waiting = {event.id for _, event in self._waiting}
        return any(event.id not in waiting for event in held)

    def fill_up(self, held: Sequence[Event], known: Collection[str]) -> None:
        """Have those of the bus (the oldest first) wait that are not `known`, the ids in Redis."""
        missing = [event for event in held if str(event.id) not in known]
        self._told_by_bus = {event.id for event in missing}
        missing += [one for _, one in self._waiting if one.id not in self._told_by_bus]
        self._waiting = deque(zip(self._numbers, missing, strict=False), self._length)

    def complete(self, data_set: str) -> None:
        """What these data lack, waits."""
        self._complete_in = data_set
