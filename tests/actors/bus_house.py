"""A small tree with the real event bus, real subscribers, and if wanted the real store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.actors.harness import PATIENCE_S, Query, as_url, until
from vatwatch.actors.event_bus import EventBusActor
from vatwatch.actors.event_memory import BusMemory, Subscription
from vatwatch.actors.history import HistoryActor
from vatwatch.actors.notices import subscribe_to_notices
from vatwatch.actors.store import StoreActor
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.events import EventSettings
from vatwatch.events.dead_letters import DeadLetter, LetterFilter
from vatwatch.events.event import Event
from vatwatch.events.payloads import PositionPayload, ServicePayload
from vatwatch.messages import Delivered, GetDeadLetters, GetEventMetrics, Publish
from vatwatch.messages.status import EventBusStatus, HandlerStatus
from vatwatch.storage.retention import Retention
from vatwatch.supervision import (
    Actor,
    Ask,
    Backoff,
    Notice,
    Tell,
    Tree,
    supervisor,
    worker,
)
from vatwatch.traffic.network_state import Rules

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SOON = Backoff(base_s=0.001, cap_s=0.01)


@dataclass(frozen=True, slots=True)
class Lost(Tell):
    """A message that no actor receives."""

    about: str
    kinds: frozenset[str] = frozenset()


class Listener(Actor):
    """Handles an event as the test says, and keeps it."""

    def __init__(self, heard: list[Event], handle: Callable[[Event], None]) -> None:
        super().__init__()
        self.heard, self.handle = heard, handle

    def on_receive(self, message: Any) -> None:
        if isinstance(message, Delivered):
            self.handle(message.event)
            self.heard.append(message.event)
        else:
            super().on_receive(message)


class Patient(Actor):
    """Takes every report, and publishes nothing of its own."""

    def on_receive(self, message: Any) -> None:
        """Nothing."""


def nothing(_event: Event) -> None:
    """A handler that is content with everything."""


def event(number: int = 0, kind: str = "POSITION_UPDATE", *, source: str = "test") -> Event:
    """The number-th of a row of events."""
    payload = PositionPayload(number, 0)
    return Event(uuid4(), kind, NOON + timedelta(seconds=number), source, "", payload)


def error_about(path: str) -> Event:
    return Event(uuid4(), "ERROR_OCCURRED", NOON, "test", "", ServicePayload(path))


def number(event: Event) -> int:
    assert isinstance(event.payload, PositionPayload)
    return event.payload.flights


def numbers(heard: Sequence[Event]) -> list[int]:
    return [number(one) for one in heard]


class House:
    """The tree, and ways to look into it."""

    def __init__(self, tree: Tree, heard: dict[str, list[Event]]) -> None:
        self.tree, self.heard = tree, heard
        self.notices: list[Notice] = []
        tree.observe(self.notices.append)

    @property
    def memory(self) -> BusMemory:
        """Of the bus that runs now."""
        place: Any = self.tree.directory.find("event_bus")
        memory: BusMemory = place.incarnation.actor._memory
        return memory

    def publish(self, *events: Event, stored: bool = False) -> None:
        self.tree.directory.address("event_bus").tell(Publish(events, stored))

    def tell(self, name: str, message: Any) -> None:
        self.tree.directory.address(name).tell(message)

    def ask(self, name: str, message: Ask[Any]) -> Any:
        return self.tree.directory.address(name).ask(message, timeout_s=PATIENCE_S)

    def status(self) -> EventBusStatus:
        status: EventBusStatus = self.ask("event_bus", GetEventMetrics())
        return status

    def handler(self, name: str) -> HandlerStatus:
        return self.status().handlers[name]

    def letters(self) -> tuple[DeadLetter, ...]:
        letters: tuple[DeadLetter, ...] = self.ask(
            "event_bus", GetDeadLetters(LetterFilter(), limit=10_000)
        )
        return letters

    def restarts(self, name: str) -> int:
        return next(
            node.restarts_total for node in self.tree.snapshot().walk() if node.name == name
        )

    def until_restarted(self, name: str, count: int = 1) -> None:
        until(
            lambda: self.restarts(name) >= count and self.tree.directory.address(name).alive(),
            f"{name} is restarted",
        )


@contextmanager
def bus_house(
    handlers: dict[str, Callable[[Event], None]] | None = None,
    *,
    database: str | None = None,
    home: Path | None = None,
    subscriptions: Sequence[Subscription] | None = None,
    timeout_s: float = PATIENCE_S,
    retries: int = 2,
    queue_size: int = 1000,
    backlog_size: int = 100_000,
    resend_s: float = 0.2,
    failures: int = 100,
    breaker_s: float = 600.0,
    max_dead_letters: int = 100,
    retentions: Sequence[Retention] = (),
    purge_s: float = 3600.0,
) -> Iterator[House]:
    """With a `database`, the store and the history are there, and events go to the table.

    The handlers are subscribed to everything, unless other `subscriptions` are given.
    """
    handlers = handlers or {}
    heard: dict[str, list[Event]] = {name: [] for name in handlers}
    if subscriptions is None:
        subscriptions = [Subscription(name) for name in handlers]
    events = EventSettings(
        EVENT_BUS_HANDLER_TIMEOUT=timeout_s,
        EVENT_BUS_RETRY_ATTEMPTS=retries,
        EVENT_BUS_HANDLER_QUEUE_SIZE=queue_size,
        EVENT_BUS_BACKLOG_SIZE=backlog_size,
        EVENT_BUS_MAX_HISTORY_SIZE=1000,
        EVENT_BUS_MAX_DEAD_LETTER_SIZE=max_dead_letters,
    )
    breaker = BreakerSettings(
        CIRCUIT_BREAKER_FAILURE_THRESHOLD=failures,
        CIRCUIT_BREAKER_TIMEOUT=breaker_s,
        CIRCUIT_BREAKER_MAX_TIMEOUT=breaker_s,
    )
    bus = worker(
        "event_bus",
        EventBusActor,
        events,
        breaker,
        subscriptions,
        keeps_own=database is not None,
        outbox=None if home is None else home / "events.outbox",
        resend_s=resend_s,
        backoff=SOON,
    )
    data = []
    if database is not None:
        where = DatabaseSettings(
            DATABASE_URL=database if "://" in database else as_url(database), DATABASE_TIMEOUT=5.0
        )
        soon = BreakerSettings(CIRCUIT_BREAKER_FAILURE_THRESHOLD=3, CIRCUIT_BREAKER_TIMEOUT=0.2)
        data = [
            worker(
                "store",
                StoreActor,
                where,
                soon,
                Rules(),
                retentions,
                connections=2,
                purge_s=purge_s,
            ),
            worker("history", HistoryActor, where, soon, connections=2),
        ]
    tree = Tree(
        supervisor(
            "house",
            backoff=SOON,
            intensity=100,
            children=[
                # It stops last, so that nobody tells the bus of the stops of this house.
                worker("error_manager", Patient),
                bus,
                *data,
                worker("health_monitor", Patient),
                worker("cache", Patient),
                worker("stream", Patient),
                *(worker(name, Listener, heard[name], fn) for name, fn in handlers.items()),
            ],
        )
    )  # fmt: skip
    subscribe_to_notices(tree)
    house = House(tree, heard)
    tree.start()
    try:
        yield house
    finally:
        tree.stop(PATIENCE_S)


def table(database: str, columns: str = "id::text", where: str = "true") -> list[Any]:
    """What the table of events has."""
    return [row[0] for row in Query(database)(f"SELECT {columns} FROM events WHERE {where}")]
