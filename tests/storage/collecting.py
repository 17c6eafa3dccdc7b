"""A process that collects when it may: takes the lock, raises the epoch, writes all the time.

    python -m tests.storage.collecting DSN NODE [copy | hub]

It writes on when the lock is lost, without looking: that is what a process does that stood still.
Each row of `written` has its epoch; what was refused is noted in `refused`. With `copy` it stops
itself (SIGSTOP) in the middle of its first COPY. With `hub` it blocks its hub for long, once it has
written.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - gevent patches before anything else is imported

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import gevent
from gevent.monkey import get_original

from vatwatch.errors import DatabaseUnavailable, NotCollector
from vatwatch.storage.collector_epoch import in_epoch, raise_epoch
from vatwatch.storage.collector_lock import HUB_S, CollectorLock
from vatwatch.storage.pool import ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

_native_select: Callable[..., object] = get_original("select", "select")


class StoppedInside:
    """The content of a COPY, in whose middle the process stops."""

    def __init__(self, row: str) -> None:
        self._pieces = [row, row * 10_000, row]

    def read(self, _size: int) -> str:
        if len(self._pieces) == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        return self._pieces.pop(0) if self._pieces else ""


def write(conn: connection, epoch: int, node: str, *, copies: bool) -> None:
    with conn.cursor() as cur:
        if copies:
            cur.copy_expert("COPY written FROM STDIN", StoppedInside(f"{epoch}\t{node}\n"))
        else:
            cur.execute("INSERT INTO written VALUES (%s, %s)", (epoch, node))


def note(conn: connection, epoch: int, node: str, error: Exception, *, held: bool) -> None:
    with conn.cursor() as cur:
        values = (epoch, node, type(error).__name__, held)
        cur.execute("INSERT INTO refused VALUES (%s, %s, %s, %s)", values)


def main(dsn: str, node: str, how: str = "") -> None:
    lock = CollectorLock(dsn, node=node, on_move=lambda: None)
    plain = ConnectionPool(dsn, size=1, timeout_s=20)
    while True:
        while not lock.held:
            gevent.sleep(0.01)
        epoch = plain.run(partial(raise_epoch, node=node))
        writer = ConnectionPool(dsn, size=1, timeout_s=20)
        refused = False
        while not refused:
            try:
                work = partial(write, epoch=epoch, node=node, copies=how == "copy")
                writer.run(in_epoch(epoch, work))
            except DatabaseUnavailable as error:
                refused = isinstance(error, NotCollector)
                plain.run(partial(note, epoch=epoch, node=node, error=error, held=lock.held))
            if how == "hub":
                _native_select((), (), (), 4 * HUB_S)
            how = ""
            gevent.sleep(0.005)
        writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
