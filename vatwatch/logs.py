"""The log: lines on standard error, with date and UTC, and never at the cost of the hub.

A terminal that is stopped with Ctrl-S, a pager, or a log collector that hangs takes no more bytes,
and a write to it would wait for ever, the whole service with it. So nothing is written that would
wait: lines queue up to a bound, and beyond it the oldest are lost and counted.
"""

from __future__ import annotations

import logging
import os
import re
import select
from collections import deque
from contextlib import nullcontext
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from gevent import monkey

from vatwatch.redaction import redact

# Standard error.
DESCRIPTOR = 2
# Lines that wait for a reader, and their bytes: an hour of a service that has something to say, or
# two hundred long tracebacks.
MOST_WAITING = 1000
MOST_BYTES = 1024 * 1024
# What a pipe takes whole once poll says that it has room (POSIX: PIPE_BUF).
CHUNK = 4096
# A reader that is only slow is waited for as long, once until it has caught up.
PATIENCE_MS = 50
# At the end of the process the rest is offered for as long.
LAST_S = 1.0
# Characters that move the cursor, hide text, or begin a line of their own.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_native_poll: Any = monkey.get_original("select", "poll")
_native_lock: Any = monkey.get_original("threading", "RLock")


class Formatter(logging.Formatter):
    """`2026-11-26T15:00:01.250Z LEVEL part: message`; further lines of a record are indented.

    What stands in a message may come from anywhere, so it cannot pass for a line of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record as text, without the last line's end."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        text = _CONTROL.sub(_escape, redact(text)).rstrip("\n").replace("\n", "\n    ")
        return f"{moment.removesuffix('+00:00')}Z {record.levelname} {record.name}: {text}"


class StderrHandler(logging.Handler):
    """Writes to standard error what it takes without waiting."""

    def __init__(self, descriptor: int = DESCRIPTOR) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._begun = b""  # the rest of a line whose beginning has been written
        self._lost = 0
        self._stuck = False
        os.register_at_fork(after_in_child=self._forget)

    def createLock(self) -> None:  # noqa: N802 - logging calls it so
        """A native one: gevent's, taken by two native threads, hangs both and the hub."""
        self.lock = _native_lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or keep it until there is room."""
        line = self._bytes(record)
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        while len(self._waiting) > MOST_WAITING or (
            self._waiting_bytes > MOST_BYTES and len(self._waiting) > 1
        ):
            self._waiting_bytes -= len(self._waiting.popleft())
            self._lost += 1
        self._write(0 if self._stuck else PATIENCE_MS)

    def flush(self) -> None:
        """Offer what waits once more; at the end of the process logging calls this."""
        deadline = monotonic() + LAST_S
        with self.lock or nullcontext():
            while not self._write(PATIENCE_MS) and monotonic() < deadline:
                pass

    def _bytes(self, record: logging.LogRecord) -> bytes:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - a wrong call must not end the caller
            text = f"no line for {record.msg!r} of {record.pathname}:{record.lineno}: {error!r}"
            line = self.format(_record(logging.ERROR, text))
        return (line + "\n").encode("utf-8", "backslashreplace")

    def _write(self, patience_ms: int) -> bool:
        """Write until nothing waits, or nothing is taken; whether nothing waits."""
        while self._begun or self._waiting:
            self._stuck = not self._has_room(patience_ms)
            if self._stuck:
                return False
            self._begun = self._begun or self._next()
            try:
                self._begun = self._begun[os.write(self._descriptor, self._begun[:CHUNK]) :]
            except OSError:  # whoever read it has gone, and the terminal with him
                self._forget()
        return True

    def _next(self) -> bytes:
        if not self._lost:
            line = self._waiting.popleft()
            self._waiting_bytes -= len(line)
            return line
        lost, self._lost = self._lost, 0
        return self._bytes(_record(logging.WARNING, f"{lost} lines before this were not taken"))

    def _has_room(self, patience_ms: int) -> bool:
        poll = _native_poll()
        poll.register(self._descriptor, select.POLLOUT)
        # Hung up, or closed: writing says so, and does not wait.
        return bool(poll.poll(patience_ms))

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
        self._begun = b""


def configure(level: str) -> None:
    """Log to standard error from now on, from `level` (`debug` to `error`) up."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, StderrHandler):
            root.removeHandler(handler)
    handler = StderrHandler()
    handler.setFormatter(Formatter())
    root.addHandler(handler)
    root.setLevel(level.upper())


def _record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, level, "", 0, text, None, None)


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()
