"""Errors of the service: the list, statistics, recovery, trends, and the circuit breakers."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import ClassVar, Literal

import falcon
from msgspec import Struct

from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.internals import error_for_all, sees_internals
from vatwatch.http.known_names import require_known, services_with_errors
from vatwatch.http.nodes import of_collector
from vatwatch.http.pages import Newest, NewestHead, send_newest
from vatwatch.http.params import (
    CURSOR,
    LIMIT,
    Declared,
    Invalid,
    Parameter,
    moment,
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
from vatwatch.monitoring.error_statistics import Analytics, RecoveryNumbers, Trends
from vatwatch.monitoring.errors import Category, ErrorFilter, ErrorRecord, ErrorSeverity
from vatwatch.supervision import BreakerInfo

SERVICE = text(
    "service", about="Only errors of this service: a name of the tree, or `http`.", example="store"
)
CATEGORY = one_of(
    "category", [each.value for each in Category], about="Only errors of this category."
)
SEVERITY = one_of(
    "severity", [each.value for each in ErrorSeverity], about="Only errors of this severity."
)
_FINGERPRINT = re.compile("[0-9a-f]{16}", re.ASCII)


def _fingerprint(given: str) -> str:
    if _FINGERPRINT.fullmatch(given) is None:
        raise Invalid("must be the fingerprint of an error: 16 digits from 0 to f")
    return given


FINGERPRINT = Parameter(
    "fingerprint",
    _fingerprint,
    "",
    "Only errors of one kind: its `fingerprint`.",
    {"type": "string", "pattern": f"^{_FINGERPRINT.pattern}$", "example": "9f86d081884c7d65"},
)
CORRELATION_ID = text(
    "correlation_id",
    about="Only errors with this correlation id: that of a request, or of a snapshot.",
    example="54cbd0a4bb9e0a21a4d7b0b1fba0c59a",
)
RECOVERED = switch("recovered", about="Only errors that were recovered from, or only the others.")
SINCE = moment("since", about="Only errors whose last repeat was at this time or later.")
UNTIL = moment("until", about="Only errors that were first seen before this time.")
WINDOW = window(
    "window",
    default=timedelta(hours=1),
    about="How long back to look from now, from `1m` to `31d`; without it, `1h`.",
)


class ErrorsPage(NewestHead, frozen=True, kw_only=True):
    """A page of errors, the newest first."""

    errors: tuple[ErrorRecord, ...]


class BreakersBody(Struct, frozen=True):
    """Every circuit breaker."""

    count: int
    breakers: tuple[BreakerInfo, ...]
    error_manager: Literal["on", "off"]
    """Whether errors are counted (ERROR_MANAGER_ENABLED)."""


class RecoveryBody(Struct, frozen=True):
    """The remedies that were tried."""

    window_s: float
    strategies: dict[str, RecoveryNumbers]


@of_collector("GET")
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

    @describe(
        "Errors of the service, the newest first.",
        tag=Tag.ERRORS,
        answers={200: ErrorsPage},
        problems=(404, 503),
    )
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
        require_known(
            self._service,
            SERVICE.name,
            "part of the service",
            filter(None, [wanted.service]),
            partial(services_with_errors, self._service),
            lambda name: FindErrors(ErrorFilter(service=name), 1, None),
        )
        shows = sees_internals(self._service.authorization.callers, req)

        def shown(page: Newest) -> ErrorsPage:
            errors = page.records if shows else tuple(map(error_for_all, page.records))
            return ErrorsPage(**page.head(), errors=errors)

        send_newest(
            self._service,
            resp,
            shown,
            table=FindErrors(wanted, limit, after),
            keeper="error_manager",
            memory=GetErrors(wanted, limit, after),
            limit=limit,
        )


@of_collector("GET")
class ErrorAnalyticsResource(BaseResource):
    """Errors by category, severity and service, the most common ones, and the recovery rate."""

    parameters: ClassVar[Declared] = {"GET": (WINDOW,)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Errors by category, severity and service, and how many were recovered from.",
        tag=Tag.ERRORS,
        answers={200: Analytics},
        problems=(404, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Over a `window` that ends now: 15m, 1h, 7d."""
        _require_errors(self._service)
        send_json(resp, self._service.ask("error_manager", GetErrorAnalytics(WINDOW.of(req))))


@of_collector("GET")
class BreakersResource(BaseResource):
    """Every circuit breaker: of nodes of the tree, dependencies, event handlers and webhooks."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Every circuit breaker: of nodes of the tree, dependencies, event handlers and webhooks.",
        tag=Tag.ERRORS,
        answers={200: BreakersBody},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """State, counts, rates, last failure, time to the next try, the latest changes.

        They come from the supervisors and circuit breakers, so this works while the error manager
        is off.
        """
        breakers = self._service.tree.breakers()
        manager: Literal["on", "off"] = "on" if self._service.keeps_errors else "off"
        send_json(resp, BreakersBody(len(breakers), tuple(breakers), manager))


@of_collector("GET")
class RecoveryResource(BaseResource):
    """The remedies that were tried, by strategy."""

    parameters: ClassVar[Declared] = {"GET": (WINDOW,)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The remedies that were tried, by strategy.",
        tag=Tag.ERRORS,
        answers={200: RecoveryBody},
        problems=(404, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Per strategy: tries, successes, rate, mean time to recover."""
        _require_errors(self._service)
        span = WINDOW.of(req)
        strategies = self._service.ask("error_manager", GetErrorRecovery(span))
        send_json(resp, RecoveryBody(span.total_seconds(), strategies))


@of_collector("GET")
class TrendsResource(BaseResource):
    """Trends of the errors."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Errors per minute and hour, the trend, and when each kind was seen.",
        tag=Tag.ERRORS,
        answers={200: Trends},
        problems=(404, 503),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Per minute and hour, rising or falling, and when each kind was first and last seen."""
        _require_errors(self._service)
        send_json(resp, self._service.ask("error_manager", GetErrorTrends()))


def _require_errors(service: AppContext) -> None:
    """Raises SwitchedOff: an empty answer would look as if there had been no errors."""
    if not service.keeps_errors:
        raise SwitchedOff("error manager", "ERROR_MANAGER_ENABLED")
