"""Counts and times HTTP requests by route, for the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from time import perf_counter

import falcon
from msgspec import Struct

from vatwatch.http.bounds import METHODS
from vatwatch.supervision import LatencyCounts, LatencyInfo

# The route of unknown paths; otherwise each would get its own counter.
NO_ROUTE = "none"
# For unknown methods: a client may invent any number of them.
OTHER_METHOD = "other"


class RouteInfo(Struct, frozen=True):
    """Requests of one route and method since the start; `errors` are answers of 500 and above."""

    route: str
    method: str
    requests: int
    errors: int
    by_status: dict[str, int]
    latency: LatencyInfo | None


class _Counted:
    """The figures of one route and method."""

    __slots__ = ("by_status", "latency")

    def __init__(self) -> None:
        self.by_status: dict[str, int] = {}
        self.latency = LatencyCounts()


class RequestCounts:
    """Falcon middleware: counts requests and their times by method, route and status."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], _Counted] = {}

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Note the start of the request."""
        req.context.began = perf_counter()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Count the request. (The body is sent after this.)"""
        method = req.method if req.method in METHODS else OTHER_METHOD
        key = (req.uri_template or NO_ROUTE, method)
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = _Counted()
        counted.latency.add(perf_counter() - req.context.began)
        status = str(falcon.http_status_to_code(resp.status))
        counted.by_status[status] = counted.by_status.get(status, 0) + 1

    def routes(self) -> Iterator[RouteInfo]:
        """The figures of every route that was requested."""
        for (route, method), counted in sorted(self._counted.items(), key=itemgetter(0)):
            statuses = counted.by_status
            yield RouteInfo(
                route=route,
                method=method,
                requests=sum(statuses.values()),
                errors=sum(count for status, count in statuses.items() if status >= "500"),
                by_status=statuses,
                latency=counted.latency.info(),
            )
