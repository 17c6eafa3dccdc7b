"""Detects whether the client has closed its connection, so that its request need not be
answered."""

from __future__ import annotations

import select
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import falcon
import gevent
from gevent.monkey import get_original

# gevent's poll yields to other greenlets; the runtime calls this one and must not yield.
_poll: Any = get_original("select", "poll")
# Linux only: the other side has closed, or shut down its writing side. On other systems poll
# reports only broken connections.
_HUNG_UP: int = getattr(select, "POLLRDHUP", 0)

# Of libev: there is something to read, or the end.
_READABLE = 1

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


class AskerWatch:
    """Tells as soon as a client hangs up, until it is closed."""

    def __init__(self, connection: _Connection | None, tell: Callable[[], None]) -> None:
        self._connection, self._tell = connection, tell
        number = -1 if connection is None else connection.sock.fileno()
        self._watcher = gevent.get_hub().loop.io(number, _READABLE) if number >= 0 else None
        if self._watcher is not None:
            self._watcher.start(self._look)

    def close(self) -> None:
        """Look no more. It must be called before the connection is closed."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()

    def _look(self) -> None:
        # Once: who sends another request into its stream would be told of all the time.
        self.close()
        if self._connection is not None and self._connection.has_hung_up():
            self._tell()


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


def watch_asker(tell: Callable[[], None]) -> AskerWatch:
    """Have `tell` called, in the hub, as soon as the client of this request has gone.

    Not if that cannot be told, nor if it sends something more before. Then `asker_is_gone` says it
    when it is asked.
    """
    return AskerWatch(_connection.get(), tell)
