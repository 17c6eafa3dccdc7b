"""A server on loopback that answers with what it was told to, byte for byte."""

from __future__ import annotations

import socket
from contextlib import suppress
from types import TracebackType

import gevent
from gevent.event import Event
from gevent.server import StreamServer

Answer = list[bytes | float]
CLOSES = b"Connection: close"


def answer(
    status: str = "200 OK", body: bytes = b"{}", kind: str = "application/json", **headers: str
) -> Answer:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ["\r\n".join([*lines, "", ""]).encode() + body]


def stream(*pieces: bytes | float, status: str = "200 OK") -> Answer:
    """Server-sent events; the connection is closed behind them."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return [head.encode(), *pieces]


class Scripted:
    """Answers request after request with what stands in `answers`; the last one stays.

    A number in an answer is a pause in seconds; an answer without anything cuts the connection.
    """

    def __init__(self, *answers: Answer, host: str = "127.0.0.1") -> None:
        self.answers = [*answers]
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._ends = Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.bind((host, 0))
        listener.listen(20)
        self._server = StreamServer(listener, self._serve)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{listener.getsockname()[1]}"

    def __enter__(self) -> Scripted:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._server.stop(timeout=0)

    def _serve(self, sock: socket.socket, _address: object) -> None:
        with sock, suppress(OSError):  # the client has gone, as clients do
            while self._talk(sock):
                pass

    def _talk(self, sock: socket.socket) -> bool:
        request = b""
        while b"\r\n\r\n" not in request:
            piece = sock.recv(65536)
            if not piece:
                return False
            request += piece
        head, *lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        self.requests.append((head, headers))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        for piece_or_pause in said:
            if isinstance(piece_or_pause, bytes):
                sock.sendall(piece_or_pause)
            elif self._ends.wait(piece_or_pause):
                return False
            gevent.sleep(0)
        head = said[0] if said else b""
        return isinstance(head, bytes) and head.startswith(b"HTTP/") and CLOSES not in head
