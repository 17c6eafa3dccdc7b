"""`vatwatch top` against a real tree over HTTP, in a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from gevent.pywsgi import WSGIServer

from tests.supervision.helpers import Fail, Notices, root, running, scribe
from vatwatch.cli.spans import span
from vatwatch.cli.tree_view import SORTS, Sample, _head, _time
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.supervision import BreakerPolicy, ChildStarted, Strategy, Tree

PATIENCE_S = 30.0
COMMAND = [sys.executable, "-m", "vatwatch", "top"]


@pytest.fixture
def house() -> Iterator[tuple[Tree, Notices, str]]:
    inner = root(
        scribe("store", [], breaker=BreakerPolicy()), name="data", strategy=Strategy.REST_FOR_ONE
    )
    with running(root(inner, scribe("cache", []), name="vatwatch")) as (tree, notices):
        authorization = WriteAuthorization(["key"], rate="100/minute")
        app = create_app(AppContext(tree, datetime.now(UTC), authorization))
        server = WSGIServer(("127.0.0.1", 0), app, log=None)
        server.start()
        yield tree, notices, f"http://127.0.0.1:{server.server_port}"
        server.stop()


class Terminal:
    """A pseudo-terminal with the program in it."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        self._seen = ""

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str) -> None:
        """Read on until this is to be seen."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self._seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self._seen[-3000:]}"
            ready, _, _ = select.select([self._ours], [], [], 0.2)
            if ready:
                raw = os.read(self._ours, 65536).decode(errors="replace")
                self._seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw)
        self._seen = self._seen[self._seen.index(text) + len(text) :]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


def test_in_a_terminal_a_node_is_chosen_restarted_and_sorted(
    house: tuple[Tree, Notices, str],
) -> None:
    _, notices, url = house
    terminal = Terminal("--url", url, "--interval", "0.1", "--key", "key")
    try:
        terminal.wait_for("rest_for_one")
        terminal.wait_for("sort (by tree)")
        terminal.press("r")
        terminal.wait_for("choose a node")
        # As fast as a key that is held.
        terminal.press("jjj\x1b[A\x1b[Br")
        terminal.wait_for("restart vatwatch/data/store, and what goes with it? y/n")
        terminal.press("y")
        terminal.wait_for("vatwatch/data/store is being restarted")
        notices.wait(ChildStarted, "vatwatch/data/store", count=2)
        for sort in (*SORTS[1:], SORTS[0]):
            terminal.press("s")
            terminal.wait_for(f"sort (by {sort})")
        terminal.press("q")
        assert terminal.process.wait(PATIENCE_S) == 0
    finally:
        terminal.close()


def test_a_restart_without_a_right_key_is_refused_in_words(
    house: tuple[Tree, Notices, str],
) -> None:
    terminal = Terminal("--url", house[2], "--interval", "0.1", "--key", "wrong")
    try:
        terminal.wait_for("quit")
        terminal.press("jjr")
        terminal.wait_for("y/n")
        terminal.press("y")
        terminal.wait_for("refused (401)")
    finally:
        terminal.close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A pipe has no width, whatever the terminal behind it has.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment,
    )


def test_without_a_terminal_it_prints_once(house: tuple[Tree, Notices, str]) -> None:
    tree, notices, url = house
    tree.directory.address("store").tell(Fail(OSError("the disk is full, and has been for long")))
    notices.wait(ChildStarted, "vatwatch/data/store", count=2)
    done = run("--url", url)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if "running" in line] == [
        "vatwatch",
        "data",
        "store",
        "cache",
    ]
    store = next(line for line in lines if line.split()[:1] == ["store"])
    assert "OSError: the disk is full, and has been for long" in store
    assert "1 (1)" in store
    assert "closed" in store


def test_no_service_is_one_line_that_says_what_to_do() -> None:
    done = run("--url", "http://127.0.0.1:9", "--once")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no service answers at http://127.0.0.1:9")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (59, "59s"),
        (61, "1m"),
        (3_720, "1h 2m"),
        (90_000, "1d 1h"),
        (40_000_000, "1y 97d"),
    ],
)
def test_spans_are_short(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.000_85, "850µs"), (0.012, "12ms"), (1.5, "1.5s")]
)
def test_times_are_short(seconds: float, shown: str) -> None:
    assert _time(seconds) == shown


def test_the_head_says_what_the_traffic_does() -> None:
    status = {
        "version": "1.0",
        "status": "healthy",
        "reason": "",
        "uptime_s": 61,
        "feed": {"age_s": 12},
        "counts": {"pilots": 7, "controllers": 1, "snapshots_stored": 3},
        "nodes": [],
    }
    head = _head(Sample(0.0, {}, status, {"taxi_out": 2, "cruise": 5}), "http://here").plain
    assert head.splitlines() == [
        "vatwatch 1.0  healthy  up 1m  feed 12s old  7 pilots, 1 controller, 3 snapshots stored",
        "flights: 2 taxi out, 5 cruise",
    ]
