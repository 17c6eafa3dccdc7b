"""What is on its way from the event bus, with a copy on disk for its successor.

Events and dead letters that the table does not have yet are always in the file, since a process may
be killed. Events that handlers did not get yet are in it only after an ordered stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, assert_never
from uuid import UUID

from vatwatch.actors.event_memory import (
    BusMemory,
    Delivery,
    HeldLetter,
    QueueMemory,
)
from vatwatch.errors import EventRefused
from vatwatch.events.dead_letters import DeadLetter
from vatwatch.events.event import Event, EventRow
from vatwatch.messages import StoreEvents
from vatwatch.storage.outbox import (
    BUS_LINES,
    BusLine,
    DeliveryLine,
    EventLine,
    LetterLine,
    Outbox,
)

# Events, and dead letters, sent to the store in one message.
CHUNK = 1_000


class EventBacklog:
    """The way of events and letters into the table."""

    def __init__(
        self,
        memory: BusMemory,
        *,
        size: int,
        path: Path | None,
        given_up: Callable[[UUID], None] = lambda _key: None,
    ) -> None:
        """Holds at most `size` events and `size` dead letters; beyond that the oldest is dropped.

        `given_up(key)` is called with the id of each that is dropped. Without `path` there is no
        copy.
        """
        self._memory = memory
        self.size = size
        self._outbox = None if path is None else Outbox(path, BUS_LINES)
        self._outbox_empty = False
        self._given_up = 0
        self._tell_given_up = given_up

    def __len__(self) -> int:
        return len(self._memory.unstored) + len(self._memory.unwritten)

    @property
    def error(self) -> str:
        """Why the file could not be written."""
        return "" if self._outbox is None else self._outbox.error

    def add_event(self, event: Event) -> None:
        """It happened."""
        self._memory.unstored[event.id] = event
        self._copy(EventLine(EventRow.of(event)))
        self._bound()

    def add_letter(self, letter: DeadLetter) -> None:
        """Keep a dead letter, or its new version after another failed delivery."""
        self._memory.unwritten[letter.id] = letter
        self._copy(LetterLine(letter))
        self._bound()

    def forget_letter(self, letter_id: UUID) -> None:
        """Have the dead letter deleted from the table."""
        self._memory.unwritten[letter_id] = None
        self._bound()

    def next(self) -> StoreEvents | None:
        """The oldest events and dead letters; None if nothing waits."""
        memory = self._memory
        if not len(self):
            return None
        return StoreEvents(
            tuple(islice(memory.unstored.values(), CHUNK)),
            tuple(islice(memory.unwritten.items(), CHUNK)),
        )

    def written(self, message: StoreEvents) -> list[UUID]:
        """Drop these events, which are in the table or never will be, and these dead letters, which
        are stored or deleted."""
        memory = self._memory
        for event in message.events:
            memory.unstored.pop(event.id, None)
        done = []
        for key, letter in message.letters:
            # Not if it has changed since.
            if key in memory.unwritten and memory.unwritten[key] is letter:
                del memory.unwritten[key]
                done.append(key)
        return done

    def clear(self) -> None:
        """Empty the file, if nothing is on its way any more."""
        if not len(self) and not self._outbox_empty and self._outbox is not None:
            self._outbox.rewrite(())
            self._outbox_empty = True

    def load(self) -> None:
        """Load what the last process left, whether it stopped in order or not."""
        if self._outbox is None:
            return
        for line in self._outbox.load():
            try:
                self._take_up(line)
            except EventRefused:
                self._memory.refused += 1
        self.put_away()

    def put_away(self) -> None:
        """At a stop: rewrite the file with all that is on its way, for the next process."""
        if self._outbox is not None:
            self._outbox.rewrite(self._left())

    def close(self) -> None:
        """Give the file back."""
        if self._outbox is not None:
            self._outbox.close()

    def _copy(self, line: BusLine) -> None:
        if self._outbox is not None:
            self._outbox.append(line)
            self._outbox_empty = False

    def _bound(self) -> None:
        """Rewrite the file now and then without what was given up, so it holds twice as many at
        most."""
        memory = self._memory
        waiting: dict[UUID, Any]
        for waiting in (memory.unstored, memory.unwritten):
            while len(waiting) > self.size:
                oldest = next(iter(waiting))
                del waiting[oldest]
                self._tell_given_up(oldest)
                memory.given_up += 1
                self._given_up += 1
        if self._given_up >= self.size:
            self._given_up = 0
            self.put_away()

    def _take_up(self, line: BusLine) -> None:
        memory = self._memory
        match line:
            case EventLine(row):
                event = row.event()
                if memory.is_new(event):
                    memory.unstored[event.id] = event
                    memory.history.append(event)
            case LetterLine(letter):
                memory.unwritten[letter.id] = letter
                memory.hold(HeldLetter(letter))
            case DeliveryLine(handler, row, attempts, redelivery):
                queue = memory.queues.setdefault(handler, QueueMemory()).queue
                queue.append(Delivery(row.event(), attempts, redelivery))
            case _:
                assert_never(line)

    def _left(self) -> Iterator[BusLine]:
        memory = self._memory
        for event in memory.unstored.values():
            yield EventLine(EventRow.of(event))
        for letter in memory.unwritten.values():
            if letter is not None:
                yield LetterLine(letter)
        for handler, waiting in memory.queues.items():
            in_hand = (waiting.in_hand,) if waiting.in_hand else ()
            for delivery in (*in_hand, *waiting.queue):
                row = EventRow.of(delivery.event)
                yield DeliveryLine(handler, row, delivery.attempts, delivery.redelivery)
