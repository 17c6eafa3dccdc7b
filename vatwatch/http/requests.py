"""What was asked over HTTP: counted and timed by route, for the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import falcon
from msgspec import Struct

from vatwatch.http.bounds import METHODS
from vatwatch.supervision import LatencyCounts, LatencyInfo

# Of a path that leads nowhere: each would be a name of its own otherwise, for ever.
NO_ROUTE = "none"
# Of what is no method of HTTP: a client may invent any number of them.
OTHER_METHOD = "other"


class RouteInfo(Struct, frozen=True):
    """Requests of one route and method since the start; `errors` are answers of 500 and above."""

    route: str
    method: str
    requests: int
    errors: int
    by_status: dict[str, int]
    latency: LatencyInfo | None


class RequestCounts:
    """Falcon's middleware."""

    def __init__(self) -> None:
        self._latency: dict[tuple[str, str], LatencyCounts] = {}
        self._statuses: dict[tuple[str, str], dict[str, int]] = {}

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Note when it began."""
        req.context.began = perf_counter()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Count it. (The body is sent after this.)"""
        method = req.method if req.method in METHODS else OTHER_METHOD
        key = (req.uri_template or NO_ROUTE, method)
        self._latency.setdefault(key, LatencyCounts()).add(perf_counter() - req.context.began)
        statuses = self._statuses.setdefault(key, {})
        status = str(falcon.http_status_to_code(resp.status))
        statuses[status] = statuses.get(status, 0) + 1

    def routes(self) -> Iterator[RouteInfo]:
        """Every route that was asked for."""
        for (route, method), latency in sorted(self._latency.items()):
            statuses = self._statuses[route, method]
            yield RouteInfo(
                route=route,
                method=method,
                requests=sum(statuses.values()),
                errors=sum(count for status, count in statuses.items() if status >= "500"),
                by_status=statuses,
                latency=latency.info(),
            )
