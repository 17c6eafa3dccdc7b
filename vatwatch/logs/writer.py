"""The thread that writes the log files, so that a slow disk delays nothing else.

A caller, in any greenlet or native thread, puts a line into a bounded queue and continues. Our own
native thread takes the lines of a tenth of a second and writes them at once. It is not gevent's: it
has no hub, and a hub never waits for it.
"""

from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeAlias

from gevent import monkey, sleep

from vatwatch.counting import counted
from vatwatch.logs.log_file import LogFile

log = logging.getLogger(__name__)

Line: TypeAlias = "bytes | Callable[[], bytes]"
"""A line with its line end, or a function that makes it, which is called in the thread."""

# How long lines collect before they are written; after a SIGKILL that much is lost.
BATCH_S = 0.1
# Lines that may wait: some seconds of the busiest access log. Beyond that, new ones are lost.
MOST_WAITING = 20_000
MOST_BYTES = 8 * 1024 * 1024
# Assumed size of a line that is made later.
UNMADE_BYTES = 300
# Bytes written at once, and so the most by which a file exceeds its bound.
CHUNK_BYTES = 64 * 1024
# How long the end of the process, or a caller that needs its line on disk, waits.
LAST_S = 1.0
POLL_S = 0.002
# Seconds between two log lines about lost lines.
TOLD_EVERY_S = 60.0

_allocate_lock: Any = monkey.get_original("_thread", "allocate_lock")
_start_thread: Any = monkey.get_original("_thread", "start_new_thread")
_native_rlock: Any = monkey.get_original("_thread", "RLock")
_native_sleep: Any = monkey.get_original("time", "sleep")


@dataclass(slots=True)
class Written:
    """Counts of the lines of one file, since the process began."""

    written: int = 0
    lost: int = 0
    """Lines for which there was no room in the queue, or that the disk refused."""
    fails: bool = False
    """Whether the latest write failed."""
    told_lost: int = 0
    told_at: float = -math.inf


class LogWriter:
    """A queue for each file, and one thread for all files of the process."""

    _started: bool
    _woken: bool

    def __init__(self) -> None:
        self.counts: dict[str, Written] = {}
        """By the file's name."""
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def put(self, file: LogFile, line: Line) -> bool:
        """Have a line written soon. Returns False if there is no room for it. Never waits."""
        size = len(line) if isinstance(line, bytes) else UNMADE_BYTES
        with self._lock:
            if self._taken - self._begun >= MOST_WAITING or self._waiting_bytes + size > MOST_BYTES:
                self._count(file).lost += 1
                return False
            lines = self._queues.get(file)
            if lines is None:
                lines = self._queues[file] = []
            lines.append(line)
            self._waiting_bytes += size
            self._taken += 1
            if not self._woken:
                self._woken = True
                if not self._started:
                    self._started = True
                    _start_thread(self._run, (self._wake, self._hurry))
                self._wake.release()
        return True

    def put_and_wait(self, file: LogFile, line: Line) -> bool:
        """Have a line written at once, and wait for that in a greenlet. Returns False if it is not
        known to be written.

        The disk has one second. A slower write may still succeed later.
        """
        lost = self._count(file).lost
        if not self.put(file, line):
            return False
        number, deadline = self._taken, monotonic() + LAST_S
        while self._done < number:
            self._hasten()
            if monotonic() > deadline:
                return False
            sleep(POLL_S)
        return self._count(file).lost == lost

    def flush(self) -> None:
        """Wait until all lines are written, for a second at most. Blocks the thread."""
        number, deadline = self._taken, monotonic() + LAST_S
        while self._done < number and monotonic() < deadline:
            self._hasten()
            _native_sleep(POLL_S)

    def _forget(self) -> None:
        """Start fresh, also in a forked process: the lines and the thread belong to the parent."""
        self._lock = _native_rlock()
        self._queues: dict[LogFile, list[Line]] = {}
        self._waiting_bytes = 0
        # Lines since the start: those that were put, that the thread has, and that it is done with.
        self._taken = self._begun = self._done = 0
        self._started = False
        self._woken = False
        # Both are taken here; releasing one lets the thread continue.
        self._wake: Any = _allocate_lock()
        self._hurry: Any = _allocate_lock()
        self._wake.acquire()
        self._hurry.acquire()

    def _hasten(self) -> None:
        with self._lock:
            if self._hurry.locked():
                self._hurry.release()

    def _run(self, wake: Any, hurry: Any) -> None:
        # Signals must reach the main thread, to interrupt the system call in which it waits.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            wake.acquire()
            hurry.acquire(timeout=BATCH_S)
            with self._lock:
                batch, self._queues = self._queues, {}
                self._begun, self._waiting_bytes = self._taken, 0
                self._woken = False
            for file, lines in batch.items():
                self._write(file, lines)
            self._done = self._begun

    def _write(self, file: LogFile, lines: list[Line]) -> None:
        counts = self._count(file)
        for chunk in _chunks(lines):
            try:
                file.append(b"".join(chunk))
            except Exception as error:  # noqa: BLE001 - without this thread there is no log at all
                counts.lost += len(chunk)
                self._tell_failure(file, counts, error)
            else:
                counts.written += len(chunk)
                self._tell_of_losses(file, counts)

    def _tell_failure(self, file: LogFile, counts: Written, error: Exception) -> None:
        if not counts.fails:
            counts.fails = True
            why = getattr(error, "strerror", None) or repr(error)
            text = "%s cannot be written (%s). Its lines are lost until it can."
            log.warning(text, file.path, why)

    def _tell_of_losses(self, file: LogFile, counts: Written) -> None:
        """Report lost lines, when the file can be written again, or now and then if the disk is too
        slow."""
        fresh, now = counts.lost - counts.told_lost, monotonic()
        lost = counted(fresh, "line was", "lines were")
        if counts.fails:
            log.warning("%s can be written again. %s lost.", file.path, lost)
        elif fresh and now - counts.told_at > TOLD_EVERY_S:
            log.warning("%s: %s lost, as there were too many.", file.path, lost)
        else:
            return
        counts.fails, counts.told_lost, counts.told_at = False, counts.lost, now

    def _count(self, file: LogFile) -> Written:
        return self.counts.setdefault(file.path.name, Written())


def _chunks(lines: list[Line]) -> Iterator[list[bytes]]:
    """The finished lines in order, in portions of `CHUNK_BYTES` or of one longer line."""
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        made = line if isinstance(line, bytes) else _made(line)
        if chunk and size + len(made) > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(made)
        size += len(made)
    if chunk:
        yield chunk


def _made(line: Callable[[], bytes]) -> bytes:
    try:
        return line()
    except Exception:  # only this line is lost, and the thread continues
        log.exception("A log line could not be formatted.")
        return b""


writer = LogWriter()
"""The process' own."""
