"""To the store: write these, and read the network state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from vatwatch.events.dead_letters import DeadLetter
from vatwatch.events.event import Event
from vatwatch.feed.correlation import correlation_id
from vatwatch.messages.shared import (
    AreasChanged,
    CacheStarted,
    DatabaseReturned,
    SettingsChanged,
    UseRole,
)
from vatwatch.monitoring.alert_records import AlertRecord
from vatwatch.monitoring.errors import ErrorRecord
from vatwatch.supervision import Ask, Tell
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.network_state import NetworkState


@dataclass(frozen=True, slots=True)
class Recovered:
    """The network state in the database. `stored`: whether the snapshot that was asked about is in
    it already. `is_late`: whether later ones are."""

    state: NetworkState
    stored: bool
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class ReadNetworkState(Ask[Recovered]):
    """processor → store: what is known as of the snapshot of this time, if it is stored, else of
    the newest before it; without a time, of the newest of all.

    Whatever was sent to the store before is written first. DatabaseUnavailable. `entry_id`: the
    snapshot's, against which the store counts it if it cannot answer or dies of the question.
    """

    time: datetime | None
    entry_id: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class StoreBatch(Tell):
    """processor → store: write this snapshot. Once one of a generation is void, all of it are."""

    batch: Batch
    generation: int

    @property
    def correlation_id(self) -> str:
        """The snapshot's."""
        return correlation_id(self.batch.changes.general.update_timestamp)


@dataclass(frozen=True, slots=True)
class StoreEvents(Tell):
    """event_bus → store: write these; they include everything that was sent before and is not
    written."""

    events: tuple[Event, ...]
    letters: tuple[tuple[UUID, DeadLetter | None], ...] = ()
    """The dead letters as they are now; for None, the row of that id is deleted."""


@dataclass(frozen=True, slots=True)
class StoreErrors(Tell):
    """error_manager → store: write these; they include everything that was sent before and is not
    written."""

    records: tuple[ErrorRecord, ...]


@dataclass(frozen=True, slots=True)
class StoreAlerts(Tell):
    """alerter → store: write these as they are now; whatever was sent before and is not written is
    among them."""

    records: tuple[AlertRecord, ...]


ToStore: TypeAlias = (
    ReadNetworkState
    | StoreBatch
    | StoreEvents
    | StoreErrors
    | StoreAlerts
    | DatabaseReturned
    | CacheStarted
    | SettingsChanged
    | AreasChanged
    | UseRole
)
