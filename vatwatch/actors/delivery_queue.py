"""Delivery queue: the events on their way to one handler, one at a time and in order.

Each queue has its own greenlet, so a slow handler delays no other. A delivery is an ask: the event
counts as handled when the answer comes. Until then it stays in the queue's memory, so after a crash
the bus asks again: handlers get each event at least once.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Protocol

import gevent.event

from vatwatch.actors.event_memory import BusMemory, Delivery, DeliveryCounts, QueueMemory
from vatwatch.config.events import EventSettings
from vatwatch.counting import counted
from vatwatch.errors import (
    ActorUnavailable,
    AskTimeout,
    BreakerOpen,
    MailboxFull,
)
from vatwatch.events.event import Event
from vatwatch.messages import Delivered
from vatwatch.supervision import Address, Backoff, CircuitBreaker, Recovery, Retry

# Between two tries of one event.
BETWEEN_TRIES = Backoff(base_s=0.1, cap_s=5.0)


class Owner(Protocol):
    """What a queue calls on its owner. These methods must not wait."""

    def delivered(self, handler: str, delivery: Delivery) -> None:
        """It was handled."""

    def undeliverable(self, handler: str, delivery: Delivery, reason: str, error: str) -> None:
        """The event is given up."""


class DeliveryQueue:
    """The queue of one handler, with its breaker, retries and figures."""

    def __init__(
        self,
        owner: Owner,
        memory: QueueMemory,
        bus: BusMemory,
        handler: Address,
        circuit_breaker: CircuitBreaker,
        recovery: Callable[..., Recovery],
        settings: EventSettings,
        backoff: Backoff,
        stopping: Callable[[], bool],
    ) -> None:
        """`recovery(operation, *remedies)` makes a `Recovery` that reports failures, as
        `Actor.recovery` does.

        `stopping()` says whether the tree stops: handlers stop before the bus, so what is left is
        for the next process.
        """
        self.memory = memory
        self.circuit_breaker = circuit_breaker
        self._owner = owner
        self._bus = bus
        self._handler = handler
        self._make_recovery = recovery
        self._backoff = backoff
        self._stopping = stopping
        self._wake = gevent.event.Event()
        self.use(settings)

    def use(self, settings: EventSettings) -> None:
        """Use these settings' timeouts and tries, from the next delivery on."""
        self._settings = settings
        retry = Retry(settings.retry_attempts, self._backoff, on=_worth_a_retry)
        self._recovery = self._make_recovery(f"deliver to {self._handler.name}", retry)
        # The error manager makes an event of each failure. It must not hear of a failure to deliver
        # that event, or one failure would be reported without end.
        self._quietly = Recovery("", "", (retry,), lambda _notice: None)
        self._shorten()

    def put(self, delivery: Delivery) -> None:
        """Add one. A full queue gives up the oldest that waits."""
        memory = self.memory
        memory.queue.append(delivery)
        self._shorten()
        memory.high_water = max(memory.high_water, len(memory.queue))
        self._wake.set()

    def _shorten(self) -> None:
        size = self._settings.handler_queue_size
        while len(self.memory.queue) > size:
            oldest = self.memory.queue.popleft()
            error = counted(size, "event is", "events are") + " waiting"
            self._owner.undeliverable(self._handler.name, oldest, "overflow", error)

    def holds(self, event: Event) -> bool:
        """Whether this event waits here, or is in the handler's hands."""
        in_hand = () if self.memory.in_hand is None else (self.memory.in_hand,)
        return any(each.event.id == event.id for each in (*in_hand, *self.memory.queue))

    def run(self) -> None:
        """Deliver, until everything stops."""
        memory = self.memory
        while not self._stopping():
            self._wake.clear()
            if memory.in_hand is None and memory.queue:
                memory.in_hand = memory.queue.popleft()
            if memory.in_hand is not None:
                self._deliver(memory.in_hand)
            else:
                self._wake.wait()

    def _deliver(self, delivery: Delivery) -> None:
        event = delivery.event
        # An open breaker reports itself, once.
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
