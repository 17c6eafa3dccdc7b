"""Errors of the service: the list, statistics, recovery, trends, and the circuit breakers."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import falcon

from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.pages import send_newest
from vatwatch.http.params import (
    CURSOR,
    LIMIT,
    SINCE,
    UNTIL,
    Declared,
    one_of,
    switch,
    text,
    window,
)
from vatwatch.http.problems import SwitchedOff
from vatwatch.messages import (
    FindErrors,
    GetErrorAnalytics,
    GetErrorRecovery,
    GetErrors,
    GetErrorTrends,
)
from vatwatch.monitoring.errors import Category, ErrorFilter, ErrorSeverity

SERVICE = text("service")
CATEGORY = one_of("category", [each.value for each in Category])
SEVERITY = one_of("severity", [each.value for each in ErrorSeverity])
FINGERPRINT = text("fingerprint")
CORRELATION_ID = text("correlation_id")
RECOVERED = switch("recovered")
WINDOW = window("window", default=timedelta(hours=1))


class ErrorsResource(BaseResource):
    """The table of errors; while the database is away, the latest in memory."""

    parameters: ClassVar[Declared] = {
        "GET": (
            SERVICE, CATEGORY, SEVERITY, FINGERPRINT, CORRELATION_ID, RECOVERED,
            SINCE, UNTIL, LIMIT, CURSOR,
        )
    }  # fmt: skip

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to earlier ones."""
        _require_errors(self._service)
        wanted = ErrorFilter(
            service=SERVICE.of(req),
            category=CATEGORY.of(req),
            severity=SEVERITY.of(req),
            fingerprint=FINGERPRINT.of(req),
            correlation_id=CORRELATION_ID.of(req),
            recovered=RECOVERED.of(req),
            since=SINCE.of(req),
            until=UNTIL.of(req),
        )
        limit, after = LIMIT.of(req), CURSOR.of(req)
        send_newest(
            self._service,
            resp,
            "errors",
            table=FindErrors(wanted, limit, after),
            keeper="error_manager",
            memory=GetErrors(wanted, limit, after),
            limit=limit,
        )


class ErrorAnalyticsResource(BaseResource):
    """Errors by category, severity and service, the most common ones, and the recovery rate."""

    parameters: ClassVar[Declared] = {"GET": (WINDOW,)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Over a `window` that ends now: 15m, 1h, 7d."""
        _require_errors(self._service)
        send_json(resp, self._service.ask("error_manager", GetErrorAnalytics(WINDOW.of(req))))


class BreakersResource(BaseResource):
    """Every circuit breaker: of nodes of the tree, dependencies, event handlers and webhooks."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """State, counts, rates, last failure, time to the next try, the latest changes.

        They come from the supervisors and circuit breakers, so this works while the error manager
        is off.
        """
        breakers = self._service.tree.breakers()
        body = {
            "count": len(breakers),
            "breakers": breakers,
            "error_manager": "on" if self._service.keeps_errors else "off",
        }
        send_json(resp, body)


class RecoveryResource(BaseResource):
    """The remedies that were tried, by strategy."""

    parameters: ClassVar[Declared] = {"GET": (WINDOW,)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Per strategy: tries, successes, rate, mean time to recover."""
        _require_errors(self._service)
        span = WINDOW.of(req)
        strategies = self._service.ask("error_manager", GetErrorRecovery(span))
        send_json(resp, {"window_s": span.total_seconds(), "strategies": strategies})


class TrendsResource(BaseResource):
    """Trends of the errors."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Per minute and hour, rising or falling, and when each kind was first and last seen."""
        _require_errors(self._service)
        send_json(resp, self._service.ask("error_manager", GetErrorTrends()))


def _require_errors(service: AppContext) -> None:
    """Raises SwitchedOff: an empty answer would look as if there had been no errors."""
    if not service.keeps_errors:
        raise SwitchedOff("error manager", "ERROR_MANAGER_ENABLED")
