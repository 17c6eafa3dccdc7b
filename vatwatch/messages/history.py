"""To the history: questions that the database answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from vatwatch.events.dead_letters import DeadLetter, LetterFilter
from vatwatch.events.event import Cursor, EventFilter, EventRow
from vatwatch.messages.shared import DatabaseReturned, SettingsChanged
from vatwatch.messages.status import DatabaseReport
from vatwatch.monitoring.alert_records import AlertFilter, AlertRecord
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.supervision import Ask
from vatwatch.traffic.position import Position


@dataclass(frozen=True, slots=True)
class Track:
    """The positions of one flight, oldest first; its callsign if the database knows it."""

    flight_id: int
    points: tuple[Position, ...]
    callsign: str = ""
    derive_again: bool = False
    """Whether a snapshot that came late has touched the flight."""


@dataclass(frozen=True, slots=True)
class FindTrack(Ask[Track | None]):
    """http → history: the track of a flight, or of the latest flight under a callsign."""

    callsign: str
    flight_id: int | None


@dataclass(frozen=True, slots=True)
class FindEvents(Ask[tuple[EventRow, ...]]):
    """http → history: events in the table, the newest first, after the previous page.

    DatabaseUnavailable.
    """

    wanted: EventFilter
    limit: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class FindDeadLetters(Ask[tuple[DeadLetter, ...]]):
    """http → history: dead letters in the table, the newest first, after the previous page."""

    wanted: LetterFilter
    limit: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class FindDeadLetter(Ask[DeadLetter | None]):
    """http → history: this dead letter."""

    letter_id: UUID


@dataclass(frozen=True, slots=True)
class FindAlerts(Ask[tuple[AlertRecord, ...]]):
    """http, alerter → history: alerts in the table, the latest first, after the previous page.

    DatabaseUnavailable.
    """

    wanted: AlertFilter
    limit: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class FindErrors(Ask[tuple[ErrorRecord, ...]]):
    """http, error_manager → history: a page of the table. DatabaseUnavailable."""

    wanted: ErrorFilter
    limit: int
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class InspectDatabase(Ask[DatabaseReport]):
    """http, health_monitor → history: ask the database now, and return its numbers."""


ToHistory: TypeAlias = (
    FindTrack
    | FindEvents
    | FindDeadLetters
    | FindDeadLetter
    | FindAlerts
    | FindErrors
    | InspectDatabase
    | DatabaseReturned
    | SettingsChanged
)
