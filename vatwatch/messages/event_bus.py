"""To the event bus: what happened, and who wants to know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from vatwatch.events.dead_letters import DeadLetter, LetterFilter
from vatwatch.events.event import Cursor, Event, EventFilter
from vatwatch.messages.shared import SettingsChanged, StoreStarted, UseRole
from vatwatch.messages.status import EventBusStatus
from vatwatch.messages.store import StoreEvents
from vatwatch.supervision import Ask, BestEffort, DeadLetterReason, Tell


@dataclass(frozen=True, slots=True)
class Publish(BestEffort):
    """every service, supervision → event_bus: these happened.

    `stored`: a snapshot's own transaction writes them to the table. `entry_id`: the journal entry
    of the snapshot that they come from, if any. `checked`: the sender has checked them against the
    schemas; otherwise the bus does.
    """

    events: tuple[Event, ...]
    stored: bool = False
    entry_id: int | None = None
    checked: bool = False

    @property
    def correlation_id(self) -> str:
        """The first event's id; all are of one snapshot, or there is only one."""
        return self.events[0].correlation_id if self.events else ""


@dataclass(frozen=True, slots=True)
class EventsFollowed(BestEffort):
    """follower → event_bus: these were published at the node that collects, which has delivered and
    stored them. The oldest first."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class AcceptEvent(Ask[None]):
    """http, subscriptions → event_bus: this happened. Answered once it cannot be lost."""

    event: Event

    @property
    def correlation_id(self) -> str:
        """The event's."""
        return self.event.correlation_id


@dataclass(frozen=True, slots=True)
class GetEvents(Ask[tuple[Event, ...]]):
    """http, cache → event_bus: events in the ring, the newest first, after the previous page."""

    wanted: EventFilter
    limit: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class GetEventMetrics(Ask[EventBusStatus]):
    """http → event_bus: the figures of the bus now."""


@dataclass(frozen=True, slots=True)
class MessageUndelivered(BestEffort):
    """supervision → event_bus: nobody will handle this message."""

    path: str
    message: Tell
    reason: DeadLetterReason


@dataclass(frozen=True, slots=True)
class StoreDeadLetter(BestEffort):
    """alerter → event_bus: this could not be delivered, or failed again."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class DeleteDeadLetter(BestEffort):
    """alerter → event_bus: this dead letter was delivered after all."""

    letter_id: UUID


@dataclass(frozen=True, slots=True)
class GetDeadLetters(Ask[tuple[DeadLetter, ...]]):
    """http → event_bus: dead letters in memory, the newest first, after the previous page."""

    wanted: LetterFilter
    limit: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class GetDeadLetter(Ask[DeadLetter | None]):
    """http → event_bus: this dead letter, if it is in memory."""

    letter_id: UUID


class Redelivery(Enum):
    """The result of an order to deliver a dead letter again."""

    QUEUED = "queued"
    ALREADY_QUEUED = "already queued"
    MESSAGE_GONE = "message gone"
    """The message itself is kept only in memory, and is not there any more."""


@dataclass(frozen=True, slots=True)
class RedeliverDeadLetter(Ask[Redelivery]):
    """http → event_bus: try this dead letter again."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class DiscardDeadLetter(Ask[None]):
    """http → event_bus: delete this dead letter. Answered once the table has deleted it, too."""

    letter_id: UUID


@dataclass(frozen=True, slots=True)
class EventsStored(BestEffort):
    """store → event_bus: these are in the table, except those that PostgreSQL will never accept."""

    written: StoreEvents
    refused: tuple[tuple[UUID, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EvictHistory(BestEffort):
    """resource_monitor → event_bus: keep only so many events in memory; None: as many as the
    setting says."""

    size: int | None


ToEventBus: TypeAlias = (
    Publish
    | EventsFollowed
    | AcceptEvent
    | GetEvents
    | GetEventMetrics
    | MessageUndelivered
    | StoreDeadLetter
    | DeleteDeadLetter
    | GetDeadLetters
    | GetDeadLetter
    | RedeliverDeadLetter
    | DiscardDeadLetter
    | EventsStored
    | EvictHistory
    | StoreStarted
    | UseRole
    | SettingsChanged
)
