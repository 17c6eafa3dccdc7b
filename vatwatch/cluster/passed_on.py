"""Requests of clients that one node passes on to another, and the answers."""

from __future__ import annotations

from msgspec import Struct

from vatwatch.access.caller import Caller
from vatwatch.access.scopes import ALL


class NodeRequest(Struct, frozen=True):
    """A request of a client, as the node that received it passes it on."""

    environ: dict[str, str]
    """What of the WSGI environment tells of it: method, path, query, headers. No secret is in it:
    who asks is in `caller`."""
    body: bytes
    client: str
    """The address of the client."""
    caller: Caller | None
    """Who asks; None: nobody that is known."""
    forwarded: bool = False
    """Whether a trusted proxy has sent it, so that its X-Forwarded-… can be believed."""
    from_client: bool = True
    """False: a node gives an order of its own."""


class NodeAnswer(Struct, frozen=True):
    """The answer of another node."""

    status: str
    """With its reason: `200 OK`."""
    headers: tuple[tuple[str, str], ...]
    body: bytes


def reload_order(node: str, host: str) -> NodeRequest:
    """The order to read the settings again, which a signal has given at this node."""
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/config/reload", "QUERY_STRING": ""}
    caller = Caller(who=f"SIGHUP at {node}", name=node, scopes=ALL)
    return NodeRequest(environ=environ, body=b"", client=host, caller=caller, from_client=False)
