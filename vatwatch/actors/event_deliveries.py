"""Event deliveries: who subscribed, each handler's queue, and what becomes of each delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import gevent

from vatwatch.actors.breakers import handler_policy
from vatwatch.actors.delivery_queue import DeliveryQueue
from vatwatch.actors.event_memory import (
    BusMemory,
    Delivery,
    DeliveryCounts,
    QueueMemory,
    Subscription,
)
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.events import EventSettings
from vatwatch.events.dead_letters import DeadLetter
from vatwatch.events.event import Event
from vatwatch.messages import Redelivery
from vatwatch.messages.status import DeliveryMetrics, HandlerStatus
from vatwatch.supervision import Actor, Backoff


class Undelivered(Protocol):
    """Called when a handler will not get an event."""

    def __call__(self, event: Event, handler: str, reason: str, error: str, attempts: int) -> None:
        """Keep it as a dead letter. Must not wait."""


class EventDeliveries:
    """The delivery side of the event bus. Its greenlets belong to the bus."""

    def __init__(
        self,
        bus: Actor,
        memory: BusMemory,
        settings: EventSettings,
        breaker: BreakerSettings,
        subscriptions: Sequence[Subscription],
        *,
        backoff: Backoff,
        redelivered: Callable[[Event, str], None],
        undelivered: Undelivered,
        changed: Callable[[], None],
    ) -> None:
        """Args:
        bus: the actor whose addresses, breakers, recoveries and greenlets are used
        memory: what outlives the bus; the queues are in it
        subscriptions: who gets which events
        backoff: between two tries of one event
        redelivered: called with event and handler when a dead letter was handled after all
        undelivered: called when an event is given up
        changed: called after each delivery, when the figures have changed
        """
        self._bus = bus
        self._memory = memory
        self._settings = settings
        self._policy = handler_policy(breaker, settings)
        self._backoff = backoff
        self._redelivered = redelivered
        self._tell_undelivered = undelivered
        self._changed = changed
        self._subscriptions = {each.subscriber: each for each in subscriptions}
        self._queues: dict[str, DeliveryQueue] = {}
        self._running: list[gevent.Greenlet[..., object]] = []

    def start(self) -> None:
        """Start the queues of all subscribers, and queues that still hold events."""
        for handler in {**self._subscriptions, **self._memory.queues}:
            self._queue(handler)

    def stop(self) -> None:
        """Stop all queues. What is in them stays in the memory."""
        gevent.killall(self._running)

    def change(self, settings: EventSettings, breaker: BreakerSettings) -> None:
        """Use these settings' timeouts and tries, from the next delivery on."""
        self._settings, self._policy = settings, handler_policy(breaker, settings)
        for queue in self._queues.values():
            queue.circuit_breaker.use_policy(self._policy)
            queue.use(settings)

    def deliver(self, event: Event) -> None:
        """Put an event into the queue of each handler that wants it. Does not wait."""
        for subscription in self._subscriptions.values():
            if subscription.wants(event):
                self._queue(subscription.subscriber).put(Delivery(event))

    def redeliver(self, letter: DeadLetter) -> Redelivery:
        """Put the event of a dead letter into its handler's queue again.

        Raises:
            EventRefused: it does not fit today's schema
        """
        assert letter.event is not None
        event = letter.event.event()
        queue = self._queue(letter.receiver)
        if queue.holds(event):
            return Redelivery.ALREADY_QUEUED
        queue.put(Delivery(event, letter.attempts, redelivery=True))
        return Redelivery.QUEUED

    def status(self) -> dict[str, HandlerStatus]:
        """Each handler with its figures."""
        return {name: self._status(name, self._queues[name]) for name in sorted(self._queues)}

    # --- called by the queues ----------------------------------------------------------------

    def delivered(self, handler: str, delivery: Delivery) -> None:
        """An event was handled."""
        if delivery.redelivery:
            self._redelivered(delivery.event, handler)
        self._changed()

    def undeliverable(self, handler: str, delivery: Delivery, reason: str, error: str) -> None:
        """An event is given up."""
        event = delivery.event
        self._memory.queues[handler].counts.dead += 1
        self._memory.counts_of(event.type).dead += 1
        self._tell_undelivered(event, handler, reason, error, delivery.attempts)
        self._changed()

    def _queue(self, handler: str) -> DeliveryQueue:
        if handler not in self._queues:
            queue = self._queues[handler] = DeliveryQueue(
                self,
                self._memory.queues.setdefault(handler, QueueMemory()),
                self._memory,
                self._bus.address(handler),
                self._bus.circuit_breaker(f"event handler {handler}", self._policy, kind="handler"),
                self._bus.recovery,
                self._settings,
                self._backoff,
                lambda: self._bus.tree_is_stopping,
            )
            self._running.append(self._bus.spawn(queue.run))
        return self._queues[handler]

    def _status(self, name: str, queue: DeliveryQueue) -> HandlerStatus:
        subscription = self._subscriptions.get(name)
        in_hand = queue.memory.in_hand
        return HandlerStatus(
            types=() if subscription is None else tuple(sorted(subscription.types)),
            source="" if subscription is None else subscription.source,
            subscribed=subscription is not None,
            depth=len(queue.memory.queue),
            high_water=queue.memory.high_water,
            in_hand="" if in_hand is None else in_hand.event.type,
            breaker=queue.circuit_breaker.state.value,
            metrics=metrics_of(queue.memory.counts),
        )


def metrics_of(counts: DeliveryCounts) -> DeliveryMetrics:
    """The counts in the form that the status shows."""
    latency = counts.latency.info()
    return DeliveryMetrics(
        handled=counts.handled,
        failed=counts.failed,
        retried=counts.retried,
        dead=counts.dead,
        p50_s=None if latency is None else latency.p50_s,
        p99_s=None if latency is None else latency.p99_s,
        max_s=None if latency is None else latency.max_s,
    )
