"""To the error manager: what failed, and questions about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from vatwatch.events.event import Cursor
from vatwatch.messages.shared import SettingsChanged, StoreStarted
from vatwatch.messages.store import StoreErrors
from vatwatch.messages.subscribers import Delivered
from vatwatch.monitoring.error_statistics import Analytics, RecoveryNumbers, Trends
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.supervision import Ask, BestEffort, Notice


@dataclass(frozen=True, slots=True)
class ErrorsStored(BestEffort):
    """store → error_manager: these are in the table, except those that PostgreSQL will never
    accept."""

    written: StoreErrors


@dataclass(frozen=True, slots=True)
class GetErrors(Ask[tuple[ErrorRecord, ...]]):
    """http → error_manager: a page of the errors in memory."""

    wanted: ErrorFilter
    limit: int
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class GetErrorAnalytics(Ask[Analytics]):
    """http → error_manager: statistics of the window that ends now."""

    window: timedelta


@dataclass(frozen=True, slots=True)
class GetErrorRecovery(Ask[dict[str, RecoveryNumbers]]):
    """http → error_manager: the remedies that were tried, by strategy."""

    window: timedelta


@dataclass(frozen=True, slots=True)
class GetErrorTrends(Ask[Trends]):
    """http → error_manager: the trends."""


@dataclass(frozen=True, slots=True)
class SupervisionNoticed(BestEffort):
    """supervision → error_manager: a child started, failed or stopped; a message became a dead
    letter."""

    notice: Notice


ToErrorManager: TypeAlias = (
    ErrorsStored
    | GetErrors
    | GetErrorAnalytics
    | GetErrorRecovery
    | GetErrorTrends
    | SupervisionNoticed
    | StoreStarted
    | Delivered
    | SettingsChanged
)
