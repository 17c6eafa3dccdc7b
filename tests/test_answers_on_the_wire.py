"""What a client reads from its connection, byte for byte."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import gevent
import pytest

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.process import Process, started
from vatwatch.server.one_piece import JOINED_BYTES, OnePiece

KEY = "a-key-that-nobody-guesses"


@pytest.fixture(scope="module")
def service(shared_home: Path) -> Iterator[Process]:
    with (
        FeedServer() as feeds,
        started(
            shared_home,
            shared_home.parent / "log",
            VATSIM_API_URL=feeds.url,
            VATWATCH_API_KEYS=KEY,
            VATWATCH_WRITE_RATE="1000/minute",
        ) as process,
    ):
        process.until_ready()
        until(lambda: process.get("/api/flights")[0] == 200)
        yield process


@contextmanager
def connected(service: Process) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        yield client


def answers(client: socket.socket, *methods: str) -> list[tuple[int, dict[str, str], bytes]]:
    """One for each request that was sent, in order."""
    seen = []
    stream = client.makefile("rb")
    for method in methods:
        answer = HTTPResponse(_Same(stream), method=method)  # type: ignore[arg-type]
        answer.begin()
        seen.append((answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()))
    return seen


class _Same:
    """HTTPResponse makes a file of a socket of its own; what it has read ahead would be lost."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> object:
        return _Unclosed(self._stream)


class _Unclosed:
    def __init__(self, stream: object) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def close(self) -> None:
        """The next answer is read from it."""


def request(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([line + " HTTP/1.1", "Host: here", *headers, "", body]).encode()


def test_requests_sent_all_at_once_are_answered_in_order_whole(service: Process) -> None:
    lists = request("GET /api/flights"), request("HEAD /api/flights")
    with connected(service) as client:
        client.sendall(request("GET /healthz") + request("HEAD /api/network"))
        (_, _, alive), (_, network, _) = answers(client, "GET", "HEAD")
        client.sendall(
            b"".join(
                [
                    *lists,
                    request("GET /api/network", f"If-None-Match: {network['etag']}"),
                    request("GET /nowhere"),
                    request("OPTIONS /api/flights"),
                    request("GET /healthz"),
                ]
            )
        )
        whole, head, unchanged, unknown, options, last = answers(
            client, "GET", "HEAD", "GET", "GET", "OPTIONS", "GET"
        )
    assert len(whole[2]) == int(whole[1]["content-length"]) > JOINED_BYTES
    assert (head[0], head[1]["content-length"], head[2]) == (200, whole[1]["content-length"], b"")
    assert (unchanged[0], unchanged[2]) == (304, b"")
    assert unknown[0] == 404
    assert b'"title"' in unknown[2]
    assert options[0] == 200
    assert (last[0], last[2]) == (200, alive)
    assert len({each[1]["x-request-id"] for each in (whole, head, unchanged, unknown, last)}) == 5


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it_before_the_answer(
    service: Process,
) -> None:
    with connected(service) as client:
        client.sendall(
            request(
                "POST /api/config/reload",
                "Expect: 100-continue",
                f"Authorization: Bearer {KEY}",
                "Content-Length: 2",
            )
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"{}")
        ((status, _, body),) = answers(client, "POST")
    assert status == 200
    assert body.startswith(b"{")


INVALID = {
    "no method": b" / HTTP/1.1\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "a version of tomorrow": b"GET /healthz HTTP/9.9\r\n\r\n",
    "a name without a colon": b"GET /healthz HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "two lengths": b"POST /healthz HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"POST /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length and chunks": b"POST /healthz HTTP/1.1\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: zip\r\n\r\n",
    "a line of 20,000": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "a header of 20,000": b"GET /healthz HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
    "500 headers": b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("sent", INVALID.values(), ids=INVALID.keys())
def test_what_is_not_a_request_is_refused_as_a_problem_and_the_connection_closed(
    service: Process, sent: bytes
) -> None:
    with connected(service) as client:
        client.sendall(sent)
        ((status, headers, body),) = answers(client, "GET")
        assert 400 <= status < 600
        assert headers["content-type"] == "application/problem+json"
        assert re.search(rb'"request_id":\s*"[^"]+"', body) or "x-request-id" in headers
        # Where more was sent than was read, the system says so by a reset.
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert service.get("/healthz")[0] == 200


def test_the_service_outlives_clients_that_leave_in_the_middle_of_anything(
    service: Process,
) -> None:
    asked = request("GET /api/flights", "Accept: application/json")
    for length in range(0, len(asked) + 1, 3):
        with connected(service) as client:
            client.sendall(asked[:length])
    client = HTTPConnection("127.0.0.1", service.port, timeout=30)
    client.request("GET", "/api/flights")
    assert len(client.getresponse().read()) > JOINED_BYTES
    client.close()


# --- one piece ------------------------------------------------------------------------------------


@pytest.fixture
def packets() -> Iterator[tuple[OnePiece, socket.socket]]:
    """The server's end, and the client's that reads call by call what was sent."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        there.settimeout(0.1)
        yield OnePiece(here), there


def read(client: socket.socket) -> list[bytes]:
    seen = []
    try:
        while piece := client.recv(1 << 20):
            seen.append(piece)
    except TimeoutError:
        pass
    return seen


SMALL, LARGE = b"body", b"b" * (JOINED_BYTES + 1)


@pytest.mark.parametrize(
    ("sent", "pieces"),
    [
        ([], []),
        ([b"head"], [b"head"]),
        ([b"head", SMALL], [b"headbody"]),
        ([b"head", LARGE], [b"head", LARGE]),
        ([b"head", SMALL, b"more", b"last"], [b"headbody", b"more", b"last"]),
    ],
)
def test_the_head_of_an_answer_goes_out_with_the_first_of_its_body(
    packets: tuple[OnePiece, socket.socket], sent: list[bytes], pieces: list[bytes]
) -> None:
    connection, client = packets
    for _ in range(2):  # the second answer on the same connection
        connection.begin()
        for each in sent:
            connection.sendall(each)
        connection.end()
        assert read(client) == pieces


def test_a_piece_that_does_not_fit_at_once_is_sent_to_its_end() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel takes its least
        there.settimeout(30)
        connection, body = OnePiece(here), bytes(range(256)) * (JOINED_BYTES // 256)
        connection.begin()
        connection.sendall(b"head")
        sending = gevent.spawn(connection.sendall, body)
        got = b""
        while len(got) < len(body) + 4:
            got += there.recv(1 << 10)
        sending.get(timeout=30)
    assert got == b"head" + body


def test_what_belongs_to_no_answer_is_sent_at_once(
    packets: tuple[OnePiece, socket.socket],
) -> None:
    connection, client = packets
    connection.sendall(b"refused")
    assert read(client) == [b"refused"]


def test_a_head_that_cannot_be_sent_is_the_error_of_its_answer_alone(
    packets: tuple[OnePiece, socket.socket],
) -> None:
    connection, client = packets
    client.close()
    connection.begin()
    connection.sendall(b"head")
    with pytest.raises(OSError, match="Broken pipe"):
        connection.end()
    connection.end()
