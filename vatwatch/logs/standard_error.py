"""The log on standard error, which never blocks the hub.

A terminal stopped with Ctrl-S, a pager, or a hanging log collector accepts no more bytes, and a
write to it would block the whole service. So nothing is written that would have to wait: lines
queue up to a bound; beyond it the oldest are dropped and counted.
"""

from __future__ import annotations

import logging
import os
import select
from collections import deque
from contextlib import nullcontext
from time import monotonic
from typing import Any

from gevent import monkey

from vatwatch.counting import counted
from vatwatch.logs.formats import line_of, own_record

# Standard error.
DESCRIPTOR = 2
# Lines that may wait for a reader, and their bytes: an hour of a busy service, or two hundred long
# tracebacks.
MOST_WAITING = 1000
MOST_BYTES = 1024 * 1024
# Bytes that a pipe accepts at once when poll says that it has room (POSIX: PIPE_BUF).
CHUNK = 4096
# How long to wait for a slow reader, once until it has caught up.
PATIENCE_MS = 50
# At the end of the process, how long to try to write the rest.
LAST_S = 1.0

_native_poll: Any = monkey.get_original("select", "poll")
# Not threading's lock, which gevent replaces.
_native_lock: Any = monkey.get_original("_thread", "RLock")


class StderrHandler(logging.Handler):
    """Writes to standard error as much as it accepts without waiting."""

    def __init__(self, descriptor: int = DESCRIPTOR) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._begun = b""  # the rest of a line whose beginning has been written
        self._lost = 0
        self._stuck = False
        os.register_at_fork(after_in_child=self._begin_anew)

    def createLock(self) -> None:  # noqa: N802 - logging calls it so
        """A native lock: a gevent lock used by two native threads would hang both and the hub."""
        self.lock = _native_lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or keep it until there is room."""
        line = line_of(self, record)
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        while len(self._waiting) > MOST_WAITING or (
            self._waiting_bytes > MOST_BYTES and len(self._waiting) > 1
        ):
            self._waiting_bytes -= len(self._waiting.popleft())
            self._lost += 1
        self._write(0 if self._stuck else PATIENCE_MS)

    def flush(self) -> None:
        """Try to write the waiting lines. Called by logging at the end of the process."""
        deadline = monotonic() + LAST_S
        with self.lock or nullcontext():
            while not self._write(PATIENCE_MS) and monotonic() < deadline:
                pass

    def _write(self, patience_ms: int) -> bool:
        """Write until nothing waits or nothing more is accepted. Returns whether nothing waits."""
        while self._begun or self._waiting:
            self._stuck = not self._has_room(patience_ms)
            if self._stuck:
                return False
            self._begun = self._begun or self._next()
            try:
                self._begun = self._begun[os.write(self._descriptor, self._begun[:CHUNK]) :]
            except OSError:  # the reader has gone, as a terminal that was closed
                self._forget()
        return True

    def _next(self) -> bytes:
        if not self._lost:
            line = self._waiting.popleft()
            self._waiting_bytes -= len(line)
            return line
        lost, self._lost = self._lost, 0
        return line_of(
            self, own_record(logging.WARNING, f"{counted(lost, 'line')} before this were not taken")
        )

    def _has_room(self, patience_ms: int) -> bool:
        poll = _native_poll()
        poll.register(self._descriptor, select.POLLOUT)
        # Hung up or closed: a write fails at once.
        return bool(poll.poll(patience_ms))

    def _begin_anew(self) -> None:
        """Reset after a fork: the waiting lines and a held lock belong to the parent."""
        self.createLock()
        self._forget()

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
        self._begun = b""
