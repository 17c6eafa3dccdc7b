"""Lane: the way of events to one handler. One at a time, in order, and nobody else waits for it.

Each runs in a greenlet of its own. A delivery is an ask: the event is handled when the answer is
there. What is in hand stays in the lane's memory until then, so a bus that crashes meanwhile asks
again: handlers get each event at least once, and tell by its id whether they know it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Protocol

import gevent.event

from vatwatch.actors.event_memory import BusMemory, Delivery, DeliveryCounts, LaneMemory
from vatwatch.config.events import EventSettings
from vatwatch.errors import (
    ActorUnavailable,
    AskTimeout,
    BreakerOpen,
    EventRefused,
    MailboxFull,
    StorageError,
    SupervisionError,
)
from vatwatch.messages import Delivered, FindEvents
from vatwatch.supervision import Address, Backoff, CircuitBreaker, Recovery, Retry
from vatwatch.traffic.events import EventFilter

# Events of a replay that are read from the table at a time.
PAGE = 200
# Between two tries of a replay while the database is away.
REPLAY_RETRY_S = 1.0
HISTORY_TIMEOUT_S = 30.0

# Between two tries of one event.
BETWEEN_TRIES = Backoff(base_s=0.1, cap_s=5.0)


class Owner(Protocol):
    """The bus, as a lane sees it. What it does in these must not wait."""

    def delivered(self, handler: str, delivery: Delivery) -> None:
        """It was handled."""

    def undeliverable(self, handler: str, delivery: Delivery, reason: str, error: str) -> None:
        """It is given up."""


class Lane:
    """See the module."""

    def __init__(
        self,
        owner: Owner,
        memory: LaneMemory,
        bus: BusMemory,
        handler: Address,
        history: Address,
        circuit_breaker: CircuitBreaker,
        recovery: Callable[..., Recovery],
        settings: EventSettings,
        backoff: Backoff,
        stopping: Callable[[], bool],
    ) -> None:
        """`recovery(operation, *remedies)` makes one that tells, as `Actor.recovery`.

        `stopping()`: handlers stop before the bus, so what is left is for the next process.
        """
        self.memory = memory
        self.circuit_breaker = circuit_breaker
        self._owner = owner
        self._bus = bus
        self._handler = handler
        self._history = history
        self._settings = settings
        self._stopping = stopping
        self._wake = gevent.event.Event()
        retry = Retry(settings.retry_attempts, backoff, on=_worth_a_retry)
        self._recovery = recovery(f"deliver to {handler.name}", retry)
        # The error manager makes an event of what it hears: of a failure to deliver that event it
        # must not hear, or one failure would be told for ever.
        self._quietly = Recovery("", "", (retry,), lambda _notice: None)

    def put(self, delivery: Delivery) -> None:
        """One more. A full lane gives up the oldest that waits."""
        memory = self.memory
        memory.queue.append(delivery)
        if len(memory.queue) > self._settings.lane_size:
            oldest = memory.queue.popleft()
            error = f"{self._settings.lane_size} events are waiting"
            self._owner.undeliverable(self._handler.name, oldest, "overflow", error)
        memory.high_water = max(memory.high_water, len(memory.queue))
        self._wake.set()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def run(self) -> None:
        """Deliver, until everything stops."""
        memory = self.memory
        while not self._stopping():
            self._wake.clear()
            if memory.in_hand is None:
                memory.in_hand = self._next()
            if memory.in_hand is not None:
                self._deliver(memory.in_hand)
            elif not memory.queue:
                self._wake.wait(REPLAY_RETRY_S if memory.replays else None)

    def _next(self) -> Delivery | None:
        """Live events first: a replay holds up nobody, not even its own lane."""
        memory = self.memory
        if memory.queue:
            return memory.queue.popleft()
        if not memory.replays:
            return None
        replay = memory.replays[0]
        if not replay.page:
            self._read_on()
        while replay.page:
            row = replay.page.popleft()
            replay.after = row.cursor
            try:
                return Delivery(row.event())
            except EventRefused:
                # Written by another version, or another hand: who replays can do nothing about it.
                self._bus.refused += 1
        return None

    def _read_on(self) -> None:
        """Read the next page of the replay; nothing if it has to wait, no replay if it is over."""
        replay = self.memory.replays[0]
        replay.waits_for &= self._bus.unstored.keys()
        if replay.waits_for or monotonic() < replay.not_before:
            return
        wanted = EventFilter(types=replay.types, since=replay.since, until=replay.until)
        message = FindEvents(wanted, PAGE, replay.after, oldest_first=True)
        try:
            rows = self._history.ask(message, timeout_s=HISTORY_TIMEOUT_S)
        except (StorageError, SupervisionError):
            replay.not_before = monotonic() + REPLAY_RETRY_S
            return
        if rows:
            replay.page.extend(rows)
        else:
            self.memory.replays.popleft()
            self._wake.set()  # the next replay

    def _deliver(self, delivery: Delivery) -> None:
        event = delivery.event
        # That a breaker has opened is told once, by itself.
        untold = event.type == "ERROR_OCCURRED" or self.circuit_breaker.retry_in_s > 0
        recovery = self._quietly if untold else self._recovery
        both = (self.memory.counts, self._bus.counts_of(event.type))
        last: list[Exception] = []

        def attempt() -> None:
            began = monotonic()
            try:
                self.circuit_breaker.call(lambda: self._ask(delivery, both, retried=bool(last)))
            except BreakerOpen as error:
                last[:] = last or [error]
                raise
            except Exception as error:
                last[:] = [error]
                for counts in both:
                    counts.failed += 1
                    counts.latency.add(monotonic() - began)
                raise
            for counts in both:
                counts.handled += 1
                counts.latency.add(monotonic() - began)

        try:
            recovery.call(attempt, correlation_id=event.correlation_id)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its own
            if self._stopping():
                return  # it stays in hand
            text = f"{type(last[0]).__name__}: {last[0]}"
            self._owner.undeliverable(self._handler.name, delivery, _reason(error), text)
        else:
            self._owner.delivered(self._handler.name, delivery)
        self.memory.in_hand = None

    def _ask(
        self, delivery: Delivery, both: tuple[DeliveryCounts, DeliveryCounts], *, retried: bool
    ) -> None:
        delivery.attempts += 1
        for counts in both:
            counts.retried += retried
        self._handler.ask(Delivered(delivery.event), timeout_s=self._settings.handler_timeout_s)


def _worth_a_retry(error: Exception) -> bool:
    return not isinstance(error, BreakerOpen)


def _reason(error: Exception) -> str:
    match error:
        case BreakerOpen():
            return "breaker open"
        case AskTimeout():
            return "timeout"
        case ActorUnavailable() | MailboxFull():
            return "unavailable"
        case _:
            return "failed"
