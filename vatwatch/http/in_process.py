"""Answers requests that another node has received, by the app of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from vatwatch.cluster.passed_on import NodeAnswer, NodeRequest
from vatwatch.errors import NodeUnreachable
from vatwatch.http.environ import PASSED_ON

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class InProcess:
    """The app of this process, once there is one: the tree that uses this is made before it."""

    def __init__(self) -> None:
        self.app: WsgiApp | None = None

    def answer(self, request: NodeRequest) -> NodeAnswer:
        """Answer a request; the app decides as if its own client had asked.

        Raises:
            NodeUnreachable: there is no app yet
        """
        if self.app is None:
            raise NodeUnreachable("this node is still starting")
        told: list[tuple[str, tuple[tuple[str, str], ...]]] = []

        def start_response(status: str, headers: Any, _exc_info: Any = None) -> None:
            told.append((status, tuple(headers)))

        body = self.app(_environ(request), start_response)
        try:
            content = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        status, headers = told[-1]
        return NodeAnswer(status, headers, content)


def _environ(request: NodeRequest) -> dict[str, Any]:
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": "vatwatch",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.client,
        **request.environ,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        PASSED_ON: request,
    }
