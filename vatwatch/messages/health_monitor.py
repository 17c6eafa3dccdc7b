"""To the health monitor: how each service is."""

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
    """every service → health_monitor: this is how I am, sent whenever it changes."""

    service: str
    health: Health
    reason: str
    status: Status

    @property
    def topic(self) -> str:
        """One for each service."""
        return self.service


@dataclass(frozen=True, slots=True)
class Reports:
    """How the whole is, each part of it, and the latest report of each service.

    Parts are the services, and what is outside: postgresql, redis, feed, transceivers.
    """

    health: Health
    reason: str
    services: dict[str, ServiceReport]
    parts: dict[str, PartHealth]
    whole: PartHealth
    checked_at: datetime | None  # wall clock

    def status_of(self, kind: type[S]) -> S:
        """What the service with this kind of status says; an empty one before it has reported."""
        found = (one.status for one in self.services.values() if isinstance(one.status, kind))
        return next(found, None) or kind()


@dataclass(frozen=True, slots=True)
class GetReports(Ask[Reports]):
    """http, replay, resource_monitor, alerter, store → health_monitor: how is everybody?"""


@dataclass(frozen=True, slots=True)
class NodeChanged(BestEffort):
    """supervision → health_monitor: something happened to this service."""

    service: str
    started: bool
    failure: str = ""
    """What it failed with, if that is what happened."""


ToHealthMonitor: TypeAlias = ServiceReport | GetReports | NodeChanged | Delivered | SettingsChanged
