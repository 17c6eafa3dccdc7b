"""Event bus: delivers what happened to whoever subscribed, and keeps the latest.

Receives  Publish, Subscribe, GetEvents
Sends     Delivered to subscribers, StoreEvents to store (but for what a snapshot's own transaction
          writes), ServiceReport
Holds     a ring of the latest events, and the subscribers' names
Restart   costs the ring (the table of events has all of it) and the subscriptions
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import Any, assert_never

from vatwatch.actors.service import Service
from vatwatch.messages import (
    Delivered,
    EventBusStatus,
    GetEvents,
    Health,
    Publish,
    StoreEvents,
    Subscribe,
)
from vatwatch.traffic.events import Event

Received = Publish | Subscribe | GetEvents


class EventBusActor(Service):
    """Keeper of who wants to know what."""

    def __init__(self, *, max_history_size: int, keeps_own: bool = True) -> None:
        """`keeps_own`: whether what the services tell of themselves goes to the table."""
        super().__init__()
        self._keeps_own = keeps_own
        self._history: deque[Event] = deque(maxlen=max_history_size)
        self._subscribers: dict[str, frozenset[str]] = {}
        self._published: Counter[str] = Counter()
        self._delivered = 0

    def on_start(self) -> None:
        self._report()

    def on_receive(self, message: Received) -> Any:
        match message:
            case Publish(events, stored):
                self._publish(events, stored)
            case Subscribe(subscriber, types):
                self._subscribers[subscriber] = types
            case GetEvents(limit, types):
                wanted = (e for e in reversed(self._history) if not types or e.type in types)
                return tuple(islice(wanted, limit))
            case _:
                assert_never(message)
        return None

    def _publish(self, events: tuple[Event, ...], stored: bool) -> None:
        self._history.extend(events)
        self._published.update(event.type for event in events)
        for subscriber, types in self._subscribers.items():
            address = self.address(subscriber)
            for event in events:
                if not types or event.type in types:
                    address.tell(Delivered(event))
                    self._delivered += 1
        if not stored and self._keeps_own:
            self.address("store").tell(StoreEvents(events))
        self._report()

    def _report(self) -> None:
        status = EventBusStatus(
            published=self._published.total(),
            delivered=self._delivered,
            by_type=dict(self._published),
        )
        self.report(Health.HEALTHY, "", status)
