"""Answers requests, well or badly. Bad answers need the socket, so the answers are written here."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import gevent
import msgspec
from gevent.pywsgi import WSGIHandler, WSGIServer

from vatsim_simulator.faults import (
    AnyFault,
    Drip,
    Empty,
    Html,
    Huge,
    Odd,
    Older,
    RedirectLoop,
    ResetFault,
    StatusFault,
    Timeout,
    Truncated,
)
from vatsim_simulator.odd_bodies import ODD_BODIES
from vatsim_simulator.publication import FeedBody, FeedName, UpdateCounts
from vatsim_simulator.site import AREAS_PATH, CONTROL_PATH, FEEDS, Site

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
MOST_CONTROL_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
_SORRY = b"<!DOCTYPE html>\n<title>Sorry</title>\n<h1>We will be back soon</h1>\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _TimeIsUp(Exception):
    """A feed has dripped for its whole time."""


class SimulatorServer(WSGIServer):
    """A server with the site that its handlers use; set it before the start."""

    site: Site


class Handler(WSGIHandler):
    """gevent reads the requests and keeps the connections; `run_application` answers."""

    environ: dict[str, Any]
    socket: socket.socket
    close_connection: bool

    def run_application(self) -> None:
        """Answer one request."""
        assert isinstance(self.server, SimulatorServer)
        self._site = self.server.site
        self._method: str = self.environ["REQUEST_METHOD"]
        path: str = self.environ["PATH_INFO"]
        if path == CONTROL_PATH:
            self._control()
        elif path == AREAS_PATH or path.startswith(f"{AREAS_PATH}/"):
            self._areas(path.removeprefix(AREAS_PATH).strip("/"))
        elif path not in FEEDS:
            there = ", ".join([*FEEDS, CONTROL_PATH, AREAS_PATH])
            self._problem(HTTPStatus.NOT_FOUND, f"There is {there}; there is nothing else.")
        elif self._method not in ("GET", "HEAD"):
            self._not_allowed("GET, HEAD")
        else:
            self._feed(FEEDS[path])

    # The feeds

    def _feed(self, feed: FeedName) -> None:
        fault = self._site.fault(feed)
        back = fault.back if isinstance(fault, Older) else 0
        counts, body = self._site.feed(feed, self._host(), back)
        if fault is None or isinstance(fault, Older):
            self._good(feed, counts, body)
        else:
            self._bad(fault, feed, counts, body)

    def _good(self, feed: FeedName, counts: UpdateCounts | None, body: FeedBody) -> None:
        content, headers = self._encoded(body)
        self._send(HTTPStatus.OK, content, headers=headers)
        self._count(feed, counts)

    def _bad(
        self, fault: AnyFault, feed: FeedName, counts: UpdateCounts | None, body: FeedBody
    ) -> None:
        content, headers = self._encoded(body)
        match fault:
            case StatusFault(code=code):
                self._problem(code, "A fault that was asked for.")
            case Empty():
                self._send(HTTPStatus.OK, b"", headers=headers[:1])
            case Html():
                self._send(HTTPStatus.OK, _SORRY, "text/html", headers[:1])
            case RedirectLoop():
                self._send(
                    HTTPStatus.FOUND, b"", headers=[f"Location: {self.environ['PATH_INFO']}"]
                )
            case Truncated(share=share):
                # Cut before it is compressed: the client gets a valid answer with half a feed.
                cut = FeedBody.of(body.raw[: int(len(body.raw) * share)])
                self._send(HTTPStatus.OK, self._encoded(cut)[0], headers=headers)
            case Odd(kind=kind):
                odd = FeedBody.of(ODD_BODIES[kind](body.raw))
                self._send(HTTPStatus.OK, self._encoded(odd)[0], headers=headers)
            case ResetFault(share=share):
                self._send(HTTPStatus.OK, content, headers=headers, share=share)
                self._reset()
            case Timeout(seconds=seconds):
                gevent.sleep(seconds)
                self.close_connection = True
            case Drip():
                if self._drip(fault, content, headers):
                    self._count(feed, counts)
            case Huge():
                self._huge(fault, body.raw)
                self._count(feed, counts)
            case _:
                raise AssertionError(f"{fault} is not a bad answer")

    def _drip(self, fault: Drip, content: bytes, headers: list[str]) -> bool:
        """Send a body slowly. Returns whether all of it was sent, which is possible for a short
        one."""
        self._send(HTTPStatus.OK, content, headers=headers, share=0.0)
        with suppress(_TimeIsUp), gevent.Timeout(fault.seconds, _TimeIsUp()):
            for begin in range(0, len(content), fault.chunk_bytes):
                self.socket.sendall(content[begin : begin + fault.chunk_bytes])
                gevent.sleep(fault.interval_s)
            return True
        self.close_connection = True
        return False

    def _huge(self, fault: Huge, content: bytes) -> None:
        size = max(fault.megabytes * 1_000_000, len(content))
        length = f"Content-Length: {size}"
        # Without a length, the end of the connection is the end of the body.
        self.close_connection |= not fault.tells_length
        self._head(HTTPStatus.OK, JSON, [*_CACHING, *([length] if fault.tells_length else [])])
        if self._method == "HEAD":
            return
        self.socket.sendall(content)
        left = size - len(content)
        while left:
            left -= len(spaces := b" " * min(left, CHUNK_BYTES))
            self.socket.sendall(spaces)

    def _reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close_connection = True

    def _count(self, feed: FeedName, counts: UpdateCounts | None) -> None:
        # Nothing else has run since the last byte was sent, so its reader sees it counted.
        if self._method == "GET":
            self._site.served(feed, counts)

    # The areas

    def _areas(self, name: str) -> None:
        """One of the files, or where all of them are."""
        if self._method not in ("GET", "HEAD"):
            self._not_allowed("GET, HEAD")
            return
        files = self._site.areas()
        if not name:
            there = [f"http://{self._host()}{AREAS_PATH}/{each}" for each in files]
            self._send(HTTPStatus.OK, msgspec.json.encode({"files": there}))
            return
        file = files.get(name)
        if file is None:
            self._problem(HTTPStatus.NOT_FOUND, f"The files are {', '.join(files)}.")
            return
        tag = f"ETag: {file.etag}"
        if file.etag in self.environ.get("HTTP_IF_NONE_MATCH", ""):
            self._send(HTTPStatus.NOT_MODIFIED, b"", headers=[tag])
            return
        content, headers = self._encoded(file.body)
        self._send(HTTPStatus.OK, content, file.content_type, [*headers, tag])

    # The control

    def _control(self) -> None:
        if self._method in ("GET", "HEAD"):
            self._send(HTTPStatus.OK, self._site.tell())
        elif self._method == "DELETE":
            self._site.end_faults()
            self._send(HTTPStatus.NO_CONTENT, b"")
        elif self._method == "POST":
            content = self.environ["wsgi.input"].read(MOST_CONTROL_BYTES + 1)
            if len(content) > MOST_CONTROL_BYTES:
                self.close_connection = True
                self._problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too long for a fault."
                )
                return
            try:
                added = self._site.add_fault(content)
            except ValueError as error:
                self._problem(HTTPStatus.BAD_REQUEST, str(error))
            else:
                self._send(HTTPStatus.CREATED, added)
        else:
            self._not_allowed("GET, HEAD, POST, DELETE")

    # HTTP

    def _host(self) -> str:
        address, port = self.socket.getsockname()[:2]
        own = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return self.environ.get("HTTP_HOST") or own

    def _encoded(self, body: FeedBody) -> tuple[bytes, list[str]]:
        """The body as it was asked for, and the headers that go with it."""
        if _takes_gzip(self.environ.get("HTTP_ACCEPT_ENCODING", "")):
            return body.gzipped, [*_CACHING, "Content-Encoding: gzip"]
        return body.raw, [*_CACHING]

    def _problem(self, status: int, detail: str, *headers: str) -> None:
        problem = {
            "type": "about:blank",
            "title": _phrase(status),
            "status": int(status),
            "detail": detail,
            "instance": self.environ["PATH_INFO"],
        }
        self._send(status, msgspec.json.encode(problem), PROBLEM_JSON, [*headers])

    def _not_allowed(self, allowed: str) -> None:
        self._problem(
            HTTPStatus.METHOD_NOT_ALLOWED, f"Only {allowed} make sense here.", f"Allow: {allowed}"
        )

    def _send(
        self,
        status: int,
        content: bytes,
        content_type: str = JSON,
        headers: list[str] | None = None,
        share: float = 1.0,
    ) -> None:
        """Send a head with the full length, and the first `share` of the body."""
        length = [] if status == HTTPStatus.NO_CONTENT else [f"Content-Length: {len(content)}"]
        self._head(status, content_type, [*(headers or []), *length])
        if self._method != "HEAD":
            self.socket.sendall(content[: int(len(content) * share)])

    def _head(self, status: int, content_type: str, headers: list[str]) -> None:
        lines = [
            f"HTTP/1.1 {int(status)} {_phrase(status)}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Type: {content_type}",
            *headers,
            f"Connection: {'close' if self.close_connection else 'keep-alive'}",
        ]
        self.socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
        self.headers_sent = True
        self.status = str(int(status))


# As VATSIM sends them; its origin gives no validators.
_CACHING = ["Cache-Control: public, max-age=15", "Vary: Accept-Encoding"]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        coding, *parameters = (word.strip() for word in part.split(";"))
        if coding in ("gzip", "x-gzip", "*"):
            return not any(word.replace(" ", "") in _REFUSED for word in parameters)
    return False


_REFUSED = {f"q={zero}" for zero in ("0", "0.", "0.0", "0.00", "0.000")}
