"""To the alerter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.messages.subscribers import Delivered
from vatwatch.monitoring.notifications import Alerts
from vatwatch.supervision import Ask, BestEffort
from vatwatch.traffic.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class GetAlerts(Ask[Alerts]):
    """http → alerter: what fires, what was told, and to whom?"""


@dataclass(frozen=True, slots=True)
class NotifyAgain(BestEffort):
    """event_bus → alerter: try this dead letter again."""

    letter: DeadLetter


ToAlerter: TypeAlias = GetAlerts | NotifyAgain | Delivered
