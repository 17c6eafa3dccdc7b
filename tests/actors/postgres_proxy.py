"""A cable between the service and PostgreSQL that can be cut, and mended."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import gevent
from gevent.event import Event
from gevent.server import StreamServer
from psycopg2.extensions import make_dsn, parse_dsn

SOCKET = ".s.PGSQL.5432"
# The message by which psycopg2 commits.
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class PostgresProxy:
    """Listens on a unix socket of its own, and passes everything on to the server's."""

    def __init__(self, directory: Path, dsn: str) -> None:
        words = parse_dsn(dsn)
        self._target = f"{words['host']}/{SOCKET}"
        self._path = directory / SOCKET
        self.dsn = make_dsn(dsn, host=str(directory))
        self._server: StreamServer | None = None
        self._open: set[socket.socket] = set()
        self._passes = Event()
        self._passes.set()
        self._marked = b""
        self.lost = 0
        """Commits whose answers were lost."""

    def __enter__(self) -> PostgresProxy:
        self.mend()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.cut()

    def mend(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(50)
        self._server = StreamServer(listener, self._serve)
        self._server.start()

    def cut(self) -> None:
        """No new connection, and the old ones end at once."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._path.unlink()
        self._passes.set()
        for end in [*self._open]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Nothing comes through, and no end notices: a cut cable, or a machine that vanished."""
        self._passes.clear()

    def lose_answer(self, statement: bytes) -> None:
        """The next transaction with this in a statement is committed, and its connection ends
        before the answer."""
        self._marked = statement

    def _serve(self, client: socket.socket, _address: object) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._target)
            self._open |= {client, server}
            cable = _Cable()
            back = gevent.spawn(
                _pass_on, server, client, lambda piece: self._came(cable, piece), self._passes
            )
            _pass_on(client, server, lambda piece: self._goes(cable, piece), self._passes)
            back.join()
            self._open -= {client, server}

    def _goes(self, cable: _Cable, piece: bytes) -> bytes:
        cable.is_marked |= bool(self._marked) and self._marked in piece
        if piece.endswith(COMMIT):
            cable.loses = cable.is_marked and bool(self._marked)
            cable.is_marked = False
        return piece

    def _came(self, cable: _Cable, piece: bytes) -> bytes:
        """Nothing, which ends the connection, if this is the answer that is lost."""
        if not cable.loses:
            return piece
        self._marked = b""
        self.lost += 1
        return b""


@dataclass(slots=True)
class _Cable:
    """One connection through the proxy."""

    is_marked: bool = False
    """Whether the present transaction has the statement."""
    loses: bool = False
    """Whether the next answer is lost."""


def _pass_on(
    source: socket.socket,
    target: socket.socket,
    seen: Callable[[bytes], bytes],
    passes: Event,
) -> None:
    with suppress(OSError):
        while piece := seen(source.recv(65536)):
            passes.wait()
            target.sendall(piece)
    passes.wait()
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
