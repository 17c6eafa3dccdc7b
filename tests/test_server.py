"""The service as its operator meets it: a process with signals, ports, and an exit code."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.actors.harness import Query, as_url, until
from tests.feed_server import FeedServer
from tests.ports import free_port
from tests.process import Process, alive, started


def own_lines(process: Process) -> list[str]:
    return [line for line in process.said().splitlines() if line.strip()]


@pytest.fixture(scope="module")
def service(shared_home: Path) -> Iterator[Process]:
    """For the tests after which it serves on."""
    with started(shared_home, shared_home.parent / "log") as process:
        until(lambda: process.get("/healthz")[0] == 200)
        yield process


def test_a_signal_ends_it_in_order_with_code_0_and_no_process_is_left(tmp_path: Path) -> None:
    """From its first start on, which makes everything anew."""
    with (
        FeedServer() as feeds,
        started(
            tmp_path / "home", tmp_path / "log", VATSIM_API_URL=feeds.url, VATSIM_POLL_INTERVAL=0.2
        ) as process,
    ):
        process.until_ready()
        status = process.get("/api/status")[1]
        assert status["database"]["store"]["kind"] == "embedded"
        assert status["counts"]["pilots"] == feeds.published.counts.pilots
        until(lambda: process.get("/api/status")[1]["counts"]["snapshots_stored"] >= 1)
        family = process.family()
        assert any("postgres" in p.name() for p in family)
        process.popen.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        until(lambda: not any(alive(p) for p in family), "all have ended")
        assert "Traceback" not in process.said()
        assert not (tmp_path / "home" / "postgres" / "data" / "postmaster.pid").exists()


def test_a_second_start_says_in_one_line_what_is_taken(service: Process, tmp_path: Path) -> None:
    with started(tmp_path / "other", tmp_path / "log", PORT=service.port) as same_port:
        assert same_port.wait() not in (0, None)
        lines = own_lines(same_port)
        assert len(lines) == 1
        assert f"cannot listen on 127.0.0.1:{service.port}" in lines[0]
    until(lambda: service.get("/api/status")[1]["services"]["journal"]["state"] == "running")
    with started(service.home, tmp_path / "log2") as same_home:
        assert same_home.wait() not in (0, None)
        lines = own_lines(same_home)
        assert len(lines) == 1, lines
        assert "in use by process" in lines[0]
    assert service.get("/healthz")[0] == 200


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "blocked"])
def test_a_worker_that_is_killed_or_blocked_is_replaced_and_nothing_that_was_fetched_is_lost(
    harm: signal.Signals, tmp_path: Path, database_url: str
) -> None:
    with (
        FeedServer() as feeds,
        started(
            tmp_path / "home",
            tmp_path / "log",
            DATABASE_URL=as_url(database_url),
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL=0.2,
            VATWATCH_HUB_TIMEOUT=3,
        ) as process,
    ):
        process.until_ready()
        fetched = {feeds.published.counts.update_timestamp}
        worker = process.worker()
        fetched.add(feeds.advance().counts.update_timestamp)
        until(lambda: served(process) == feeds.published.counts.update_timestamp)
        worker.send_signal(harm)
        until(lambda: not worker.is_running(), "the master has seen it")
        told = {
            signal.SIGKILL: "was killed from outside (SIGKILL, as when memory runs out)",
            signal.SIGSTOP: "did not react for 3 s and was replaced.",
        }[harm]
        until(lambda: f"The worker (process {worker.pid}) {told}" in process.said())
        assert "emory" not in process.said() or harm is signal.SIGKILL
        until(lambda: process.get("/healthz")[0] == 200 and process.worker().pid != worker.pid)
        fetched.add(feeds.advance().counts.update_timestamp)
        until(lambda: served(process) == feeds.published.counts.update_timestamp)
        stored = Query(database_url).snapshots
        until(lambda: len(stored()) == len(fetched))
        assert len(set(stored())) == len(fetched)


def test_a_worker_that_is_killed_while_the_files_are_broken_goes_on_with_what_was_in_force(
    tmp_path: Path, database_url: str
) -> None:
    file, boundary = tmp_path / "vatwatch.toml", tmp_path / "area.geojson"
    file.write_text('vatwatch_api_keys = ["first-key-of-all", "second-key-of-all"]')
    with (
        FeedServer() as feeds,
        started(
            tmp_path / "home",
            tmp_path / "log",
            DATABASE_URL=as_url(database_url),
            VATSIM_API_URL=feeds.url,
            VATWATCH_CONFIG_INTERVAL=0.2,
        ) as process,
    ):

        def in_force() -> dict[str, str]:
            code, body = process.get("/api/config")
            return {one["name"]: one["value"] for one in body["settings"]} if code == 200 else {}

        process.until_ready()
        boundary.write_text('{"type":"Polygon","coordinates":[[[0,0],[9,0],[9,9],[0,9],[0,0]]]}')
        file.write_text(
            f'vatwatch_api_keys = ["second-key-of-all"]\nvatwatch_filter_boundary = "{boundary}"'
        )
        until(lambda: in_force().get("VATWATCH_API_KEYS") == "1 hidden")
        before = in_force()
        file.write_text("half a fi")
        boundary.write_text("{")
        until(lambda: process.get("/api/config")[1]["faults"])
        worker = process.worker()
        worker.kill()
        until(lambda: process.get("/readyz")[0] == 200 and process.worker().pid != worker.pid)
        assert in_force() == before
        assert process.get("/api/config")[1]["faults"]


def served(process: Process) -> str | None:
    """The feed's own text of the time, which the API cuts to microseconds."""
    code, body = process.get("/api/events?type=DATA_CACHED&limit=1")
    return body["events"][0]["correlation_id"] if code == 200 and body["events"] else None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"DATABASE_URL": "mysql://x"}, ["DATABASE_URL"]),
        ({"VATSIM_POLL_INTERVAL": "soon", "CACHE_TTL_DEFAULT": "-1"},
         ["VATSIM_POLL_INTERVAL", "CACHE_TTL_DEFAULT"]),
        ({"VATSIM_POLL_INTERVAL": "5"}, ["15 s"]),
        ({"VATWATCH_FILTER_BOUNDARY": __file__}, ["VATWATCH_FILTER_BOUNDARY"]),
    ],
)  # fmt: skip
def test_wrong_settings_are_one_clear_message_and_a_code_that_is_not_0(
    wrong: dict[str, object], words: list[str], tmp_path: Path
) -> None:
    with started(tmp_path / "home", tmp_path / "log", **wrong) as process:
        assert process.wait() not in (0, None)
        said = process.said()
        assert all(word in said for word in words)
        assert "Traceback" not in said


