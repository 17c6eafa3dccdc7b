"""A user's server on loopback: keeps each request, and answers as the test says."""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

import gevent
from gevent.event import Event
from gevent.server import StreamServer


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """One answer."""

    status: str = "204 No Content"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Nothing is sent until the test is over."""
    drips: bool = False
    """A byte comes now and then, without end."""


class Receiver:
    """Gives the answers of `next` one after another, and then `always`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.next: deque[Said] = deque()
        self.always = Said()
        self._over = Event()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def __enter__(self) -> Receiver:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.stop(timeout=1)

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def url(self, path: str = "/hook/token", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def _serve(self, sock: socket.socket, _address: object) -> None:
        with sock, suppress(OSError):  # the client has gone, as clients do
            request = b""
            while b"\r\n\r\n" not in request:
                piece = sock.recv(65536)
                if not piece:
                    return
                request += piece
            head, _, body = request.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            while len(body) < int(headers.get("content-length", 0)):
                body += sock.recv(65536)
            method, path, _ = first.split(" ")
            self.received.append(Received(method, path, headers, body))
            said = self.next.popleft() if self.next else self.always
            if said.hangs:
                self._over.wait(60)
                return
            given = [f"HTTP/1.1 {said.status}", "Connection: close"]
            given += [f"{name}: {value}" for name, value in said.headers.items()]
            length = 100_000 if said.drips else len(said.body)
            given += [f"Content-Length: {length}"]
            sock.sendall("\r\n".join([*given, "", ""]).encode() + said.body)
            while said.drips and not self._over.is_set():
                sock.sendall(b" ")
                gevent.sleep(0.05)
