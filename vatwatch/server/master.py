"""The master: receives the signals, watches the worker process, and logs how it ended."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from queue import SimpleQueue
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.sock import TCP6Socket, TCPSocket

from vatwatch.counting import counted
from vatwatch.storage.directory_lock import DirectoryLock

log = logging.getLogger(__name__)

# Added to the time that the worker has to stop in order; the worker itself logs what it could not
# finish.
STOP_MARGIN_S = 5.0
# How long a worker may take to stop after it was told to hurry.
HURRY_S = 5.0
# One Ctrl-C can come twice: `timeout` and the like send it to the process and to its group.
SAME_KEY_S = 0.1
POLL_S = 0.05


class SignalledApplication(BaseApplication):
    """The application that the master runs; it passes the master's signals to the worker."""

    signals: SimpleQueue[int]

    def follow_settings(self) -> None:
        """Called in the master every second or so: the settings may have changed in the worker."""


class Master(Arbiter):
    """gunicorn's arbiter. Each worker holds everything that it needs."""

    def __init__(
        self,
        app: SignalledApplication,
        listener: socket.socket,
        home: DirectoryLock | None,
        *,
        most_workers: int,
    ) -> None:
        """`home`: None if each worker has its own."""
        self._most_workers = most_workers
        self._signalled = app
        self._listener = listener
        self._home = home
        self._stopping = False
        super().__init__(app)

    def start(self) -> None:
        """Listen on the socket that was opened before anything else started."""
        self._signalled.signals = self.SIG_QUEUE
        assert self.log is not None
        kind = TCP6Socket if self._listener.family == socket.AF_INET6 else TCPSocket
        address = self._listener.getsockname()
        self.LISTENERS[:] = [kind(address, self.cfg, self.log, fd=self._listener.detach())]
        super().start()

    def maybe_promote_master(self) -> None:
        """gunicorn calls it before each look at the signals; there is never a second master."""
        self._signalled.follow_settings()

    # -- signals

    def handle_int(self) -> None:
        """Ctrl-C: as SIGTERM."""
        raise StopIteration

    def handle_quit(self) -> None:
        """Stop without waiting for the work in hand."""
        self.stop(graceful=False)
        raise StopIteration

    def handle_hup(self) -> None:
        """SIGHUP: the worker reads the settings again. A closing terminal sends it, too."""
        self.kill_workers(signal.SIGHUP)

    def handle_usr1(self) -> None:
        """In gunicorn: reopen log files."""
        log.info("SIGUSR1: ignored, as a log file that was moved is reopened automatically")

    def handle_usr2(self) -> None:
        """In gunicorn: start a second master beside this one."""
        log.info("SIGUSR2: refused, as it starts a second service beside this one; restart it")

    def handle_ttin(self) -> None:
        """In gunicorn: one more worker. Terminals send it, too, to a background process that
        reads."""
        if self.num_workers >= self._most_workers:
            log.info("SIGTTIN: ignored, %s", self._why_no_more())
            return
        super().handle_ttin()
        log.info("SIGTTIN: %s from now on", counted(self.num_workers, "worker"))

    def handle_ttou(self) -> None:
        """In gunicorn: one worker less."""
        if self.num_workers <= 1:
            log.info("SIGTTOU: ignored, there is one worker")
            return
        super().handle_ttou()
        log.info("SIGTTOU: %s from now on", counted(self.num_workers, "worker"))

    def _why_no_more(self) -> str:
        if self._most_workers == 1:
            return "there is one worker, as others would need DATABASE_URL and REDIS_URL"
        return f"SERVICE_MAX_WORKERS allows {self._most_workers}"

    def handle_winch(self) -> None:
        """The terminal's size has changed."""

    # -- stopping

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stop, and end the process."""
        if reason is not None and exit_status != self.APP_LOAD_ERROR:
            log.error("vatwatch ends: %s", reason)
        self.stop()
        sys.exit(exit_status)

    def stop(self, graceful: bool = True) -> None:
        """Stop the worker, once; a second SIGINT, or SIGQUIT, hurries it."""
        if self._stopping:
            return
        self._stopping = True
        for listener in self.LISTENERS:
            listener.close()
        self.LISTENERS.clear()
        if self._home is not None:
            self._home.say_stopping()
        began = time.monotonic()
        deadline = began + self.cfg.graceful_timeout + STOP_MARGIN_S
        self.kill_workers(signal.SIGTERM if graceful else signal.SIGQUIT)
        while self.WORKERS and time.monotonic() < deadline:
            if self._is_to_hurry() and time.monotonic() - began > SAME_KEY_S:
                log.info("Stopping at once. What is not written yet is in the journal.")
                self.kill_workers(signal.SIGQUIT)
                deadline = min(deadline, time.monotonic() + HURRY_S)
            time.sleep(POLL_S)
            self.reap_workers()
        if self.WORKERS:
            log.error("The worker did not stop in time and is killed. The journal has the rest.")
            self.kill_workers(signal.SIGKILL)
            deadline = time.monotonic() + HURRY_S
            while self.WORKERS and time.monotonic() < deadline:
                time.sleep(POLL_S)
                self.reap_workers()

    def _is_to_hurry(self) -> bool:
        signals = []
        while not self.SIG_QUEUE.empty():
            signals.append(self.SIG_QUEUE.get_nowait())
        return signal.SIGINT in signals or signal.SIGQUIT in signals

    # -- the worker

    def reap_workers(self) -> None:
        """Reap children that have ended; as process 1 also adopted ones."""
        self._signalled.follow_settings()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            worker = self.WORKERS.pop(pid, None)
            if worker is not None:
                worker.tmp.close()
                self._worker_ended(worker, os.waitstatus_to_exitcode(status))

    def _worker_ended(self, worker: Any, code: int) -> None:
        if self._stopping:
            if code < 0 and not worker.aborted:
                log.warning("The worker was killed (%s) while it was stopping.", _name(-code))
            return
        if code == self.APP_LOAD_ERROR:
            raise HaltServer("the worker refuses to start, and has said why", code)
        if code == self.WORKER_BOOT_ERROR:
            raise HaltServer("the worker could not start, see above", code)
        if worker.aborted:
            log.error(
                "The worker (process %d) did not react for %g s and was replaced.",
                worker.pid,
                self.timeout,
            )
        elif code < 0:
            hint = ", as when memory runs out" if code == -signal.SIGKILL else ""
            log.error(
                "The worker (process %d) was killed from outside (%s%s) and is replaced.",
                worker.pid,
                _name(-code),
                hint,
            )
        elif code:
            log.error("The worker (process %d) ended with code %d; another one takes over.",
                      worker.pid, code)  # fmt: skip
        else:
            log.info("The worker (process %d) has ended; another one takes over.", worker.pid)

    def murder_workers(self) -> None:
        """End a worker whose hub is blocked: first so that it can write a traceback, then by
        SIGKILL."""
        for pid, worker in list(self.WORKERS.items()):
            try:
                still_s = time.monotonic() - worker.tmp.last_update()
            except (OSError, ValueError):
                continue
            if not self.timeout or still_s <= self.timeout:
                continue
            self.kill_worker(pid, signal.SIGKILL if worker.aborted else signal.SIGABRT)
            worker.aborted = True


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
