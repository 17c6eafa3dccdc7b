"""Detects whether the client has closed its connection, so that its request need not be
answered."""

from __future__ import annotations

import select
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import falcon
from gevent.monkey import get_original

# gevent's poll yields to other greenlets; the runtime calls this one and must not yield.
_poll: Any = get_original("select", "poll")
# Linux only: the other side has closed, or shut down its writing side. On other systems poll
# reports only broken connections.
_HUNG_UP: int = getattr(select, "POLLRDHUP", 0)

_connection: ContextVar[_Connection | None] = ContextVar("connection", default=None)


class _Connection:
    """The connection of a client. All its requests use one poller, since creating it takes 0.6
    µs."""

    __slots__ = ("_poller", "sock")

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self._poller = _poll()
        if sock.fileno() >= 0:
            self._poller.register(sock.fileno(), _HUNG_UP)

    def has_hung_up(self) -> bool:
        # When it is closed here, its number may belong to another connection.
        return self.sock.fileno() < 0 or bool(self._poller.poll(0))


class Connections:
    """Falcon's middleware: notes the connection of each request."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Note the connection. gunicorn passes it; a test client need not."""
        sock, known = req.env.get("gunicorn.socket"), _connection.get()
        if sock is None:
            _connection.set(None)
        elif known is None or known.sock is not sock:
            _connection.set(_Connection(sock))


def asker_is_gone() -> Callable[[], bool] | None:
    """A function that tells whether the client of this request has gone; None: it cannot be told.

    A client that shuts down its side after the request counts as gone, as with nginx.
    """
    connection = _connection.get()
    return None if connection is None else connection.has_hung_up
