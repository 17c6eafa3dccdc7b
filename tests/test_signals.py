"""Signals at a running service, as terminals, shells and service managers send them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from gevent.os import make_nonblocking, nb_read

from tests.actors.harness import KEY, until
from tests.feed_server import FeedServer
from tests.ports import free_port
from tests.process import Process, alive, started
from vatwatch.storage.journal import Journal

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+: .+"
)


@contextmanager
def serving(home: Path, **environment: object) -> Iterator[Process]:
    """A service that has stored a snapshot, with the embedded PostgreSQL."""
    with (
        FeedServer() as feeds,
        started(
            home,
            home.parent / "log",
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL=0.2,
            VATWATCH_API_KEYS=KEY,
            VATWATCH_FAULTS="on",
            **environment,
        ) as process,
    ):
        process.until_ready()
        until(lambda: (process.get("/api/status")[1] or {})["counts"]["snapshots_stored"] >= 1)
        yield process


@pytest.fixture(scope="module")
def service(shared_home: Path) -> Iterator[Process]:
    """For the tests after which it serves on."""
    with serving(shared_home) as process:
        yield process


def to_master(process: Process, sign: signal.Signals) -> None:
    process.popen.send_signal(sign)


def to_group(process: Process, sign: signal.Signals) -> None:
    os.killpg(process.popen.pid, sign)


def to_group_twice(process: Process, sign: signal.Signals) -> None:
    """As `timeout` does: to the process, and to its group."""
    process.popen.send_signal(sign)
    os.killpg(process.popen.pid, sign)


class Request:
    """A request in a thread of its own, which takes a second to be answered."""

    def __init__(self, process: Process) -> None:
        slow = {"kind": "slow", "target": "health_monitor", "seconds": 1}
        order = urllib.request.Request(
            process.base + "/api/supervision/faults",
            data=json.dumps({**slow, "message_type": "GetReports"}).encode(),
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(order, timeout=10) as answer:
            assert answer.status == 201
        self.answer: tuple[int, Any] = (0, None)
        self._thread = threading.Thread(target=self._ask, args=(process,))
        self._thread.start()
        until(lambda: process.get("/api/supervision/faults")[1]["active"] == [], "it is in hand")

    def _ask(self, process: Process) -> None:
        self.answer = process.get("/api/status")

    def wait(self) -> int:
        self._thread.join()
        return self.answer[0]


def assert_ended_in_order(process: Process, home: Path) -> None:
    assert process.wait() == 0, process.said()
    said = process.said()
    assert "Traceback" not in said
    assert re.search(r": stopped$", said, re.MULTILINE), said
    assert all(LINE.fullmatch(line) for line in said.splitlines()), said
    with opened(home / "journal") as journal:
        assert journal.pending() == [], said
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


@contextmanager
def opened(directory: Path) -> Iterator[Journal]:
    journal = Journal(directory, max_bytes=1 << 30)
    journal.open()
    try:
        yield journal
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("send", "sign"),
    [
        (to_master, signal.SIGTERM),
        (to_master, signal.SIGINT),
        (to_group, signal.SIGTERM),
        (to_group, signal.SIGINT),
        (to_group_twice, signal.SIGINT),
    ],
)
def test_a_signal_that_ends_it_ends_it_in_order_wherever_it_is_sent_to(
    send: Callable[[Process, signal.Signals], None], sign: signal.Signals, home: Path
) -> None:
    with serving(home) as process:
        family = process.family()
        request = Request(process)
        send(process, sign)
        assert request.wait() == 200, "a request in hand is answered"
        assert_ended_in_order(process, home)
        until(lambda: not any(alive(p) for p in family), "all have ended")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGQUIT])
def test_a_second_signal_hurries_the_stop_and_still_prints_no_traceback(
    sign: signal.Signals, home: Path
) -> None:
    with serving(home) as process:
        family = process.family()
        request = Request(process)
        to_group(process, signal.SIGINT)
        time.sleep(0.3)
        to_group(process, sign)
        request.wait()
        assert process.wait() == 0
        said = process.said()
        assert "Traceback" not in said
        assert "Stopping at once" in said or "closed without an answer" in said
        until(lambda: not any(alive(p) for p in family), "all have ended")


def test_sigquit_ends_it_at_once_and_the_journal_has_what_is_not_stored(home: Path) -> None:
    with serving(home) as process:
        family = process.family()
        to_master(process, signal.SIGQUIT)
        assert process.wait() == 0
        assert "Traceback" not in process.said()
        until(lambda: not any(alive(p) for p in family), "all have ended")


# What gunicorn makes of them: a reload, a second tree, more or fewer workers, a worker that dies.
OTHERS = ("HUP", "USR1", "USR2", "TTIN", "TTOU", "WINCH", "PIPE", "CONT")


def test_what_gunicorn_does_at_other_signals_is_not_done(home: Path) -> None:
    with serving(home) as process:
        (worker,) = psutil.Process(process.popen.pid).children()
        for name in OTHERS:
            number = getattr(signal, f"SIG{name}")
            worker.send_signal(number)
            process.popen.send_signal(number)
            to_group(process, number)
        time.sleep(2.5)  # the master looks at its signals, and its workers, once a second
        assert psutil.Process(process.popen.pid).children() == [worker]
        assert process.get("/readyz")[0] == 200
        said = process.said()
        assert "SIGHUP: the settings are read again." in said
        assert "nothing has changed" in said
        assert "WINCH" not in said, "a terminal that is resized is not worth a line"
        assert any(p.name() == "postgres" for p in process.family())
        to_master(process, signal.SIGTERM)
        assert_ended_in_order(process, home)


@pytest.mark.parametrize("to_whom", ["master", "worker"])
def test_sighup_has_the_settings_read_again_and_nobody_is_restarted(
    home: Path, to_whom: str
) -> None:
    # Never by itself: only by the signal.
    file, watch = home.parent / "vatwatch.toml", "vatwatch_config_interval = 3600\n"
    file.write_text(watch)
    with serving(home) as process:
        (worker,) = psutil.Process(process.popen.pid).children()
        receiver = worker if to_whom == "worker" else psutil.Process(process.popen.pid)
        assert " DEBUG " not in process.said()

        file.write_text(
            watch + 'vatwatch_log_level = "debug"\nport = 9\nvatwatch_alert_hold = 17\n'
        )
        receiver.send_signal(signal.SIGHUP)
        until(lambda: " DEBUG " in process.said(), "it logs more")
        answer = process.get("/api/config")[1] or {}
        values = {one["name"]: one["value"] for one in answer["settings"]}
        assert values["VATWATCH_ALERT_HOLD"] == "17"
        assert answer["needs_restart"] == []  # the environment says the port

        file.write_text(watch + 'vatwatch_log_level = "loud"\n')
        receiver.send_signal(signal.SIGHUP)
        until(lambda: "nothing is changed: VATWATCH_LOG_LEVEL=loud" in process.said(), "it is told")
        assert psutil.Process(process.popen.pid).children() == [worker]
        assert process.get("/readyz")[0] == 200


def test_ctrl_c_is_not_for_the_worker_alone(service: Process) -> None:
    worker = service.worker()
    worker.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert alive(worker)
    assert service.get("/readyz")[0] == 200


def test_a_worker_that_is_told_to_stop_is_replaced_and_the_log_says_so(service: Process) -> None:
    worker = service.worker()
    worker.send_signal(signal.SIGTERM)
    until(lambda: not alive(worker), service.said())
    service.until_ready()
    assert f"The worker (process {worker.pid}) has ended; another one takes over." in (
        service.said()
    )


def catches(process: Process, sign: signal.Signals) -> bool:
    """Whether it has come as far as to have its own way to end."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    caught = int(re.search(r"^SigCgt:\t(\w+)$", status, re.MULTILINE)[1], 16)  # type: ignore[index]
    return bool(caught & 1 << (sign - 1))


