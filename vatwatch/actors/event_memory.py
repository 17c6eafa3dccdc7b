"""What the event bus hands over to its successor: plain values.

No change in it can be left half done: the bus changes it only between two waits, so a kill comes
before or after a change.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from uuid import UUID

from vatwatch.events.dead_letters import DeadLetter, LetterFilter
from vatwatch.events.event import Cursor, Event, EventFilter
from vatwatch.supervision import LatencyCounts, Tell

# Ids that are remembered, so that an event published twice is delivered once.
REMEMBERED = 20_000


@dataclass(slots=True)
class Delivery:
    """An event on its way to a handler."""

    event: Event
    attempts: int = 0
    redelivery: bool = False
    """Whether the event comes from a dead letter."""


@dataclass(slots=True)
class DeliveryCounts:
    """See `messages.DeliveryMetrics`."""

    handled: int = 0
    failed: int = 0
    retried: int = 0
    dead: int = 0
    latency: LatencyCounts = field(default_factory=LatencyCounts)


@dataclass(slots=True)
class QueueMemory:
    """The events on their way to one handler."""

    queue: deque[Delivery] = field(default_factory=deque)
    in_hand: Delivery | None = None
    counts: DeliveryCounts = field(default_factory=DeliveryCounts)
    high_water: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """The event types that a handler wants; empty means all."""

    subscriber: str
    types: frozenset[str] = frozenset()
    source: str = ""

    def wants(self, event: Event) -> bool:
        """Whether the handler wants this event."""
        return (
            (not self.types or event.type in self.types)
            and (not self.source or event.source == self.source)
            and not self._is_about_us(event)
        )

    def _is_about_us(self, event: Event) -> bool:
        # A handler that fails on the event about its own failure would cause the next such event,
        # without end.
        path = getattr(event.payload, "path", "")
        return event.type == "ERROR_OCCURRED" and path.rpartition("/")[2] == self.subscriber


@dataclass(slots=True)
class HeldLetter:
    """A dead letter in memory, with the message itself if it is about one."""

    letter: DeadLetter
    message: Tell | None = None


class BusMemory:
    """Everything that the event bus hands over to its successor."""

    def __init__(self, *, max_history_size: int, max_dead_letter_size: int) -> None:
        self.max_dead_letter_size = max_dead_letter_size
        self._max_history_size = max_history_size
        self._shortened_to: int | None = None
        self.loaded = False
        """Whether the outbox file of the previous process was read."""
        self.history: deque[Event] = deque(maxlen=max_history_size)
        self.queues: dict[str, QueueMemory] = {}
        self.unstored: dict[UUID, Event] = {}
        self.unwritten: dict[UUID, DeadLetter | None] = {}
        """Dead letters whose row in the table is out of date, or (None) is to be deleted."""
        self.letters: OrderedDict[UUID, HeldLetter] = OrderedDict()
        self.by_type: Counter[str] = Counter()
        self.by_source: Counter[str] = Counter()
        self.types: dict[str, DeliveryCounts] = {}
        self.refused = self.repeated = self.given_up = self.dead_messages = 0
        self._seen: OrderedDict[UUID, None] = OrderedDict()

    def bound(self, *, max_history_size: int, max_dead_letter_size: int) -> None:
        """Hold so many events and dead letters from now on; beyond that the oldest is dropped."""
        self._max_history_size = max_history_size
        self.max_dead_letter_size = max_dead_letter_size
        self.shorten(self._shortened_to)
        while len(self.letters) > max_dead_letter_size:
            self.letters.popitem(last=False)

    def shorten(self, size: int | None) -> None:
        """Shorten the ring for a while, to free memory; None ends that."""
        self._shortened_to = size
        wanted = self._max_history_size if size is None else min(size, self._max_history_size)
        if wanted != self.history.maxlen:
            self.history = deque(self.history, maxlen=wanted)

    def is_new(self, event: Event) -> bool:
        """Whether this event is published for the first time. It is remembered from now on."""
        if event.id in self._seen:
            self.repeated += 1
            return False
        self._seen[event.id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def keep(self, event: Event) -> None:
        """Put an event into the ring, and count it."""
        self.history.append(event)
        self.by_type[event.type] += 1
        self.by_source[event.source] += 1

    def hold(self, held: HeldLetter) -> None:
        """Keep a dead letter. If there are too many the oldest is dropped (the table has it)."""
        self.letters[held.letter.id] = held
        self.letters.move_to_end(held.letter.id)
        if len(self.letters) > self.max_dead_letter_size:
            self.letters.popitem(last=False)

    def counts_of(self, kind: str) -> DeliveryCounts:
        """The figures of one event type."""
        return self.types.setdefault(kind, DeliveryCounts())

    def all_letters(self) -> list[DeadLetter]:
        """The dead letters in memory, and those on their way to the table."""
        found = {key: held.letter for key, held in self.letters.items()}
        for key, letter in self.unwritten.items():
            if letter is None:
                found.pop(key, None)
            else:
                found[key] = letter
        return [*found.values()]

    def find_events(
        self, wanted: EventFilter, limit: int, after: Cursor | None
    ) -> tuple[Event, ...]:
        """A page of the latest events, the newest first, after the previous page."""
        found = [
            event
            for event in self.history
            if wanted.wants(event) and (after is None or event.cursor < after)
        ]
        found.sort(key=lambda event: event.cursor, reverse=True)
        return tuple(found[:limit])

    def find_letters(
        self, wanted: LetterFilter, limit: int, after: Cursor | None
    ) -> tuple[DeadLetter, ...]:
        """A page of the dead letters in memory, the newest first, after the previous page."""
        found = [
            letter
            for letter in self.all_letters()
            if wanted.wants(letter) and (after is None or letter.cursor < after)
        ]
        found.sort(key=lambda letter: letter.cursor, reverse=True)
        return tuple(found[:limit])
