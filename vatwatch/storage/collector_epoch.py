"""The epoch of who collects: a transaction of an older one is refused.

The lock alone (`storage.collector_lock`) keeps two apart only while both are awake: one that stood
still may go on where it was. So each writing transaction of the collector holds the epoch's row
(`check_epoch`), and who takes over raises it (`raise_epoch`), for which the row must be free. After
that nothing of an older epoch can be committed.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import psycopg2
from gevent.monkey import get_original
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from vatwatch.errors import DatabaseUnavailable, NotCollector

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

Result = TypeVar("Result")

_native_select: Callable[..., object] = get_original("select", "select")

# How long those that hold the row may take to end, once they were told to.
RAISE_S = 10.0
# The first wait, in which one that is awake finishes; then each is followed by another look at who
# holds it.
PATIENCE_MS = 200
# How long a transaction waits for one that raises the epoch.
CHECK_MS = 2000

# Who has the row for a transaction has this lock of the table, and nobody else: readers and dumps
# have other ones. So a pooler, an application_name in an address, or a second vatwatch in another
# schema do not mislead it.
_END_WRITERS = """
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT DISTINCT pid FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'collector'::regclass
      AND mode IN ('RowShareLock', 'RowExclusiveLock')
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND granted AND pid <> pg_backend_pid()
) writers
"""
_RAISE = """
INSERT INTO collector (epoch, node, since) VALUES (1, %s, clock_timestamp())
ON CONFLICT (one) DO UPDATE
    SET epoch = collector.epoch + 1, node = excluded.node, since = excluded.since
RETURNING epoch
"""


def raise_epoch(conn: connection, node: str) -> int:
    """Begin an epoch, for who has just got the lock. Commits; returns the epoch.

    A transaction of an older epoch that does not end by itself is ended by force: its process may
    stand still in the middle of a COPY, which no time limit of the server ends. For a native
    thread.

    Raises:
        DatabaseUnavailable: somebody holds the row and does not end
        psycopg2.Error: as it comes
    """
    deadline = monotonic() + RAISE_S
    while True:
        try:
            with conn.cursor() as cur:
                _wait_at_most(conn, PATIENCE_MS)
                cur.execute(_RAISE, (node,))
                row = cur.fetchone()
            conn.commit()
        except psycopg2.Error as error:
            conn.rollback()
            if error.pgcode != LOCK_NOT_AVAILABLE:
                raise
        else:
            assert row is not None
            return int(row[0])
        with conn.cursor() as cur:
            cur.execute(_END_WRITERS)
        conn.commit()
        if monotonic() > deadline:
            raise DatabaseUnavailable(
                "a transaction of who collected before does not end, so nothing can be written: "
                "SELECT * FROM pg_locks WHERE relation = 'collector'::regclass"
            )
        _native_select((), (), (), PATIENCE_MS / 10_000)


def read_epoch(conn: connection) -> int | None:
    """The epoch that is in force; None before the first one. Raises psycopg2.Error as it comes."""
    with conn.cursor() as cur:
        cur.execute("SELECT epoch FROM collector")
        row = cur.fetchone()
    return None if row is None else int(row[0])


def check_epoch(conn: connection, epoch: int) -> None:
    """Hold the epoch for this transaction, at its beginning. For a native thread.

    Raises:
        NotCollector: another epoch is in force, or is about to be
        psycopg2.Error: as it comes
    """
    with conn.cursor() as cur:
        cur.execute("SELECT current_setting('lock_timeout')")
        row = cur.fetchone()
        assert row is not None
        _wait_at_most(conn, CHECK_MS)
        try:
            cur.execute("SELECT epoch, node FROM collector FOR SHARE")
        except psycopg2.Error as error:
            if error.pgcode != LOCK_NOT_AVAILABLE:
                raise
            raise NotCollector("another process is about to collect") from None
        found = cur.fetchone()
        # For the rest of the transaction as it was.
        cur.execute("SELECT set_config('lock_timeout', %s, true)", row)
    if found is None:
        raise NotCollector("no process collects yet")
    if found[0] != epoch:
        raise NotCollector(f"{found[1]} collects now, and has raised the epoch to {found[0]}")


def in_epoch(epoch: int, work: Callable[[connection], Result]) -> Callable[[connection], Result]:
    """`work`, in a transaction that holds the epoch; it raises NotCollector instead of working if
    another one is in force."""

    def checked(conn: connection) -> Result:
        check_epoch(conn, epoch)
        return work(conn)

    return checked


def _wait_at_most(conn: connection, milliseconds: int) -> None:
    with conn.cursor() as cur:
        cur.execute("SELECT set_config('lock_timeout', %s, true)", (f"{milliseconds}ms",))