@pytest.mark.parametrize(
    ("after_s", "sign"),
    [
        (0.0, signal.SIGINT),
        (0.0, signal.SIGTERM),
        (0.4, signal.SIGINT),
        (0.9, signal.SIGTERM),
        (1.4, signal.SIGINT),
        (2.0, signal.SIGTERM),
        (3.0, signal.SIGINT),
    ],
)
def test_a_stop_during_the_start_is_as_quiet(
    sign: signal.Signals, after_s: float, tmp_path: Path
) -> None:
    with started(tmp_path / "home", tmp_path / "log") as process:
        until(lambda: catches(process, signal.SIGTERM))
        time.sleep(after_s)
        family = process.family()
        to_group(process, sign)
        assert process.wait() == 0, process.said()
        said = process.said()
        assert "Traceback" not in said
        assert " starts, with " not in said or ": stopped" in said
        until(lambda: not any(alive(p) for p in family), "all have ended")


def test_a_stop_while_postgresql_cannot_be_had_is_in_order(tmp_path: Path) -> None:
    dsn = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    with (
        FeedServer() as feeds,
        started(
            tmp_path / "home",
            tmp_path / "log",
            DATABASE_URL=dsn,
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL=0.2,
        ) as process,
    ):
        process.until_ready()
        to_group(process, signal.SIGINT)
        assert process.wait() == 0
        assert ": stopped" in process.said()
        with opened(tmp_path / "home" / "journal") as journal:
            assert journal.pending(), "it waits for the next start"


