"""Metrics by subject (`/api/metrics/...`): the reports of the services that it is about."""

from __future__ import annotations

from typing import Any

import falcon
from msgspec import UNSET, Struct, UnsetType

from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, description
from vatwatch.http.nodes import of_collector
from vatwatch.messages.status import (
    CacheStatus,
    ErrorStatus,
    EventBusStatus,
    HistoryStatus,
    JournalStatus,
    PostgresStatus,
    StoreStatus,
)
from vatwatch.supervision import BreakerInfo


class ErrorMetrics(Struct, frozen=True):
    """Failures, restarts, dead letters, the last failure."""

    error_manager: ErrorStatus | UnsetType = UNSET


class EventMetrics(Struct, frozen=True):
    """What went over the event bus, by type."""

    event_bus: EventBusStatus | UnsetType = UNSET


class DatabaseMetrics(Struct, frozen=True, kw_only=True):
    """What writes and reads the database. A service that has not reported yet is missing."""

    breakers: tuple[BreakerInfo, ...]
    """Those before PostgreSQL."""
    history: HistoryStatus | UnsetType = UNSET
    journal: JournalStatus | UnsetType = UNSET
    postgres: PostgresStatus | UnsetType = UNSET
    """The embedded one, if there is one."""
    store: StoreStatus | UnsetType = UNSET


class CacheMetrics(Struct, frozen=True, kw_only=True):
    """The live state, and its mirror in Redis."""

    breakers: tuple[BreakerInfo, ...]
    """Those before Redis."""
    cache: CacheStatus | UnsetType = UNSET


# What the names of a dependency's breakers begin with.
DEPENDENCY = {DatabaseMetrics: "PostgreSQL", CacheMetrics: "Redis"}


@of_collector("GET")
class SubjectResource(BaseResource):
    """The statuses of the services of one subject, and the breakers before its dependency."""

    def __init__(self, service: AppContext, subject: type[Struct]) -> None:
        """`subject` names the services in its fields."""
        self._service = service
        self._subject = subject
        self.descriptions = {
            "GET": description(
                str(subject.__doc__),
                tag=Tag.METRICS,
                answers={200: subject},
                problems=(503,),
                details="Since the start of each service.",
            )
        }

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Since the start of each service."""
        reports = self._service.reports().services
        body: dict[str, Any] = {
            name: reports[name].status
            for name in self._subject.__struct_fields__
            if name in reports
        }
        dependency = DEPENDENCY.get(self._subject)
        if dependency is not None:
            body["breakers"] = tuple(
                breaker
                for breaker in self._service.tree.breakers()
                if breaker.kind != "child" and breaker.name.startswith(dependency)
            )
        send_json(resp, self._subject(**body))
