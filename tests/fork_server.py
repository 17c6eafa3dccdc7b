"""Starts `vatwatch` without the second and a half of imports that each start takes.

A process that has imported all of it, and done nothing else, forks for each start, as gunicorn's
main process forks workers. What is started has its own environment, directory, output and session,
as `subprocess.Popen` would give it: a fifth of the time of all tests was imports.

`python -m tests.fork_server` is that process. It reads orders (JSON, one a line): to start one, and
says its number; or to look whether that one has ended, and says how.
"""

from __future__ import annotations

import atexit
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import gevent
from gevent.monkey import get_original

ORDERS, ANSWERS = 0, 1
POLL_S = 0.01


class ForkServer:
    """That process, as tests see it."""

    def __init__(self) -> None:
        # Of the system itself: what gevent gives would let other greenlets come in between.
        self._orders, theirs = os.pipe()[::-1]
        mine, answers = os.pipe()
        self._answers = os.fdopen(mine, "rb", buffering=0)
        names = ("VATWATCH", "VATSIM")
        server = subprocess.Popen(
            (sys.executable, "-m", "tests.fork_server"),
            stdin=theirs,
            stdout=answers,
            cwd=Path(__file__).parents[1],
            env={name: value for name, value in os.environ.items() if not name.startswith(names)},
            start_new_session=True,
        )
        os.close(theirs)
        os.close(answers)
        atexit.register(server.kill)

    def start(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        out: Path,
        err: Path | None = None,
    ) -> Forked:
        """Start `vatwatch` with these words; without `err`, all that it says goes to `out`."""
        err = err or out
        # They exist from the first moment on, as with `subprocess.Popen`.
        for file in (out, err):
            file.write_bytes(b"")
        where = {"cwd": str(cwd), "out": str(out), "err": str(err)}
        return Forked(self, self.ask(words=list(words), env=dict(env), **where))

    def ask(self, **order: Any) -> Any:
        """Give an order. Returns the answer."""
        os.write(self._orders, json.dumps(order).encode() + b"\n")
        return json.loads(self._answers.readline())


@cache
def fork_server() -> ForkServer:
    """The one of this process of the tests."""
    return ForkServer()


def run_vatwatch(
    words: Sequence[str], env: Mapping[str, str], cwd: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `vatwatch` with these words until it ends.

    Raises subprocess.TimeoutExpired; it is killed then.
    """
    with tempfile.TemporaryDirectory() as directory:
        out, err = Path(directory) / "out", Path(directory) / "err"
        forked = fork_server().start(words, env, cwd, out, err)
        try:
            code = forked.wait(timeout_s)
        except BaseException:
            forked.kill()
            raise
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


class Forked:
    """What was started: as much of `subprocess.Popen` as tests use."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it has ended; None if it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired("vatwatch", timeout or 0.0)
            gevent.sleep(POLL_S)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing is sent to one that has ended: its number may be another one's."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


# --- the process itself ---------------------------------------------------------------------------


def serve() -> None:
    """Follow orders until nobody gives any."""
    program = import_module("vatwatch.__main__")  # it patches, and takes signals
    import_module("vatwatch.server")
    commands = import_module("vatwatch.cli")
    for found in pkgutil.iter_modules(commands.__path__, "vatwatch.cli."):
        import_module(found.name)
    # gevent's would watch for the end of each child.
    fork, wait = get_original("os", "fork"), get_original("os", "waitpid")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for order in _lines():
        if "ended" in order:
            pid, status = wait(order["ended"], os.WNOHANG)
            _answer(os.waitstatus_to_exitcode(status) if pid else None)
        elif fork() == 0:
            _become(order, program)


def _lines() -> Any:
    rest = b""
    while piece := os.read(ORDERS, 2**16):
        *lines, rest = (rest + piece).split(b"\n")
        yield from map(json.loads, lines)


def _answer(what: object) -> None:
    os.write(ANSWERS, json.dumps(what).encode() + b"\n")


def _become(order: dict[str, Any], program: Any) -> NoReturn:
    """Be `python -m vatwatch` with the words of the order."""
    # Imports began a hub, whose clock has stood still since: timeouts would be over at once.
    gevent.reinit()
    gevent.get_hub().loop.update_now()
    os.setsid()
    # Only now may the whole group be killed.
    _answer(os.getpid())
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    os.chdir(order["cwd"])
    for target, file, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], os.O_WRONLY | os.O_APPEND),
        (2, order["err"], os.O_WRONLY | os.O_APPEND),
    ):
        opened = os.open(file, how)
        os.dup2(opened, target)
        os.close(opened)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, program._end)
    sys.argv = ["vatwatch", *order["words"]]
    program.main()
    sys.exit()


if __name__ == "__main__":
    serve()
