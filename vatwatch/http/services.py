"""The services of the tree and what they depend on: state, health, starts.

`/api/services` always answers 200. The `health` endpoints answer 503 while their subject is
unhealthy, with the same body.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, get_args

import falcon
from msgspec import Meta, Struct

from vatwatch.cluster.node import ClusterNode
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.nodes import listed, of_collector
from vatwatch.http.params import text
from vatwatch.http.problems import RETRY_AFTER_S
from vatwatch.http.schemas import any_of
from vatwatch.messages import Reports
from vatwatch.messages.status import ErrorStatus, Status
from vatwatch.monitoring.dependencies import DEPENDENCIES, dependents_of
from vatwatch.monitoring.health import Health, PartHealth
from vatwatch.supervision import NodeInfo

OFF = "off"
"""The state of a service that runs and has nothing to do, because of a setting."""


SERVICE = text(
    "name", about="A service of the tree, or a dependency of the service.", example="store"
)
# msgspec takes no union of several Structs for what could be read.
AnyStatus = Annotated[Any, Meta(extra_json_schema=any_of(*get_args(Status), None))]


class HealthTransition(Struct, frozen=True):
    """From one health to another; `before` is none when it was seen first."""

    at: datetime
    before: str | None
    after: str
    reason: str


class ServicePart(Struct, frozen=True):
    """One service: its state under its supervisor, and its own report."""

    state: str
    health: str
    reason: str
    restarts: int
    since: datetime | None


class ServiceLine(Struct, frozen=True):
    """One service of /api/services.

    `last_start_at` is when its latest incarnation had started, `last_start_s` how long that took.
    `dependencies` has the health of each service, and of each part outside, that it needs.
    """

    name: str
    path: str
    state: str
    health: str
    reason: str
    since: datetime | None
    uptime_s: float
    restarts: int
    last_start_at: datetime | None
    last_start_s: float | None
    retry_at: datetime | None
    dependencies: dict[str, str]


class DependencyPart(Struct, frozen=True):
    """A dependency: postgresql, redis, feed, transceivers."""

    health: str
    reason: str
    since: datetime


class AllServicesBody(Struct, frozen=True):
    """The answer of /api/services: in the order of their start; they stop in the reverse order."""

    count: int
    status: str
    reason: str
    services: list[ServiceLine]
    nodes: tuple[ClusterNode, ...]


class ServicesBody(Struct, frozen=True):
    """The answer of /api/services/health."""

    status: str
    reason: str
    since: datetime
    checked_at: datetime | None
    services: dict[str, ServicePart]
    dependencies: dict[str, DependencyPart]
    transitions: list[HealthTransition]


class ServiceBody(Struct, frozen=True):
    """The answer of /api/services/{name}/health."""

    name: str
    path: str
    state: str
    health: str
    reason: str
    since: datetime
    uptime_s: float
    restarts: int
    breaker: str | None
    last_failure: str
    last_failure_at: datetime | None
    mailbox_depth: int
    handling: str | None
    busy_s: float
    transitions: list[HealthTransition]
    status: AnyStatus
    """Its own report; null before the first one."""
    last_start_at: datetime | None
    last_start_s: float | None
    dependencies: dict[str, str]
    needed_by: tuple[str, ...]


class DependencyBody(Struct, frozen=True):
    """The same for a dependency: postgresql, redis, feed, transceivers."""

    name: str
    health: str
    reason: str
    since: datetime
    transitions: list[HealthTransition]
    needed_by: tuple[str, ...]


@of_collector("GET")
class ServicesResource(BaseResource):
    """Every service, in the order of the start."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Every service of the tree, in the order of the start.",
        tag=Tag.SERVICE,
        answers={200: AllServicesBody},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """State, health, uptime, restarts, the last start, and what each depends on."""
        reports = self._service.reports()
        lines = [_line(node, reports) for node in _workers(self._service)]
        nodes = listed(self._service, reports)
        send_json(
            resp, AllServicesBody(len(lines), reports.health.value, reports.reason, lines, nodes)
        )


