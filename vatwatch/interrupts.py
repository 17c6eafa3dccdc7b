"""SIGINT and SIGTERM for commands that must clean up when they end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import gevent


class Interrupted(SystemExit):
    """The command was interrupted. The exit code is the shell's for this signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise Interrupted in this greenlet, at its next wait, for each of the two signals.

    A plain Python handler would raise in whatever greenlet runs just then, and end an actor instead
    of the command.
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