# --- a terminal -----------------------------------------------------------------------------------


class Terminal:
    """A command in the foreground of a terminal of its own."""

    def __init__(self, command: list[str], cwd: Path, **environment: object) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("VATWATCH", "VATSIM"))}
        env |= {"PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm", "SERVICE_SHUTDOWN_TIMEOUT": "20"}
        env |= {name: str(value) for name, value in environment.items()}
        self.pid, self.fd = pty.fork()
        if not self.pid:
            # As in a terminal: who runs the tests in the background ignores some, and a shell
            # cannot trap what was ignored before it.
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        self.said = b""
        self.code: int | None = None
        make_nonblocking(self.fd)  # a thread of the tests is a greenlet
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):  # the other side has hung up
            while piece := nb_read(self.fd, 4096):
                self.said += piece

    def until_said(self, words: str) -> None:
        until(lambda: words.encode() in self.said, f"{words} in {self.said!r}")

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def wait(self) -> int:
        def ended() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            return bool(pid)

        until(ended, f"ended: {self.said!r}")
        assert self.code is not None
        return self.code


def healthz(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return int(answer.status)
    except OSError:
        return 0


def stored(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=5) as answer:
            return int(json.load(answer)["counts"]["snapshots_stored"])
    except OSError:
        return 0


def vatwatch(*words: str) -> list[str]:
    return [sys.executable, "-m", "vatwatch", *words]


def test_ctrl_c_in_a_terminal_stops_it_in_order(home: Path, tmp_path: Path) -> None:
    with FeedServer() as feeds:
        port = free_port()
        terminal = Terminal(
            vatwatch("run", "--port", str(port)),
            tmp_path,
            VATWATCH_HOME=home,
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL=0.2,
        )
        until(lambda: stored(port) >= 1)
        feeds.advance()
        until(lambda: stored(port) >= 2)
        terminal.type(b"\x03")
        assert terminal.wait() == 0
    assert b"Traceback" not in terminal.said
    assert b": stopped\r\n" in terminal.said
    with opened(home / "journal") as journal:
        assert journal.pending() == [], terminal.said.decode()


def test_ctrl_c_twice_in_a_terminal_hurries(home: Path, tmp_path: Path) -> None:
    terminal = Terminal(vatwatch("run", "--port", str(free_port())), tmp_path, VATWATCH_HOME=home)
    terminal.until_said("serving http")
    terminal.type(b"\x03")
    time.sleep(0.15)
    terminal.type(b"\x03")
    assert terminal.wait() == 0
    assert b"Traceback" not in terminal.said


def test_a_terminal_that_is_closed_does_not_end_the_service(home: Path, tmp_path: Path) -> None:
    port = free_port()
    terminal = Terminal(vatwatch("run", "--port", str(port)), tmp_path, VATWATCH_HOME=home)
    terminal.until_said("serving http")
    os.close(terminal.fd)  # SIGHUP to the group, and an error at each line that is logged

    time.sleep(2)
    assert healthz(port) == 200
    os.kill(terminal.pid, signal.SIGHUP)
    time.sleep(1)
    assert healthz(port) == 200
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 0


def test_a_log_that_nobody_reads_stops_nothing(home: Path, tmp_path: Path) -> None:
    """As a terminal after Ctrl-S, a pager, a log collector that hangs."""
    port = free_port()
    read, write = os.pipe()
    env = {**os.environ, "VATWATCH_HOME": str(home), "PORT": str(port)}
    process = subprocess.Popen(
        vatwatch("run"), env=env, cwd=tmp_path, stderr=write, start_new_session=True
    )
    os.close(write)
    try:
        until(lambda: healthz(port) == 200)
        until(lambda: psutil.Process(process.pid).children())
        (worker,) = psutil.Process(process.pid).children()
        for _ in range(40):
            # Far more than the 64 kB that a pipe holds: each of these is a line.
            for _ in range(50):
                worker.send_signal(signal.SIGHUP)
                process.send_signal(signal.SIGHUP)
                time.sleep(0.001)
        assert healthz(port) == 200
        process.send_signal(signal.SIGTERM)
        until(lambda: process.poll() is not None, "it stops, too")
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.kill()
        os.close(read)


def test_the_simulator_ends_quietly_at_ctrl_c(tmp_path: Path) -> None:
    terminal = Terminal(vatwatch("simulate", "--port", "0", "--pilots", "20"), tmp_path)
    terminal.until_said("Collect it with")
    terminal.type(b"\x03")
    assert terminal.wait() == 0
    assert b"Traceback" not in terminal.said


def test_top_ends_quietly_at_ctrl_c_and_leaves_the_terminal_as_it_was(
    service: Process, tmp_path: Path
) -> None:
    until(lambda: service.get("/api/status")[0] == 200)
    terminal = Terminal(vatwatch("top", "--url", service.base), tmp_path)
    # The screen has 24 lines, so not all nodes are on it: those around the chosen one are.
    terminal.until_said("event_bus")
    terminal.type(b"\x1b[B" * 40)
    terminal.until_said("alerter")
    terminal.type(b"\x03")
    assert terminal.wait() == 0
    assert b"Traceback" not in terminal.said
    assert b"\x1b[?1049l" in terminal.said


def test_the_simulator_listens_on_ipv6(tmp_path: Path) -> None:
    words = ("simulate", "--host", "::1", "--port", "0", "--pilots", "20")
    terminal = Terminal(vatwatch(*words), tmp_path)
    terminal.until_said("VATSIM_STATUS_URL=http://[::1]:")
    terminal.type(b"\x03")
    assert terminal.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_the_demo_in_order(home: Path, tmp_path: Path, workers: int) -> None:
    root = Path(__file__).parents[1]
    terminal = Terminal(
        [str(root / "scripts" / "demo.sh"), str(Path(sys.executable).parent)],
        tmp_path,
        PILOTS=20,
        SEED=1,
        SIMULATOR_PORT=free_port(),
        PORT=free_port(),
        VATWATCH_HOME=home,
        WORKERS=workers,
    )
    until(lambda: terminal.said.count(b"serving http") == workers, "all of them serve")
    terminal.type(b"\x03")
    assert terminal.wait() == 130, terminal.said
    assert b": stopped\r\n" in terminal.said
    assert b"Traceback" not in terminal.said