@of_collector("GET")
class ServicesHealthResource(BaseResource):
    """The health of every service and dependency."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The health of every service and dependency.",
        tag=Tag.SERVICE,
        answers={200: ServicesBody, 503: ServicesBody},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """503 while there is nothing to serve, or nothing can be collected."""
        reports = self._service.reports()
        services = dict(service_parts(self._service, reports))
        body = ServicesBody(
            status=reports.health.value,
            reason=reports.reason,
            since=reports.whole.since,
            checked_at=reports.checked_at,
            services=services,
            dependencies={
                name: DependencyPart(part.health.value, part.reason, part.since)
                for name, part in reports.parts.items()
                if name not in services
            },
            transitions=_transitions(reports.whole),
        )
        send_health(resp, body, reports.health)


@of_collector("GET")
class ServiceHealthResource(BaseResource):
    """One service or dependency."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The health of one service or dependency.",
        tag=Tag.SERVICE,
        answers={200: (ServiceBody, DependencyBody), 503: (ServiceBody, DependencyBody)},
        problems=(404, 503),
        path=(SERVICE,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """503 while it is unhealthy."""
        reports = self._service.reports()
        part = reports.parts.get(name)
        if part is None:
            known = ", ".join(reports.parts)
            raise falcon.HTTPNotFound(
                description=f"There is no service {name[:40]!r}; there are {known}."
            )
        node = next((node for node in _workers(self._service) if node.name == name), None)
        body = _outside(name, part, reports) if node is None else _inside(node, part, reports)
        send_health(resp, body, part.health)


def send_health(resp: falcon.Response, body: Struct, health: Health) -> None:
    """Set the body, and a status that a load balancer understands."""
    resp.status = falcon.HTTP_200
    if health is Health.UNHEALTHY:
        resp.status = falcon.HTTP_503
        resp.set_header("Retry-After", str(RETRY_AFTER_S))
    resp.set_header("Cache-Control", "no-store")
    send_json(resp, body)


def service_parts(service: AppContext, reports: Reports) -> Iterator[tuple[str, ServicePart]]:
    """Every service of the tree, with its health."""
    for node in _workers(service):
        part = reports.parts.get(node.name)
        yield (
            node.name,
            ServicePart(
                state=_state(node, reports),
                health=_health(part),
                reason="" if part is None else part.reason,
                restarts=node.restarts_total,
                since=None if part is None else part.since,
            ),
        )


def _workers(service: AppContext) -> Iterator[NodeInfo]:
    """In the order of their start."""
    return (node for node in service.tree.snapshot().walk() if node.kind == "worker")


def _state(node: NodeInfo, reports: Reports) -> str:
    report = reports.services.get(node.name)
    if report is not None and isinstance(report.status, ErrorStatus) and not report.status.enabled:
        return OFF
    return node.state.value


def _health(part: PartHealth | None) -> str:
    """Healthy until its health is known."""
    return Health.HEALTHY.value if part is None else part.health.value


def _dependencies(name: str, reports: Reports) -> dict[str, str]:
    """The dependencies that exist: no Redis without REDIS_URL, no `postgres` without the embedded
    cluster."""
    return {
        needed: reports.parts[needed].health.value
        for needed in DEPENDENCIES.get(name, ())
        if needed in reports.parts
    }


def _line(node: NodeInfo, reports: Reports) -> ServiceLine:
    part = reports.parts.get(node.name)
    return ServiceLine(
        name=node.name,
        path=node.path,
        state=_state(node, reports),
        health=_health(part),
        reason="" if part is None else part.reason,
        since=None if part is None else part.since,
        uptime_s=round(node.uptime_s, 3),
        restarts=node.restarts_total,
        last_start_at=node.last_start_at,
        last_start_s=_rounded(node.last_start_s),
        retry_at=node.retry_at,
        dependencies=_dependencies(node.name, reports),
    )


def _outside(name: str, part: PartHealth, reports: Reports) -> DependencyBody:
    return DependencyBody(
        name=name,
        health=part.health.value,
        reason=part.reason,
        since=part.since,
        transitions=_transitions(part),
        needed_by=_dependents(name, reports),
    )


def _inside(node: NodeInfo, part: PartHealth, reports: Reports) -> ServiceBody:
    report, failure = reports.services.get(node.name), node.last_failure
    return ServiceBody(
        name=node.name,
        path=node.path,
        state=_state(node, reports),
        health=part.health.value,
        reason=part.reason,
        since=part.since,
        uptime_s=round(node.uptime_s, 3),
        restarts=node.restarts_total,
        breaker=None if node.breaker is None else node.breaker.state.value,
        last_failure="" if failure is None else f"{failure.error_type}: {failure.error_text}",
        last_failure_at=None if failure is None else failure.at,
        mailbox_depth=0 if node.mailbox is None else node.mailbox.depth,
        handling=node.handling,
        busy_s=round(node.busy_s, 3),
        transitions=_transitions(part),
        status=None if report is None else report.status,
        last_start_at=node.last_start_at,
        last_start_s=_rounded(node.last_start_s),
        dependencies=_dependencies(node.name, reports),
        needed_by=_dependents(node.name, reports),
    )


def _transitions(part: PartHealth) -> list[HealthTransition]:
    return [
        HealthTransition(
            change.at,
            None if change.before is None else change.before.value,
            change.after.value,
            change.reason,
        )
        for change in part.transitions
    ]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _dependents(name: str, reports: Reports) -> tuple[str, ...]:
    """Of those that there are in this tree."""
    return tuple(one for one in dependents_of(name) if one in reports.parts)
