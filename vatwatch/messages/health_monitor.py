"""To the health monitor: the services' reports, and questions about health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from msgspec import Struct

from vatwatch.messages.shared import SettingsChanged
from vatwatch.messages.status import Status
from vatwatch.messages.subscribers import Delivered
from vatwatch.monitoring.health import Health, PartHealth
from vatwatch.supervision import Ask, BestEffort, Latest

S = TypeVar("S", bound=Struct)


@dataclass(frozen=True, slots=True)
class ServiceReport(Latest):
    """every service → health_monitor: my health and status, sent whenever they change."""

    service: str
    health: Health
    reason: str
    status: Status

    @property
    def topic(self) -> str:
        """One topic for each service."""
        return self.service


@dataclass(frozen=True, slots=True)
class Reports:
    """The health of the whole and of each part, and the latest report of each service.

    Parts are the services and the dependencies: postgresql, redis, feed, transceivers.
    """

    health: Health
    reason: str
    services: dict[str, ServiceReport]
    parts: dict[str, PartHealth]
    whole: PartHealth
    checked_at: datetime | None  # wall clock

    def status_of(self, kind: type[S]) -> S:
        """The status of this type from the latest reports; an empty one before the service has
        reported."""
        found = (one.status for one in self.services.values() if isinstance(one.status, kind))
        return next(found, None) or kind()


@dataclass(frozen=True, slots=True)
class GetReports(Ask[Reports]):
    """http, replay, resource_monitor, alerter, store, nodes → health_monitor: the latest reports of
    all services."""


@dataclass(frozen=True, slots=True)
class NodeChanged(BestEffort):
    """supervision → health_monitor: something happened to this service."""

    service: str
    started: bool
    failure: str = ""
    """What it failed with, if that is what happened."""


ToHealthMonitor: TypeAlias = ServiceReport | GetReports | NodeChanged | Delivered | SettingsChanged
