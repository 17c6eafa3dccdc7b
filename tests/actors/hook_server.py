"""A receiver of webhooks on loopback: takes, fails, hangs, goes away and comes back."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from types import TracebackType
from typing import Any

from gevent.event import Event
from gevent.server import StreamServer


class HookServer:
    """Keeps what it took; `status` is what it answers, `headers` with it; it may hang."""

    def __init__(self, status: str = "204 No Content", *, hanging: bool = False) -> None:
        self.taken: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.tries = 0
        self.status = status
        self.headers: list[tuple[str, str]] = []
        self.hanging = hanging
        self._goes_on = Event()
        self._port = 0
        self._server: StreamServer | None = None

    def __enter__(self) -> HookServer:
        self.come_back()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.go_on()
        self.go_away()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hooks/secret-token"

    def come_back(self) -> None:
        """Listen, on the same port as before."""
        self._server = StreamServer(("127.0.0.1", self._port), self._serve)
        self._server.start()
        self._port = self._server.server_port

    def go_away(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def go_on(self) -> None:
        """Hang no more."""
        self.hanging = False
        self._goes_on.set()

    def _serve(self, sock: socket.socket, _address: object) -> None:
        with sock, suppress(OSError):  # the client has gone, as clients do
            request = b""
            while b"\r\n\r\n" not in request:
                piece = sock.recv(65536)
                if not piece:
                    return
                request += piece
            head, _, body = request.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
            while len(body) < int(headers["content-length"]):
                body += sock.recv(65536)
            self.tries += 1
            if self.hanging:
                self._goes_on.wait(60)
                return
            if self.status.startswith("2"):
                self.taken.append(json.loads(body))
                self.paths.append(lines[0].split()[1])
            answer = [f"HTTP/1.1 {self.status}", "Content-Length: 0", "Connection: close"]
            answer += [f"{name}: {value}" for name, value in self.headers]
            sock.sendall("\r\n".join([*answer, "", ""]).encode())
