"""To the alerter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.events.dead_letters import DeadLetter
from vatwatch.events.event import Cursor
from vatwatch.messages.shared import SettingsChanged
from vatwatch.messages.store import StoreAlerts
from vatwatch.messages.subscribers import Delivered
from vatwatch.monitoring.alert_records import AlertFilter, AlertRecord, Alerts
from vatwatch.supervision import Ask, BestEffort


@dataclass(frozen=True, slots=True)
class GetAlerts(Ask[Alerts]):
    """http → alerter: which alerts fire, and which notifications were sent to which webhooks?"""


@dataclass(frozen=True, slots=True)
class GetLatestAlerts(Ask[tuple[AlertRecord, ...]]):
    """http → alerter: alerts in memory, the latest first, after the previous page."""

    wanted: AlertFilter
    limit: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class AlertsStored(BestEffort):
    """store → alerter: these are in the table, except those that PostgreSQL will never accept."""

    written: StoreAlerts


@dataclass(frozen=True, slots=True)
class NotifyAgain(BestEffort):
    """event_bus → alerter: try this dead letter again."""

    letter: DeadLetter


ToAlerter: TypeAlias = (
    GetAlerts | GetLatestAlerts | AlertsStored | NotifyAgain | Delivered | SettingsChanged
)
