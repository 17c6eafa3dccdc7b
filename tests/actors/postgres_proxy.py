"""A cable between the service and PostgreSQL that can be cut, and mended."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import gevent
from gevent.event import Event
from gevent.server import StreamServer
from psycopg2.extensions import make_dsn, parse_dsn

SOCKET = ".s.PGSQL.5432"


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

    def _serve(self, client: socket.socket, _address: object) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._target)
            self._open |= {client, server}
            back = gevent.spawn(_pass_on, server, client, self._passes)
            _pass_on(client, server, self._passes)
            back.join()
            self._open -= {client, server}


def _pass_on(source: socket.socket, target: socket.socket, passes: Event) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            passes.wait()
            target.sendall(piece)
    passes.wait()
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
