"""The supervision tree: how it stands, restarts that are ordered, faults that are injected."""

from __future__ import annotations

from typing import Any

import falcon
import msgspec
from msgspec import Struct

from vatwatch.errors import SupervisionError
from vatwatch.http.service import Resource, Service
from vatwatch.supervision import Fault, FaultKind

RESTART = "/restart"


class TreeResource(Resource):
    """Every node, from the root."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Path, strategy, state, breaker, restarts, mailbox, latencies, last failure."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(self._service.tree.snapshot())


class NodeResource(Resource):
    """One node, and all below it; `PATH/restart` restarts it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response, path: str) -> None:
        """By its path: `vatwatch/data/store`."""
        node = self._service.tree.find(path)
        if node is None:
            raise falcon.HTTPNotFound(description=_no_such(path))
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(node)

    def on_post(self, req: falcon.Request, resp: falcon.Response, path: str) -> None:
        """Stop the node in order and start it again, with those that go with it."""
        node = path.removesuffix(RESTART)
        if node == path or self._service.tree.find(node) is None:
            raise falcon.HTTPNotFound(description=_no_such(path))
        self._service.access.admit(req, f"restart {node}")
        try:
            self._service.tree.restart(node)
        except SupervisionError as error:
            raise falcon.HTTPConflict(description=str(error)) from error
        resp.status = falcon.HTTP_ACCEPTED
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"path": node, "status": "restarting"})


class FaultOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST: what is to befall whom. See `vatwatch.supervision.faults`."""

    kind: FaultKind
    target: str
    count: int = 1
    skip: int = 0
    seconds: float | None = None
    message_type: str | None = None


class FaultsResource(Resource):
    """Faults to come. Only a service with VATWATCH_FAULTS=on takes any."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._faults = service.tree.directory.faults

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Those that are still to come, and how many have been."""
        self._show(resp)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Order one."""
        self._require_allowed()
        try:
            order = msgspec.json.decode(req.bounded_stream.read(), type=FaultOrder)
            fault = Fault(**{name: getattr(order, name) for name in order.__struct_fields__})
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise falcon.HTTPBadRequest(description=f"No fault: {error}") from error
        self._service.access.admit(req, f"inject {fault.kind.value} into {fault.target}")
        try:
            fault = self._faults.inject(fault)
        except ValueError as error:
            raise falcon.HTTPBadRequest(description=str(error)) from error
        resp.status = falcon.HTTP_CREATED
        self._show(resp, ordered=fault)

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take back all, or one (`id`)."""
        self._require_allowed()
        fault_id = req.get_param_as_int("id")
        self._service.access.admit(req, f"take back fault {fault_id or 'all'}")
        if not self._faults.clear(fault_id) and fault_id is not None:
            raise falcon.HTTPNotFound(description=f"There is no fault {fault_id}.")
        self._show(resp)

    def _require_allowed(self) -> None:
        if not self._service.faults_allowed:
            raise falcon.HTTPForbidden(
                description="This service takes no faults: it runs with VATWATCH_FAULTS=off."
            )

    def _show(self, resp: falcon.Response, **more: Any) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(
            {"active": self._faults.active(), "injected": self._faults.injected, **more}
        )


def _no_such(path: str) -> str:
    return f"There is no node {path}; GET /api/supervision/tree shows all of them."
