"""`vatwatch simulate`, as a process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from tests.vatsim_simulator.client import DATA, TRANSCEIVERS, WAIT_S, Client
from vatsim_simulator.areas import area_files
from vatsim_simulator.truth import TruthKind, read_truth

COMMAND = [sys.executable, "-m", "vatwatch", "simulate"]
START = "2026-05-01T12:00:10.12Z"

Run = Callable[..., tuple["subprocess.Popen[str]", Client, str]]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts simulators and waits until they serve; gives what they say at the start."""
    processes: list[subprocess.Popen[str]] = []

    def runs(*options: str, hash_seed: str = "0") -> tuple[subprocess.Popen[str], Client, str]:
        process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--pilots", "30", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        processes.append(process)
        assert process.stderr is not None
        said = ""
        with gevent.Timeout(WAIT_S, TimeoutError("it does not start")):
            while "Collect it with" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
        port = re.search(r":(\d+)/status\.json", said)
        assert port is not None
        return process, Client(int(port[1])), said

    yield runs
    for process in processes:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def refused(*options: str) -> tuple[int, str]:
    """The exit code and the words of a simulator that does not start."""
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(run: Run, ending: signal.Signals) -> None:
    process, client, _ = run()
    assert client.ask(DATA).status == 200
    process.send_signal(ending)
    assert process.wait(WAIT_S) == 0


def test_a_signal_ends_it_while_a_request_hangs(run: Run) -> None:
    process, client, _ = run("--fault", "timeout:3600,feed=data")
    hanging = gevent.spawn(client.raw, DATA)
    client.until(lambda state: state["faults"]["active"] != [])
    process.terminate()
    assert process.wait(WAIT_S) == 0
    assert hanging.get(timeout=WAIT_S)[0] == b""


def test_it_says_where_it_is_and_how_to_collect_from_it(run: Run) -> None:
    _, client, said = run("--seed", "4", "--speed", "2")
    at = f"http://127.0.0.1:{client.port}"
    assert "30 pilots, seed 4, speed 2" in said
    for path in ("/status.json", DATA, TRANSCEIVERS, "/control"):
        assert f"{at}{path}\n" in said
    assert f"VATSIM_STATUS_URL={at}/status.json vatwatch run" in said


def test_two_processes_with_the_same_options_serve_the_same_bytes(run: Run) -> None:
    options = ("--seed", "9", "--start", START, "--speed", "60")
    clients = [run(*options, hash_seed=seed)[1] for seed in ("1", "2")]
    bodies: list[dict[bytes, bytes]] = [{}, {}]
    with gevent.Timeout(WAIT_S, TimeoutError("no updates in common")):
        while len(bodies[0].keys() & bodies[1].keys()) < 4:
            for client, seen in zip(clients, bodies, strict=True):
                body = client.ask(DATA).body
                seen[body[: body.index(b",")]] = body
            gevent.sleep(0.02)
    for head in bodies[0].keys() & bodies[1].keys():
        assert bodies[0][head] == bodies[1][head]


def test_the_truth_is_written_beside_the_feed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    _, client, _ = run("--start", START, "--speed", "60", "--truth", str(file))
    client.until(lambda state: state["newest"]["number"] >= 20)
    kinds = {record.kind for record in read_truth(file.read_bytes())}
    assert {TruthKind.FLIGHT_BEGAN, TruthKind.FREQUENCY} <= kinds


def test_a_truth_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    code, said = refused("--truth", str(tmp_path / "nowhere" / "truth.jsonl"))
    assert code == 2
    assert "--truth" in said


def test_the_areas_are_written_to_a_directory(run: Run, tmp_path: Path) -> None:
    _, client, said = run("--areas", str(tmp_path / "areas"), "--faulty-areas")
    assert f"http://127.0.0.1:{client.port}/areas" in said
    names = {file.name for file in (tmp_path / "areas").iterdir()}
    assert {"VATSpy.dat", "Boundaries.geojson", "sectors-wide.geojson"} <= names
    written = (tmp_path / "areas" / "Boundaries.geojson").read_bytes()
    assert client.ask("/areas/Boundaries.geojson").body == written
    assert written == area_files(faulty=True)["Boundaries.geojson"]


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    code, said = refused("--areas", str(tmp_path / "file" / "areas"))
    assert code == 2
    assert "--areas" in said


def test_faults_can_be_asked_for_on_the_command_line(run: Run) -> None:
    _, client, _ = run("--fault", "status:503,feed=data,for=1r", "--fault", "freeze:5")
    assert client.ask(DATA).status == 503
    assert client.ask(DATA).status == 200
    faults = client.control()["faults"]
    assert [fault["fault"] for fault in faults["active"] + faults["waiting"]] == ["freeze"]


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused("--port", str(port))
    assert code == 1
    assert said.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}: another process listens there" in said


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--fault", "earthquake"), "earthquake"),
        (("--fault", "status:99"), "code"),
        (("--start", "yesterday"), "yesterday"),
        (("--start", "2026-05-01T12:00:00"), "not a time"),
        (("--pilots", "-1"), "--pilots"),
        (("--speed", "0"), "--speed"),
        (("--port", "70000"), "--port"),
    ],
)
def test_bad_options_are_refused_with_the_reason(options: tuple[str, ...], word: str) -> None:
    code, said = refused(*options)
    assert code == 2
    assert word in said
    assert "Traceback" not in said
