"""The supervision tree: its state, ordered restarts, and fault injection."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import ClassVar

import falcon
from msgspec import UNSET, Struct, UnsetType

from vatwatch.access.scopes import Scope
from vatwatch.cluster.node import ClusterNode
from vatwatch.errors import SupervisionError
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.internals import node_for_all, sees_internals
from vatwatch.http.known_names import message_types
from vatwatch.http.near import near_match
from vatwatch.http.nodes import of_collector
from vatwatch.http.params import Declared, text, whole_number
from vatwatch.http.problems import BadRequest
from vatwatch.http.request_bodies import BadField, read_fields, require_no_fields
from vatwatch.supervision import Ask, Fault, FaultKind, NodeInfo, Tell

log = logging.getLogger(__name__)

RESTART = "/restart"
FAULT_ID = whole_number(
    "id", 1, 2**63 - 1, None, about="Take back only the fault with this id; without it, all."
)


NODE_PATH = text("path", about="The path of a node in the tree.", example="vatwatch/data/store")
NODE_PATH_RESTART = text(
    "path",
    about="The path of a node in the tree, and `/restart`.",
    example="vatwatch/operations/resource_monitor/restart",
)


@dataclass(frozen=True, slots=True)
class TreeBody(NodeInfo):
    """The root of the tree of one node of the cluster, and all nodes of the cluster."""

    nodes: tuple[ClusterNode, ...] = ()


class Restarting(Struct, frozen=True):
    """A restart that was ordered."""

    path: str
    status: str = "restarting"


class FaultsBody(Struct, frozen=True):
    """The faults that are still to come."""

    active: tuple[Fault, ...]
    injected: int
    """How many have been."""
    ordered: Fault | UnsetType = UNSET
    """The one that was ordered now."""


@of_collector("GET")
class TreeResource(BaseResource):
    """Every node, from the root."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe("The supervision tree, from the root.", tag=Tag.SERVICE, answers={200: TreeBody})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Path, strategy, state, breaker, restarts, mailbox, latencies, last failure."""
        root = self._service.tree.snapshot()
        parts = {one.name: getattr(root, one.name) for one in fields(root)}
        _send(self._service, req, resp, TreeBody(**parts, nodes=self._service.nodes().all))


@of_collector("GET", "POST")
class NodeResource(BaseResource):
    """One node, and all below it; `PATH/restart` restarts it."""

    scopes: ClassVar[Scopes] = {"POST": Scope.ADMIN}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "One node of the tree, and all below it.",
        tag=Tag.SERVICE,
        answers={200: NodeInfo},
        problems=(404,),
        path=(NODE_PATH,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, path: str) -> None:
        """By its path: `vatwatch/data/store`."""
        node = self._service.tree.find(path)
        if node is None:
            raise falcon.HTTPNotFound(description=_no_such(path))
        _send(self._service, req, resp, node)

    @describe(
        "Restart a node of the tree.",
        tag=Tag.SERVICE,
        answers={202: Restarting},
        problems=(404, 409),
        path=(NODE_PATH_RESTART,),
    )
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
        send_json(resp, Restarting(node))


class FaultOrder(Struct, frozen=True):
    """The body of a POST: which fault is injected where. See `vatwatch.supervision.faults`."""

    kind: FaultKind
    target: str
    count: int = 1
    skip: int = 0
    seconds: float | None = None
    message_type: str | None = None


@of_collector("GET", "POST", "DELETE")
class FaultsResource(BaseResource):
    """Faults to come. Only a service with VATWATCH_FAULTS=on takes any."""

    parameters: ClassVar[Declared] = {"DELETE": (FAULT_ID,)}
    scopes: ClassVar[Scopes] = {"POST": Scope.ADMIN, "DELETE": Scope.ADMIN}

    def __init__(self, service: AppContext) -> None:
        self._service = service
        self._faults = service.tree.faults

    @describe(
        "The injected faults that are still to come.", tag=Tag.SERVICE, answers={200: FaultsBody}
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Those that are still to come, and how many have been."""
        self._show(resp)

    @describe(
        "Inject a fault, on a staging system.",
        tag=Tag.SERVICE,
        answers={201: FaultsBody},
        body=FaultOrder,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Order one."""
        authorization = self._service.authorization
        authorization.require(req, "inject a fault")
        self._require_allowed()
        try:
            order = read_fields(req, FaultOrder)
            authorization.name(req, f"inject {order.kind.value} into {order.target}")
            fault = Fault(**{name: getattr(order, name) for name in order.__struct_fields__})
        except BadField as error:
            raise _bad_fault(str(error), error.field) from error
        except ValueError as error:
            raise _bad_fault(str(error)) from error
        self._require_known(fault)
        try:
            fault = self._faults.inject(fault)
        except ValueError as error:
            nodes = self._service.tree.snapshot().walk()
            close = near_match(fault.target, [node.name for node in nodes])
            raise _bad_fault(str(error), "target", close) from error
        resp.status = falcon.HTTP_CREATED
        self._show(resp, ordered=fault)

    @describe(
        "Take back faults that are still to come.",
        tag=Tag.SERVICE,
        answers={200: FaultsBody},
        problems=(404,),
    )
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
        """Refuse an unknown target, whose fault would wait without end. Raises BadRequest."""
        if fault.kind is FaultKind.FAIL:
            names = sorted(breaker.name for breaker in self._service.tree.circuit_breakers.all())
            if fault.target not in names:
                raise _bad_fault(
                    f"no dependency's breaker is named {fault.target!r}: there are "
                    f"{', '.join(names) or 'none'} (GET /api/errors/circuit-breakers)",
                    "target",
                    near_match(fault.target, names),
                )
        if fault.message_type is not None:
            known = message_types(Tell, Ask)
            if fault.message_type not in known:
                close = near_match(fault.message_type, known)
                hint = f": did you mean {close}?" if close else ""
                what = f"no message is named {fault.message_type!r}{hint}"
                raise _bad_fault(what, "message_type", close)

    def _show(self, resp: falcon.Response, ordered: Fault | UnsetType = UNSET) -> None:
        send_json(resp, FaultsBody(self._faults.active(), self._faults.injected, ordered))


def _bad_fault(what: str, field: str | None = None, close: str | None = None) -> BadRequest:
    return BadRequest("Bad Request", f"Not a valid fault: {what}", field=field, did_you_mean=close)


def _send(service: AppContext, req: falcon.Request, resp: falcon.Response, node: NodeInfo) -> None:
    """Answer with a node. Tracebacks are for operators alone."""
    shows = sees_internals(service.authorization.callers, req)
    send_json(resp, node if shows else node_for_all(node))


def _no_such(path: str) -> str:
    return f"There is no node {path}; GET /api/supervision/tree lists all of them."
