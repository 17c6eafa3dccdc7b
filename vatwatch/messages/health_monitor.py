"""To the health monitor: how each service is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from vatwatch.messages.shared import SettingsChanged
from vatwatch.messages.status import Status
from vatwatch.messages.subscribers import Delivered
from vatwatch.monitoring.health import Health, PartHealth
from vatwatch.supervision import Ask, BestEffort, Latest


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
