"""The log of the stream: what has changed and happened in the last ten minutes, in order.

Each entry has a position: the feed's time of the live state that was the latest then, and a number
that rises with each entry. A client that names the position it has got to is told what came after.
Positions are never given twice: a log that begins anew begins with the microsecond of its
beginning, so that a position of another log is not found in it. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from vatwatch.live.query.facts import RecordFacts
from vatwatch.live.stream.deltas import StateChanges
from vatwatch.live.stream.records import UNKNOWN_TIME, StreamState

WINDOW_S = 600.0
"""How long a client may be away and still be told what it has missed."""
# At 2,000 pilots ten minutes have four thousand events, of half a kilobyte each; a first snapshot
# has 2,200. Beyond that the oldest are dropped, and clients can be away for less long.
MAX_ENTRIES = 20_000


class StreamPosition(NamedTuple):
    """How far a client has got: the `id` of a message."""

    updated_at: str
    """As the feed's time is written in JSON, without its quotes; empty: no state was known."""
    sequence: int

    @property
    def text(self) -> str:
        """As clients get it."""
        return f"{self.updated_at}/{self.sequence}"


def read_position(text: str) -> StreamPosition | None:
    """The position in the `id` of a message; None if it cannot be one."""
    updated_at, slash, sequence = text.strip().rpartition("/")
    if not slash or not (sequence.isascii() and sequence.isdigit() and len(sequence) < 20):
        return None
    return StreamPosition(updated_at, int(sequence))


class StateEntry(Struct, frozen=True, tag="state"):
    """Another live state."""

    position: StreamPosition
    at: float
    """Seconds of the wall clock when it was entered."""
    changes: StateChanges


class StreamedEvent(Struct, frozen=True, gc=False):
    """An event as JSON, whom it is about, as they were then, and whom it names: what filters look
    at."""

    content: bytes
    flight: RecordFacts | None = None
    session: RecordFacts | None = None
    callsigns: tuple[str, ...] = ()
    cids: tuple[int, ...] = ()


class EventEntry(Struct, frozen=True, gc=False, tag="event"):
    """Something that happened."""

    position: StreamPosition
    at: float
    event: StreamedEvent


LogEntry: TypeAlias = StateEntry | EventEntry


class StreamLog:
    """Entries, the oldest first, and the position before them."""

    def __init__(self, start: StreamPosition, entries: Iterable[LogEntry] = ()) -> None:
        self.start = start
        """The oldest position that is known."""
        self.entries = deque(entries)
        self.events_from = 0
        """Before this number there may have been events that are not in the log."""
        self._least = 0
        states = [one.position for one in self.entries if isinstance(one, StateEntry)]
        self._state_end = states[-1] if states else start

    @classmethod
    def beginning(cls, state: StreamState, now: float) -> StreamLog:
        """A log that begins with this state. `now`: seconds of the wall clock, here and below."""
        return cls(StreamPosition(_text(state.updated_at), int(now * 1e6)))

    @property
    def since(self) -> float | None:
        """When the oldest entry was entered; None: there is none."""
        return self.entries[0].at if self.entries else None

    @property
    def end(self) -> StreamPosition:
        """The position of the latest entry."""
        return self.entries[-1].position if self.entries else self.start

    def end_for(self, *, with_events: bool) -> StreamPosition:
        """The position of the latest entry for clients with or without events."""
        return self.end if with_events else self._state_end

    def add_state(self, changes: StateChanges, now: float) -> None:
        """Enter that the live state has changed so."""
        position = StreamPosition(_text(changes.updated_at), self._next())
        self.entries.append(StateEntry(position, now, changes))
        self._state_end = position
        self.forget(now)

    def add_events(self, events: Iterable[StreamedEvent], now: float) -> None:
        """Enter that these happened."""
        for event in events:
            position = StreamPosition(self.end.updated_at, self._next())
            self.entries.append(EventEntry(position, now, event))
        self.forget(now)

    def follow(self, start: StreamPosition, entries: Iterable[LogEntry], events_from: int) -> None:
        """Go the same way as another log, of which these entries come next. `start`,
        `events_from`: its own."""
        for entry in entries:
            self.entries.append(entry)
            if isinstance(entry, StateEntry):
                self._state_end = entry.position
        self.events_from = max(self.events_from, events_from)
        while self.entries and self.entries[0].position.sequence <= start.sequence:
            self.start = self.entries.popleft().position

    def take_over(self, now: float) -> None:
        """Go on with a log of another process. It may have got further than what was read: give
        none of the positions that it may have given. Those of the log itself stay known."""
        self._least = int(now * 1e6)

    def miss_events(self) -> None:
        """Events may have happened that are not in the log: nobody who wants events may go on from
        a position before this."""
        self.events_from = self._next()

    def forget(self, now: float) -> None:
        """Drop what is too old, and what is too much."""
        while self.entries and (
            self.entries[0].at < now - WINDOW_S or len(self.entries) > MAX_ENTRIES
        ):
            self.start = self.entries.popleft().position

    def _next(self) -> int:
        return max(self.end.sequence + 1, self._least)

    def after(
        self, position: StreamPosition, *, with_events: bool = True
    ) -> Sequence[LogEntry] | None:
        """The entries after a position, without events unless they are wanted; None: it is not a
        position of this log, it is too long ago, or events that are wanted are missing since."""
        if with_events and position.sequence < self.events_from:
            return None
        if position == self.start:
            first = 0
        else:
            found = bisect_left(
                self.entries, position.sequence, key=lambda one: one.position.sequence
            )
            if found == len(self.entries) or self.entries[found].position != position:
                return None
            first = found + 1
        after = islice(self.entries, first, None)
        return [one for one in after if with_events or isinstance(one, StateEntry)]


def _text(updated_at: bytes) -> str:
    return "" if updated_at == UNKNOWN_TIME else msgspec.json.decode(updated_at, type=str)
