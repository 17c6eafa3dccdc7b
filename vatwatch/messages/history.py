"""To the history: questions that the database answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from vatwatch.events.dead_letters import DeadLetter, LetterFilter
from vatwatch.events.event import Cursor, EventFilter, EventRow
from vatwatch.messages.shared import DatabaseReturned, SettingsChanged
from vatwatch.messages.status import DatabaseReport
from vatwatch.monitoring.alert_records import AlertFilter, AlertRecord
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.supervision import Ask
from vatwatch.traffic.contact_figures import ContactHistory
from vatwatch.traffic.frequency_match import MatchFilter, MatchKey, MatchPage
from vatwatch.traffic.position import Position
from vatwatch.traffic.sector_minutes import SectorMinutes


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
class FindMatches(Ask[MatchPage]):
    """http → history: contacts in the table, the newest first, after the previous page.

    DatabaseUnavailable.
    """

    wanted: MatchFilter
    limit: int
    after: MatchKey | None = None


@dataclass(frozen=True, slots=True)
class FindFlightContacts(Ask[ContactHistory | None]):
    """http → history: all contacts of a flight; None if it is not known. DatabaseUnavailable."""

    flight_id: int


@dataclass(frozen=True, slots=True)
class FindSessionContacts(Ask[ContactHistory | None]):
    """http → history: all contacts of a session; None if it is not known. DatabaseUnavailable."""

    session_id: int


@dataclass(frozen=True, slots=True)
class FindSectorMinutes(Ask[SectorMinutes]):
    """http → history: the load of a FIR or a sector by the minute. DatabaseUnavailable.

    `kind`: empty for any. `since` and `until` are whole minutes.
    """

    name: str
    kind: str
    since: datetime
    until: datetime


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
    | FindMatches
    | FindFlightContacts
    | FindSessionContacts
    | FindSectorMinutes
    | InspectDatabase
    | DatabaseReturned
    | SettingsChanged
)