def test_with_no_network_it_stays_up_and_says_so_in_one_line(
    tmp_path: Path, database_url: str
) -> None:
    url = f"http://127.0.0.1:{free_port()}/vatsim-data.json"
    with started(
        tmp_path / "home",
        tmp_path / "log",
        DATABASE_URL=as_url(database_url),
        VATSIM_API_URL=url,
        VATSIM_POLL_INTERVAL=0.2,
    ) as process:
        until(lambda: process.get("/healthz")[0] == 200)
        until(lambda: polls(process) > 5)
        about = [line for line in process.said().splitlines() if "feed is unavailable" in line]
        assert len(about) == 1
        assert "next try is at" in about[0]
        feed = process.get("/api/status")[1]["feed"]
        assert feed["reachable"] is False
        assert feed["next_poll_at"]
        code, problem = process.get("/readyz")
        assert code == 503
        assert "No live state to serve" in problem["detail"]


def polls(process: Process) -> int:
    status = process.get("/api/status")[1]
    return sum(status["feed"]["outcomes"].values()) if status else 0


@pytest.mark.parametrize(
    ("host", "reached_at"), [("::1", "[::1]"), ("[::1]", "[::1]"), ("::", "127.0.0.1")]
)
def test_it_serves_on_ipv6_and_top_finds_it_there(
    host: str, reached_at: str, home: Path, tmp_path: Path
) -> None:
    with started(home, tmp_path / "log", VATWATCH_HOST=host) as process:
        process.base = process.base.replace("127.0.0.1", reached_at)
        until(lambda: process.get("/healthz")[0] == 200, process.said())
        until(lambda: "serving http://[::1]:" in process.said())
        until(lambda: process.get("/api/status")[0] == 200)
        done = subprocess.run(
            [sys.executable, "-m", "vatwatch", "top", "--once"],
            env={
                **os.environ,
                "PORT": process.base.rpartition(":")[2],
                "VATWATCH_HOST": host,
                "VATWATCH_HOME": str(home),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "vatwatch" in done.stdout


def test_a_host_that_is_none_is_not_said_to_be_taken(tmp_path: Path) -> None:
    with started(tmp_path / "home", tmp_path / "log", VATWATCH_HOST="192.0.2.1") as process:
        assert process.wait() == 1
        (line,) = own_lines(process)
        assert "this machine does not have this address" in line
        assert "running already" not in line


def test_a_client_that_sends_invalid_requests_does_not_fill_the_log(service: Process) -> None:
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(b"NOT\x01HTTP \x1b[31m / HTTP/9\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
    about = [line for line in service.said().splitlines() if "Not a valid request" in line]
    assert len(about) == 1
    assert "\x1b" not in about[0]
    assert service.get("/healthz")[0] == 200


# --- starts after a crash -------------------------------------------------------------------------

# Of each way to die, which is some seconds a time.
STARTS = 4


def killed(process: Process) -> None:
    """kill -9 for all of them at once, PostgreSQL included; they are not waited for."""
    family = [psutil.Process(process.popen.pid), *process.family()]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()


def test_it_starts_within_milliseconds_of_a_kill_of_everything(home: Path, tmp_path: Path) -> None:
    port = free_port()
    for number in range(STARTS):
        process = Process(home, tmp_path / f"log{number}", port)
        try:
            until(lambda p=process: "serving" in p.said() or p.popen.poll() is not None)  # type: ignore[misc]
            assert process.popen.poll() is None, process.said()
        finally:
            killed(process)
    with started(home, tmp_path / "log", PORT=port) as process:
        until(lambda: process.get("/healthz")[0] == 200, process.said())


def test_it_starts_while_the_service_before_it_is_still_about_to_end(
    home: Path, tmp_path: Path
) -> None:
    """Its master was killed: the worker notices, and stops in order, with its PostgreSQL."""
    port = free_port()
    first = Process(home, tmp_path / "log1", port)
    until(lambda: "serving" in first.said())
    family = first.family()
    first.popen.kill()
    with started(home, tmp_path / "log2", PORT=port) as second:
        until(lambda: second.get("/healthz")[0] == 200, second.said())
        until(lambda: "serving" in second.said(), second.said())
        assert not any(alive(p) for p in family)
        assert re.search(r": stopped$", first.said(), re.MULTILINE), first.said()


def test_a_start_waits_for_a_service_that_stops_and_says_so(home: Path, tmp_path: Path) -> None:
    port = free_port()
    first = Process(home, tmp_path / "log1", port)
    until(lambda: "serving" in first.said())
    # It cannot end while one of its processes stands still, and has said that it stops.
    worker = first.worker()
    worker.suspend()
    first.popen.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in (home / "lock").read_text())
    with started(home, tmp_path / "log2", PORT=port) as second:
        until(lambda: "Waiting for process" in second.said(), second.said())
        assert f"Waiting for process {first.popen.pid}, which is stopping" in second.said()
        worker.resume()
        until(lambda: "serving" in second.said(), second.said())
        assert first.wait() == 0
