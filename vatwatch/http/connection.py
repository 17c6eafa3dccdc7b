"""Whether who asked has hung up: nobody needs the answer then."""

from __future__ import annotations

import select
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import falcon
from gevent.monkey import get_original

# gevent's poll gives way to others; this one is asked by the runtime, which must not.
_poll: Any = get_original("select", "poll")
# Linux's: the other side has closed, or shut down what it writes. Elsewhere poll tells of a
# connection that is broken, and of others nothing.
_HUNG_UP: int = getattr(select, "POLLRDHUP", 0)

_connection: ContextVar[Any] = ContextVar("connection", default=None)


class Connections:
    """Falcon's middleware: notes on which connection the request came."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """gunicorn says it; a test client need not."""
        _connection.set(req.env.get("gunicorn.socket"))


def asker_is_gone() -> Callable[[], bool] | None:
    """How to find out whether the client of this request has gone; None: there is no way.

    Who shuts down its side after the request counts as gone, as with nginx.
    """
    sock = _connection.get()
    return None if sock is None else partial(_has_hung_up, sock)


def _has_hung_up(sock: Any) -> bool:
    descriptor = sock.fileno()
    if descriptor < 0:
        return True
    poller = _poll()
    poller.register(descriptor, _HUNG_UP)
    return bool(poller.poll(0))
