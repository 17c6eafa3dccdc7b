"""The service as pages know it: it may be gone for a while, and comes back at the same address."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.ports import free_port
from tests.process import Process, until_served

KEY = "a-key-of-the-tests-that-is-long-enough"


class Restartable:
    """`vatwatch run` on a feed of the tests, which can be killed and started again."""

    def __init__(self, directory: Path, database: str, feeds: FeedServer) -> None:
        self.feeds, self.port = feeds, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._directory, self._database = directory, database
        self._starts = 0
        self.start()

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._starts += 1
        self.process = Process(
            self._directory / "home",
            self._directory / f"log{self._starts}",
            self.port,
            DATABASE_URL=self._database,
            VATSIM_API_URL=self.feeds.url,
            VATSIM_POLL_INTERVAL=0.2,
            VATWATCH_API_KEYS=KEY,
        )
        self.process.until_ready()
        until(lambda: self.process.get("/api/flights")[0] == 200)

    def kill(self) -> None:
        """Kill it with all its processes, as the system does when memory is short."""
        os.killpg(self.process.popen.pid, signal.SIGKILL)
        self.process.popen.wait()

    def stop(self) -> None:
        """Stop it in order."""
        if self.process.popen.poll() is None:
            self.process.popen.send_signal(signal.SIGTERM)
            self.process.wait()

    def get(self, path: str) -> Any:
        """The answer to a GET that succeeds."""
        status, answer = self.process.get(path)
        assert status == 200, answer
        return answer

    def next_update(self, updates: int = 1) -> str:
        """Let the network go on, and wait until that is served. Returns the time of it."""
        self.feeds.advance(updates)
        return until_served(self.process, self.feeds)

    def updated_at(self) -> str:
        """The time of what is served."""
        return str(self.get("/api/network")["updated_at"])
