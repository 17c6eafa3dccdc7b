"""To the alerter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.monitoring.notifications import Alerts
from vatwatch.supervision import Ask, BestEffort, Latest
from vatwatch.traffic.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class HealthChanged(Latest):
    """health_monitor → alerter: somebody's health is another now."""


@dataclass(frozen=True, slots=True)
class GetAlerts(Ask[Alerts]):
    """http → alerter: what fires, what was told, and to whom?"""


@dataclass(frozen=True, slots=True)
class NotifyAgain(BestEffort):
    """event_bus → alerter: try this dead letter again."""

    letter: DeadLetter


ToAlerter: TypeAlias = HealthChanged | GetAlerts | NotifyAgain
