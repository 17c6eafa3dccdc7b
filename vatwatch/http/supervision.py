"""The supervision tree: its state, ordered restarts, and fault injection."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import falcon
import msgspec
from msgspec import Struct

from vatwatch.errors import SupervisionError
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.near import near_match
from vatwatch.http.params import Declared, whole_number
from vatwatch.http.request_bodies import read_fields, require_no_fields
from vatwatch.supervision import Ask, Fault, FaultKind, Tell

log = logging.getLogger(__name__)

RESTART = "/restart"
FAULT_ID = whole_number("id", 1, 2**63 - 1, None)


class TreeResource(BaseResource):
    """Every node, from the root."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Path, strategy, state, breaker, restarts, mailbox, latencies, last failure."""
        send_json(resp, self._service.tree.snapshot())


class NodeResource(BaseResource):
    """One node, and all below it; `PATH/restart` restarts it."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response, path: str) -> None:
        """By its path: `vatwatch/data/store`."""
        node = self._service.tree.find(path)
        if node is None:
            raise falcon.HTTPNotFound(description=_no_such(path))
        send_json(resp, node)

    def on_post(self, req: falcon.Request, resp: falcon.Response, path: str) -> None:
        """Stop the node in order and start it again, with those that go with it."""
        node = path.removesuffix(RESTART)
        self._service.authorization.require(req, f"restart {node}")
        require_no_fields(req)
        if node == path:
            raise falcon.HTTPNotFound(
                description=f"{path} takes no POST; POST to {path}{RESTART} to restart it."
            )
        if self._service.tree.find(node) is None:
            raise falcon.HTTPNotFound(description=_no_such(node))
        try:
            self._service.tree.restart(node)
            log.warning("A restart of %s was ordered over HTTP; audit.log says by whom.", node)
        except SupervisionError as error:
            raise falcon.HTTPConflict(description=str(error)) from error
        resp.status = falcon.HTTP_ACCEPTED
        send_json(resp, {"path": node, "status": "restarting"})


class FaultOrder(Struct, frozen=True):
    """The body of a POST: which fault is injected where. See `vatwatch.supervision.faults`."""

    kind: FaultKind
    target: str
    count: int = 1
    skip: int = 0
    seconds: float | None = None
    message_type: str | None = None


class FaultsResource(BaseResource):
    """Faults to come. Only a service with VATWATCH_FAULTS=on takes any."""

    parameters: ClassVar[Declared] = {"DELETE": (FAULT_ID,)}

    def __init__(self, service: AppContext) -> None:
        self._service = service
        self._faults = service.tree.faults

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Those that are still to come, and how many have been."""
        self._show(resp)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Order one."""
        authorization = self._service.authorization
        authorization.require(req, "inject a fault")
        self._require_allowed()
        try:
            order = read_fields(req, FaultOrder)
            authorization.name(req, f"inject {order.kind.value} into {order.target}")
            fault = Fault(**{name: getattr(order, name) for name in order.__struct_fields__})
            self._require_known(fault)
            fault = self._faults.inject(fault)
        except (msgspec.ValidationError, ValueError) as error:
            raise falcon.HTTPBadRequest(description=f"Not a valid fault: {error}") from error
        resp.status = falcon.HTTP_CREATED
        self._show(resp, ordered=fault)

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take back all, or one (`id`)."""
        self._service.authorization.require(req, f"take back fault {req.get_param('id') or 'all'}")
        self._require_allowed()
        fault_id = FAULT_ID.of(req)
        if not self._faults.clear(fault_id) and fault_id is not None:
            raise falcon.HTTPNotFound(description=f"There is no fault {fault_id}.")
        self._show(resp)

    def _require_allowed(self) -> None:
        if not self._service.faults_allowed:
            raise falcon.HTTPForbidden(
                description="Fault injection is off. Set VATWATCH_FAULTS=on, on a staging system."
            )

    def _require_known(self, fault: Fault) -> None:
        """Raise ValueError for an unknown target: its fault would wait without end."""
        if fault.kind is FaultKind.FAIL:
            names = sorted(breaker.name for breaker in self._service.tree.circuit_breakers.all())
            if fault.target not in names:
                raise ValueError(
                    f"no dependency's breaker is named {fault.target!r}: there are "
                    f"{', '.join(names) or 'none'} (GET /api/errors/circuit-breakers)"
                )
        if fault.message_type is not None:
            known = _message_types()
            if fault.message_type not in known:
                close = near_match(fault.message_type, known)
                hint = f": did you mean {close}?" if close else ""
                raise ValueError(f"no message is named {fault.message_type!r}{hint}")

    def _show(self, resp: falcon.Response, **more: Any) -> None:
        body = {"active": self._faults.active(), "injected": self._faults.injected, **more}
        send_json(resp, body)


def _message_types() -> set[str]:
    """The names of all messages that any actor may get."""
    found: list[type[Any]] = [Tell, Ask]
    for kind in found:
        found.extend(kind.__subclasses__())
    return {kind.__name__ for kind in found}


def _no_such(path: str) -> str:
    return f"There is no node {path}; GET /api/supervision/tree lists all of them."
