"""`vatwatch run` as a process: started, signalled, asked, and waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.fork_server import Forked, fork_server
from tests.ports import free_port
from vatwatch.feed.times import parse_time

PATIENCE_S = 60.0


RUN = (sys.executable, "-m", "vatwatch", "run")


class Process:
    """`vatwatch run`, and what it says. `program` starts it, perhaps in another environment."""

    def __init__(
        self,
        home: Path,
        log: Path,
        port: int,
        *,
        program: tuple[str, ...] = RUN,
        **environment: object,
    ) -> None:
        self.base, self.port = f"http://127.0.0.1:{port}", port
        self.home, self.log = home, log
        env = {k: v for k, v in os.environ.items() if not k.startswith(("VATWATCH", "VATSIM"))}
        env |= {"VATWATCH_HOME": str(home), "PORT": str(port), "SERVICE_SHUTDOWN_TIMEOUT": "20"}
        env |= {"PYTHONDONTWRITEBYTECODE": "1", "VATSIM_API_RETRY_ATTEMPTS": "0"}
        env |= {name: str(value) for name, value in environment.items()}
        self.popen: subprocess.Popen[bytes] | Forked
        if program == RUN:
            self.popen = fork_server().start(["run"], env, log.parent, log)
            return
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                program,
                env=env,
                cwd=log.parent,
                stdout=out,
                stderr=out,
                # A group of its own, as in a terminal: a signal to the group reaches nobody else.
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text()

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self.base + path, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def until_ready(self) -> None:
        until(lambda: self.get("/readyz")[0] == 200, f"ready: {self.said()}")

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def worker(self) -> psutil.Process:
        return next(p for p in self.family() if p.name().startswith(("python", "vatwatch")))

    def wait(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while self.popen.poll() is None:
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        return int(self.popen.returncode or 0)


@contextmanager
def started(
    home: Path, log: Path, *, program: tuple[str, ...] = RUN, **environment: object
) -> Iterator[Process]:
    port = environment.pop("PORT", None) or free_port()
    process = Process(home, log, int(str(port)), program=program, **environment)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.popen.send_signal(signal.SIGTERM)
            try:
                process.wait()
            except AssertionError:
                process.popen.kill()
                raise


def until_served(process: Process, feeds: FeedServer) -> str:
    """Wait until the update that is published is served. Returns its time, as the API writes it.

    Not until something else is served than before: what a restarted service serves first is the
    update that it had, and updates may have been published since.
    """
    published = parse_time(feeds.published.counts.update_timestamp)

    def served() -> str | None:
        said = process.get("/api/network")[1]["updated_at"]
        return str(said) if datetime.fromisoformat(said) == published else None

    return str(until(served, f"{published} is served"))


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie has ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
