"""Answers that only one node can give: those of its memory and of its supervision tree.

Any node can be asked. It passes the question on to the node that `node` names, without it to the
collector, and hands back the answer. So whoever asks gets the same from every node. While the
collector is away or unknown, the node that was asked answers for itself: a service in trouble must
still say how it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import falcon
from msgspec import structs

from vatwatch.cluster.node import ClusterNode, collector_of
from vatwatch.cluster.passed_on import NodeAnswer, NodeRequest
from vatwatch.errors import NodeUnreachable, SupervisionError
from vatwatch.http.app_context import AppContext
from vatwatch.http.environ import FORWARDED, PASSED_ON
from vatwatch.http.near import unknown_value
from vatwatch.http.params import READS, text
from vatwatch.http.problems import RETRY_AFTER_S
from vatwatch.http.request_bodies import read_body
from vatwatch.http.request_ids import ENVIRON, HEADER
from vatwatch.messages import AskNode, NodesView, Reports

R = TypeVar("R", bound=type)

NODE = text(
    "node",
    about="The node that is asked, by its name in `nodes`; without it the one that collects.",
    example="tower-3f9a1c",
)
# An answer of another node takes milliseconds. If the collector hangs, this one answers instead.
TIMEOUT_S = 3.0
# An order that is carried out takes longer than a question.
ORDER_TIMEOUT_S = 35.0
# Headers of an answer that are of the connection, or that this node makes anew.
_OWN_HEADERS = frozenset({"content-length", HEADER.lower(), "date", "connection"})
# What of the environment decides about an answer. Nothing else goes through Redis: any other header
# may hold a secret, also one that a proxy has added.
TOLD = (
    "REQUEST_METHOD",
    "PATH_INFO",
    "QUERY_STRING",
    "RAW_URI",
    "CONTENT_TYPE",
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_ENCODING",
    "HTTP_CACHE_CONTROL",
    "HTTP_HOST",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_ORIGIN",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_USER_AGENT",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
)


def of_collector(*methods: str) -> Callable[[R], R]:
    """Mark a resource: these methods are answered by the collector, or by the node that `node`
    names."""

    def mark(resource: R) -> R:
        given = getattr(resource, "parameters", {})
        own = {method: (*given.get(method, ()), NODE) for method in methods}
        resource.parameters = {**given, **own}  # type: ignore[attr-defined]
        resource.of_collector = frozenset(methods)  # type: ignore[attr-defined]
        return resource

    return mark


class OtherNodes:
    """Falcon's middleware, after those that let a request through: passes it on if another node
    answers it."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, _found: dict[str, Any]
    ) -> None:
        """Let another node answer, or leave it to this one.

        Raises:
            BadRequest: there is no such node
            falcon.HTTPServiceUnavailable: the node that is named does not answer
        """
        methods: frozenset[str] = getattr(resource, "of_collector", frozenset())
        method = "GET" if req.method == "HEAD" else req.method
        if method not in methods or PASSED_ON in req.env:
            return
        view = self._service.nodes()
        named = NODE.of(req)
        target = _named(view, named) if named else collector_of(view.all)
        if target is None or target.node == view.own.node:
            return
        patience_s = TIMEOUT_S if req.method in READS else ORDER_TIMEOUT_S
        question = AskNode(target.node, self._request(req), patience_s)
        try:
            answer = self._service.ask("nodes", question, timeout_s=patience_s + 1)
        except (NodeUnreachable, SupervisionError) as error:
            # An order that may have been carried out must not be carried out again here.
            done = req.method not in READS and getattr(error, "taken", True)
            if named or done:
                may = " It may have done what was asked." if done else ""
                raise falcon.HTTPServiceUnavailable(
                    description=f"The node {target.node} does not answer: {error}.{may}",
                    retry_after=RETRY_AFTER_S,
                ) from error
            return
        _hand_back(answer, resp)

    def _request(self, req: falcon.Request) -> NodeRequest:
        environ = {name: req.env[name] for name in TOLD if name in req.env}
        environ["HTTP_X_REQUEST_ID"] = req.env[ENVIRON]
        return NodeRequest(
            environ=environ,
            body=b"" if req.method in READS else read_body(req),
            client=req.context.client,
            caller=self._service.authorization.callers.of(req),
            forwarded=bool(req.env.get(FORWARDED)),
        )


def may_order_others(req: falcon.Request, service: AppContext) -> bool:
    """Whether an order for all nodes is passed on from here: not if another node has done so."""
    passed_on = req.env.get(PASSED_ON)
    by_client = passed_on is None or passed_on.from_client
    return by_client and bool(service.nodes().others)


def listed(service: AppContext, reports: Reports) -> tuple[ClusterNode, ...]:
    """All nodes, for an answer of this one, whose health is known as of now."""
    view = service.nodes()
    own = structs.replace(view.own, health=reports.health)
    return NodesView(own, view.others).all


def _named(view: NodesView, name: str) -> ClusterNode:
    for one in view.all:
        if one.node == name:
            return one
    raise unknown_value("node", "known node", name, [one.node for one in view.all])


def _hand_back(answer: NodeAnswer, resp: falcon.Response) -> None:
    resp.status = answer.status
    for name, value in answer.headers:
        if name.lower() not in _OWN_HEADERS:
            resp.set_header(name, value)
    resp.data = answer.body
    resp.complete = True
