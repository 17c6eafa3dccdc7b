"""Which connections ended with a worker: those, and no others, may be cut."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from time import monotonic

import gevent
import psutil

from tests.chaos.house import wait_until

# Between two looks at the connections of a worker that ends in order.
LOOK_S = 0.02


class Deaths:
    """The connections of workers that were ended, by the ports of their clients."""

    def __init__(self, port: int) -> None:
        """`port`: of the service."""
        self._port = port
        self._killed: dict[int, float] = {}
        self._let_go: dict[int, float] = {}

    def kill(self, worker: psutil.Process) -> None:
        """As `kill -9` does. It stands still before, so that all that it has accepted is known."""
        with suppress(psutil.NoSuchProcess):
            worker.suspend()
            wait_until("the worker to stand still", lambda: _stands_still(worker))
            self._note(worker, self._killed)
            worker.kill()

    def end(self, worker: psutil.Process) -> None:
        """End it in order, by SIGTERM."""
        self.see_end(worker)
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGTERM)

    def see_end(self, worker: psutil.Process) -> None:
        """It is about to end in order: see which connections it has until then."""
        self._note(worker, self._let_go)
        gevent.spawn(self._see_end, worker)

    def has_killed(self, port: int, opened: float) -> bool:
        """Whether the connection from this port, opened then, was of a worker that was killed."""
        return self._killed.get(port, 0.0) >= opened

    def has_let_go(self, port: int, opened: float) -> bool:
        """Whether it was of a worker that has ended in order."""
        return self._let_go.get(port, 0.0) >= opened

    def _see_end(self, worker: psutil.Process) -> None:
        with suppress(psutil.Error):
            while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
                self._note(worker, self._let_go)
                gevent.sleep(LOOK_S)

    def _note(self, worker: psutil.Process, ports: dict[int, float]) -> None:
        with suppress(psutil.Error):
            for one in worker.net_connections("tcp"):
                if one.raddr and one.laddr.port == self._port:
                    ports[one.raddr.port] = monotonic()


def _stands_still(worker: psutil.Process) -> bool:
    return worker.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
