"""A small VATSIM on loopback, with a simulated world in it and every way of answering wrong."""

from __future__ import annotations

import json
import socket
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from types import TracebackType
from typing import TypeAlias

import gevent
from gevent.server import StreamServer

from vatsim_simulator.hostile import made_hostile
from vatsim_simulator.publication import Publication, publish
from vatsim_simulator.world import World

# Long ago, so that code that uses the wall clock instead of the feed's fails.
START = datetime(2024, 11, 22, 12, 0, tzinfo=UTC)
DATA, TRANSCEIVERS, STATUS = "/vatsim-data.json", "/transceivers-data.json", "/status.json"
# A drip lasts longer than any test.
DRIPS, DRIP_S = 2000, 0.05


class Conversation:
    """One request, and the socket to answer it on."""

    def __init__(self, sock: socket.socket, path: str, headers: dict[str, str]) -> None:
        self.sock, self.path, self.headers = sock, path, headers

    def answer(self, status: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def json(self, body: bytes, **headers: str) -> None:
        self.answer("200 OK", body, Content_Type="application/json", **headers)


Answer: TypeAlias = Callable[[Conversation], None]


def body(content: bytes, status: str = "200 OK", kind: str = "application/json") -> Answer:
    return lambda c: c.answer(status, content, Content_Type=kind)


def status(line: str) -> Answer:
    return lambda c: c.answer(line, b"no")


def loop(c: Conversation) -> None:
    c.answer("302 Found", Location=c.path)


def reset(c: Conversation) -> None:
    """With the answer begun: the client gets a reset, not an end."""
    c.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(c: Conversation) -> None:
    c.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(DRIPS):
        c.sock.sendall(b" ")
        gevent.sleep(DRIP_S)


class FeedServer:
    """Serves what the world shows; `say` puts something else in the place of a feed."""

    def __init__(
        self,
        *,
        pilots: int = 40,
        seed: int = 1,
        validators: bool = False,
        start: datetime = START,
    ) -> None:
        self.world = World(seed, pilots, start)
        self.number = 0
        self.validators = validators
        self.hostile = 0.0  # this share of the next updates' records
        self.published = self._publish()
        self.requests: Counter[str] = Counter()
        self.not_modified: Counter[str] = Counter()
        self.user_agents: set[str] = set()
        self._said: dict[str, list[Answer]] = {}
        self._always: dict[str, Answer] = {}
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def __enter__(self) -> FeedServer:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._server.stop(timeout=0)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return self.base + DATA

    def advance(self, updates: int = 1) -> Publication:
        """Let the network go on, and publish what it shows."""
        for _ in range(updates):
            self.world.advance()
            self.number += 1
            self.published = self._publish()
        return self.published

    def say(self, path: str, *answers: Answer, always: Answer | None = None) -> None:
        """Answer the next requests for `path` so, and those after them as ever, or `always` so."""
        self._said[path] = list(answers)
        if always is None:
            self._always.pop(path, None)
        else:
            self._always[path] = always

    def _publish(self) -> Publication:
        feed, radios = self.world.feed(), self.world.radios()
        if self.hostile:
            feed, radios = made_hostile(feed, radios, self.hostile)
        return publish(self.number, feed, radios)

    def _serve(self, sock: socket.socket, _address: object) -> None:
        with sock, suppress(OSError):  # the client has gone, as clients do
            self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            piece = sock.recv(65536)
            if not piece:
                return
            request += piece
        head, *lines = request.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines) if k}
        path = head.split()[1]
        self.requests[path] += 1
        self.user_agents.add(headers.get("user-agent", ""))
        said = self._said.get(path)
        answer = said.pop(0) if said else self._always.get(path, self._usual)
        answer(Conversation(sock, path, headers))

    def _usual(self, c: Conversation) -> None:
        if c.path == STATUS:
            lists = {"v3": [self.url], "transceivers": [self.base + TRANSCEIVERS]}
            c.json(json.dumps({"data": lists}).encode())
            return
        if c.path not in (DATA, TRANSCEIVERS):
            c.answer("404 Not Found")
            return
        content = self.published.data if c.path == DATA else self.published.transceivers
        etag = f'"{sha256(content.raw).hexdigest()}"'
        if not self.validators:
            c.json(content.raw)
        elif c.headers.get("if-none-match") == etag:
            self.not_modified[c.path] += 1
            c.answer("304 Not Modified", ETag=etag)
        else:
            c.json(content.raw, ETag=etag)


def older_than(publication: Publication) -> Callable[[Conversation], None]:
    """The whole of an earlier update, as a CDN serves it after a newer one."""
    return lambda c: c.json(publication.data.raw)
