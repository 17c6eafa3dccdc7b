"""Errors of the service: the list, what they have in common, the breakers, what was done."""

from __future__ import annotations

import re
from datetime import timedelta

import falcon

from vatwatch.errors import StorageError, SupervisionError
from vatwatch.http.params import (
    cursor_for,
    cursor_of,
    limit_of,
    one_of,
    require_known,
    text_of,
    time_of,
)
from vatwatch.http.service import Resource, Service, send_json
from vatwatch.messages import (
    FindErrors,
    GetErrorAnalytics,
    GetErrorRecovery,
    GetErrors,
    GetErrorTrends,
)
from vatwatch.monitoring.errors import Category, ErrorFilter, Severity

DEFAULT_WINDOW = timedelta(hours=1)
MAX_WINDOW = timedelta(days=31)
_WINDOW = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class ErrorsResource(Resource):
    """The table of errors; while the database is away, the latest in memory."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        require_known(
            req, "service", "category", "severity", "fingerprint", "correlation_id", "recovered",
            "since", "until", "limit", "cursor",
        )  # fmt: skip
        wanted = ErrorFilter(
            service=text_of(req, "service"),
            category=one_of(req, "category", [each.value for each in Category]),
            severity=one_of(req, "severity", [each.value for each in Severity]),
            fingerprint=text_of(req, "fingerprint"),
            correlation_id=text_of(req, "correlation_id"),
            recovered=req.get_param_as_bool("recovered"),
            since=time_of(req, "since"),
            until=time_of(req, "until"),
        )
        limit, beyond = limit_of(req), cursor_of(req)
        try:
            source = "database"
            errors = self._service.ask("history", FindErrors(wanted, limit, beyond))
        except (StorageError, SupervisionError):
            source = "memory"
            errors = self._service.ask("error_manager", GetErrors(wanted, limit, beyond))
        last = errors[-1].place if len(errors) == limit else None
        send_json(
            resp,
            {
                "source": source,
                "count": len(errors),
                "errors": errors,
                "next_cursor": None if last is None else cursor_for(last),
            },
        )


class ErrorAnalyticsResource(Resource):
    """By category, severity and service; the most common; how much was mended."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Over a `window` that ends now: 15m, 1h, 7d."""
        require_known(req, "window")
        send_json(resp, self._service.ask("error_manager", GetErrorAnalytics(_window(req))))


class BreakersResource(Resource):
    """Every breaker: of the tree's nodes, of dependencies, of event handlers and webhooks."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """State, counts, rates, last failure, time to the next try, the latest changes."""
        breakers = self._service.tree.breakers()
        send_json(resp, {"count": len(breakers), "breakers": breakers})


class RecoveryResource(Resource):
    """What was done about errors."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Per strategy: tries, successes, rate, mean time to recover."""
        require_known(req, "window")
        window = _window(req)
        strategies = self._service.ask("error_manager", GetErrorRecovery(window))
        send_json(resp, {"window_s": window.total_seconds(), "strategies": strategies})


class TrendsResource(Resource):
    """Where it goes."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Per minute and hour, rising or falling, and when each kind was first and last seen."""
        send_json(resp, self._service.ask("error_manager", GetErrorTrends()))


def _window(req: falcon.Request) -> timedelta:
    text = text_of(req, "window")
    if not text:
        return DEFAULT_WINDOW
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise falcon.HTTPInvalidParam("It is a number with s, m, h or d: 15m, 1h, 7d.", "window")
    window = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta(minutes=1) <= window <= MAX_WINDOW:
        raise falcon.HTTPInvalidParam("It is from 1m to 31d.", "window")
    return window
