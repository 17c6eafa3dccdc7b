"""SIGINT and SIGTERM for commands that have something to clear away when they end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import gevent


class Interrupted(SystemExit):
    """Somebody has had enough. The exit code is the shell's for this signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise Interrupted here, at the next wait, for each of the two signals.

    Not a handler of Python's own: that would raise in whichever greenlet runs just then, and an
    actor would end by it instead of the command.
    """
    here = gevent.getcurrent()

    def interrupt(number: signal.Signals) -> None:
        gevent.kill(here, Interrupted(number))

    handlers = [
        gevent.signal_handler(number, interrupt, number)
        for number in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        yield
    finally:
        for handler in handlers:
            handler.cancel()
