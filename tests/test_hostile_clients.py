"""Clients that mean harm, on real sockets: slow ones, huge ones, and what answers tell browsers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.hostile.attacks import ATTACKS
from tests.hostile.run import HostileRun
from tests.hostile.settings import settings
from tests.process import Process, started
from vatwatch.http.request_bodies import MAX_BODY_BYTES
from vatwatch.server.security_headers import HEADERS, secured

KEY = "a-key-that-nobody-guesses"
PATIENCE_S = 60.0
# The least that the setting takes, which is more than a head may take.
TIMEOUT_S = 3


@pytest.fixture(scope="module")
def service(shared_home: Path) -> Iterator[Process]:
    with (
        FeedServer(pilots=1000) as feeds,
        started(
            shared_home,
            shared_home.parent / "log",
            VATSIM_API_URL=feeds.url,
            VATWATCH_API_KEYS=KEY,
            VATWATCH_READ_RATE="off",
            VATWATCH_KEY_RATE="off",
            VATWATCH_WRITE_RATE="100000/minute",
            VATWATCH_CLIENT_TIMEOUT=TIMEOUT_S,
        ) as process,
    ):
        process.until_ready()
        until(lambda: process.get("/api/flights")[0] == 200)
        yield process


def connect(service: Process) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_S)


def said_to(service: Process, request: bytes) -> bytes:
    """All that the service says until it closes the connection."""
    with closing(connect(service)) as client:
        client.sendall(request)
        return heard(client)


def heard(client: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := client.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


CLOSE = b"Host: x\r\nConnection: close\r\n"
POST = b"POST /api/events HTTP/1.1\r\nAuthorization: Bearer " + KEY.encode() + b"\r\n" + CLOSE


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/flights HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"HEAD /api/network HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"OPTIONS /api/flights HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET /nowhere HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"POST /api/events HTTP/1.1\r\n" + CLOSE + b"\r\n",
        POST + b"Content-Length: 1\r\n\r\n{",
        b"BREW / HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET /docs HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nA B: c\r\n\r\n",
    ],
)
def test_every_answer_has_the_security_headers_whoever_made_it(
    service: Process, request_: bytes
) -> None:
    head = said_to(service, request_).partition(b"\r\n\r\n")[0]
    lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    found = {name.decode().lower(): value.decode() for name, _, value in lines}
    assert len(found) == len(lines), "none comes twice"
    for name, value in HEADERS:
        if name == "Content-Security-Policy":
            # A page has one of its own, as strict.
            assert "default-src 'none'" in found[name.lower()]
            assert "unsafe" not in found[name.lower()]
        else:
            assert found[name.lower()] == value


def test_what_an_endpoint_has_set_itself_stays() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src 'self'\r\n\r\n"
    assert secured(head).count(b"Content-Security-Policy") == 1
    assert b"default-src 'self'\r\n" in secured(head)
    assert b"nosniff\r\n" in secured(head)
    assert secured(b"half a head\r\n") == b"half a head\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET /api/flights?limit=" + b"1" * 5000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"A: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"".join(b"A%d: b\r\n" % n for n in range(200)) + b"\r\n",
        POST + b"Content-Length: 999999999999\r\n\r\n",
        POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFF\r\n" + b"a" * (MAX_BODY_BYTES + 1000),
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        POST + b"Content-Length: 1_0\r\n\r\n0123456789",
        POST + b"Expect: the unexpected\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 60000\r\n\r\n" + b"[" * 60000,
    ],
)
def test_what_is_too_large_is_refused_and_the_service_goes_on(
    service: Process, request_: bytes
) -> None:
    answer = said_to(service, request_)
    assert 400 <= status_of(answer) < 500
    assert b"application/problem+json" in answer
    assert b"Traceback" not in answer
    assert b"site-packages" not in answer
    assert service.get("/healthz")[0] == 200


def half_a_head(client: socket.socket) -> None:
    client.sendall(b"GET /api/flights HTTP/1.1\r\nHost: x\r\nX-Slow: ")


def half_a_body(client: socket.socket) -> None:
    client.sendall(POST + b'Content-Length: 1000\r\n\r\n{"type"')


def nothing(client: socket.socket) -> None:
    """It connects, and says no word."""


@pytest.mark.parametrize("slow", [half_a_head, half_a_body, nothing])
def test_a_client_that_is_slow_on_purpose_loses_its_place(service: Process, slow: object) -> None:
    assert callable(slow)
    with closing(connect(service)) as client:
        slow(client)
        answer = heard(client)  # it ends, or the test's patience does
    assert slow is not half_a_body or status_of(answer) == 408
    assert service.get("/healthz")[0] == 200


def test_a_client_that_sends_a_body_byte_by_byte_loses_its_place(service: Process) -> None:
    with closing(connect(service)) as client:
        client.sendall(POST + b"Content-Length: 60000\r\n\r\n")
        client.settimeout(TIMEOUT_S / 10)
        answer = b""
        for _ in range(int(PATIENCE_S / TIMEOUT_S * 10)):
            try:
                client.sendall(b" ")
                answer += client.recv(65536)
                break
            except TimeoutError:
                continue
            except OSError:
                break
    assert status_of(answer) == 408


def test_a_client_that_does_not_take_its_answers_loses_its_place(service: Process) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(PATIENCE_S)
    with closing(client):
        client.connect(("127.0.0.1", service.port))
        client.sendall(b"GET /api/flights HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        port = client.getsockname()[1]

        def is_open() -> bool:
            """Whether the service still holds its end."""
            return any(
                one.raddr and one.raddr.port == port for one in service.worker().net_connections()
            )

        until(lambda: not is_open(), "the service has closed its end")
    assert service.get("/healthz")[0] == 200
    assert "Traceback" not in service.said()


# Updates come quickly: one that waits for attacks to end would be stored long after the next.
UPDATE_S = 2.0


def test_thousands_of_hostile_requests_cost_neither_answers_nor_memory_nor_snapshots(
    home: Path, tmp_path: Path
) -> None:
    with (
        FeedServer() as feeds,
        started(home, tmp_path / "log", **settings(feeds, TIMEOUT_S)) as process,
    ):
        process.until_ready()
        run = HostileRun(process, feeds, seed=1, update_s=UPDATE_S, idle=50)
        run.go(500)
        run.go(1500)
        run.until_all_are_stored()
        assert run.seen.faults == []
        assert run.leaks() == []
        assert {kind for kind, _ in run.seen.answers} == set(ATTACKS)
        assert "Traceback" not in process.said()
