"""The logs of a whole service: what is asked of it, and what becomes of it, can be read there."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.process import Process, started

KEY = "a-key-that-nobody-may-read"
ID = "an-id-of-mine"


@pytest.fixture
def run(home: Path) -> Iterator[Callable[..., Any]]:
    with FeedServer() as feeds:

        def start(**environment: object) -> Any:
            given = {"VATWATCH_API_KEYS": KEY, "VATSIM_API_URL": feeds.url, **environment}
            return started(home, home.parent / "log", **given)

        yield start


def answer_to(
    process: Process, path: str, *, method: str = "GET", **headers: str
) -> tuple[int, Message, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(process.base + path, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def raw(process: Process, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", process.port), timeout=60) as client:
        client.sendall(sent)
        got = b""
        while chunk := client.recv(4096):
            got += chunk
        return got


def line_with(path: Path, *parts: str) -> str:
    def find() -> str | None:
        lines = path.read_text().splitlines() if path.exists() else []
        return next((line for line in lines if all(part in line for part in parts)), None)

    found: str = until(find, f"{parts} in {path}")
    return found


def test_each_request_has_its_line_and_the_same_id_everywhere(
    run: Callable[..., Any], home: Path
) -> None:
    access = home / "access.log"
    with run() as process:
        process.until_ready()
        status, headers, body = answer_to(process, "/api/status?", X_Request_ID=ID)
        assert (status, headers["X-Request-ID"]) == (200, ID)
        assert f"GET /api/status? 200 {len(body)} bytes" in line_with(access, ID)
        status, headers, body = answer_to(process, f"/api/status?key={KEY}&cid=1234567")
        made = headers["X-Request-ID"]
        assert json.loads(body)["request_id"] == made
        assert "?key=***&cid=***" in line_with(access, made, "127.0.0.1", " 400 ")
        for path in (f"/{KEY}", "/nowhere/at%0Aall"):
            assert answer_to(process, path, User_Agent=f"me {KEY}", X_Request_ID=KEY)[0] == 404
        assert "/nowhere/at%0Aall" in line_with(access, "nowhere")
        node = "/api/supervision/vatwatch/operations/alerter/restart"
        authorization = f"Bearer {KEY}"
        status, headers, _ = answer_to(
            process, node, method="POST", Authorization=authorization, X_Request_ID="r-1"
        )
        assert (status, headers["X-Request-ID"]) == (202, "r-1")
        assert "done, 202" in (home / "audit.log").read_text(), "it is there before the answer is"
        for log in ("access.log", "audit.log", "application.log"):
            assert line_with(home / log, "request_id=r-1")
    for log in home.glob("*.log*"):
        assert KEY not in log.read_text(), log
    assert KEY not in process.said()


def test_an_invalid_request_has_an_answer_with_an_id_and_a_line(
    run: Callable[..., Any], home: Path
) -> None:
    with run(VATWATCH_LOG_FORMAT="json") as process:
        process.until_ready()
        for sent, code in (
            (b"GET /x?key=%s HTTP/9\r\n\r\n" % KEY.encode(), 400),
            (b"GET / HTTP/1.1\r\nBad\x01Name: x\r\n\r\n", 400),
            (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        ):
            head, _, body = raw(process, sent).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % code)
            assert b"application/problem+json" in head
            made = re.search(rb"X-Request-ID: (\w{32})", head)
            assert made is not None
            assert json.loads(body)["request_id"] == made[1].decode()
            line = json.loads(line_with(home / "access.log", made[1].decode()))
            assert (line["status"], line["client"]) == (code, "127.0.0.1")
    for log in home.glob("*.log*"):
        assert KEY not in log.read_text(), log
        assert [json.loads(line)["time"] for line in log.read_text().splitlines()]


def test_a_client_behind_proxies_that_are_trusted_is_named(
    run: Callable[..., Any], home: Path
) -> None:
    with run(VATWATCH_TRUSTED_PROXIES="127.0.0.0/8") as process:
        process.until_ready()
        answer_to(process, "/healthz", X_Forwarded_For="8.8.8.8, 10.1.2.3", X_Request_ID="r-1")
        assert " 10.1.2.3 GET /healthz 200 " in line_with(home / "access.log", "r-1")
        forged = "1.1.1.1 GET /forged 200\x9b\xe9"
        answer_to(process, "/healthz", X_Forwarded_For=forged, X_Request_ID="r-2")
        line = line_with(home / "access.log", "r-2")
        assert "Z 1.1.1.1%20GET%20/forged%20200%9B%E9 GET /healthz 200 " in line


def test_without_an_access_log_there_is_none_and_without_files_only_the_audit(
    run: Callable[..., Any], home: Path
) -> None:
    with run(VATWATCH_ACCESS_LOG="off", VATWATCH_LOG_FILES="off") as process:
        process.until_ready()
        assert answer_to(process, "/healthz")[0] == 200
        answer_to(process, "/api/supervision/faults", method="DELETE")
    assert [log.name for log in home.glob("*.log*")] == ["audit.log"]


def test_logs_that_cannot_be_written_cost_no_request(run: Callable[..., Any], home: Path) -> None:
    (home / "access.log").symlink_to("/dev/full")
    for name in ("application.log", "error.log", "audit.log"):
        (home / name).mkdir()
    with run() as process:
        process.until_ready()
        for _ in range(20):
            assert answer_to(process, "/healthz")[0] == 200
        refused = answer_to(process, "/api/supervision/faults", method="DELETE")
        assert refused[0] == 401
        until(lambda: "access.log cannot be written (No space left on device)" in process.said())
        until(lambda: "audit.log cannot be written" in process.said())
        assert process.said().count("access.log cannot be written") == 1
        counts = answer_to(process, "/metrics")[2].decode()
        lost = re.search(r'log_lines_total\{file="access.log",outcome="lost"\} (\S+)', counts)
        assert lost is not None
        assert float(lost[1]) >= 20


def logged(home: Path) -> set[int]:
    """The numbers of the requests to /healthz that have a line in the access log."""
    found: set[str] = set()
    for log in home.glob("access.log*"):
        with suppress(FileNotFoundError):  # it is rotated just now
            found.update(re.findall(r"GET /healthz 200 .*request_id=n-(\d+)\]", log.read_text()))
    return set(map(int, found))


def test_master_and_workers_share_the_files_and_a_killed_worker_tears_no_line(
    run: Callable[..., Any], home: Path
) -> None:
    numbers, many = count(), 100
    with run(VATWATCH_LOG_MAX_MB="0.01", VATWATCH_LOG_FILES_KEPT="1000") as process:
        process.until_ready()
        for _ in range(2):
            asked: list[int] = []

            def many_are_logged(asked: list[int] = asked) -> bool:
                for number in islice(numbers, 20):
                    answer_to(process, "/healthz", X_Request_ID=f"n-{number}")
                    asked.append(number)
                return len(logged(home).intersection(asked)) >= many

            until(many_are_logged)
            worker = process.worker()
            worker.send_signal(signal.SIGKILL)
            worker.wait(60)
            process.until_ready()
            # Whoever is killed takes the latest lines along, and no others.
            kept = sorted(logged(home).intersection(asked))
            assert kept == asked[: len(kept)]
        line_with(home / "application.log", "vatwatch.server.master: ", "was killed from outside")
    for log in home.glob("*.log*"):
        assert log.stat().st_size <= 0.01 * 1024 * 1024 + 64 * 1024
    accessed = "".join(log.read_text() for log in home.glob("access.log*"))
    lines = accessed.splitlines()
    assert all(re.match(r"2\d{3}-\S+Z \S+ \S+ \S+ \d{3} \d+ bytes ", line) for line in lines)
    said = "".join(log.read_text() for log in home.glob("application.log*"))
    assert "stopped" in said, "the last line of a service that stops is there, too"
