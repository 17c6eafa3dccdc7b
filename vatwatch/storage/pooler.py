"""Recognizes a pooler between us and PostgreSQL, and its mode. Blocks; for native threads."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg2
from gevent.monkey import get_original
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE

from vatwatch.storage.connecting import connect

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# Not gevent's: a native thread would get a hub of its own.
_native_select = get_original("select", "select")

NAME = "vatwatch check"
# How long the whole look takes at most.
LOOK_S = 3
# Other sessions that each hold a server's connection for a moment while we look whether ours is
# still the same. A pooler hands out the one that was used last (pgbouncer), or takes turns.
RIVALS = 3


class Pooler(Enum):
    """What stands between us and the server, as far as it can be seen."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"
    STATEMENT = "statement"
    UNKNOWN = "unknown"


def pooler_of(dsn: str, conn: connection) -> Pooler:
    """What stands between us and the server of this session, which does autocommit.

    A server tells its process when a session begins. A pooler answers in its place.
    Raises psycopg2.Error as it comes.
    """
    return Pooler.NONE if conn.info.backend_pid == _process(conn) else _mode(dsn, conn)


def _mode(dsn: str, conn: connection) -> Pooler:
    """How long a client of this pooler keeps its connection to the server.

    Between two transactions another client may get ours: then it is not for the session. The others
    hold what they get for as long as it takes to look.
    """
    ours = _process(conn)
    deadline = monotonic() + LOOK_S
    rivals: list[_Rival] = []
    try:
        for _ in range(RIVALS):
            rival = _Rival(dsn, deadline)
            rivals.append(rival)
            rival.process()
            if not rival.begin():
                return Pooler.STATEMENT
            if rival.process() == ours or _process(conn) != ours:
                return Pooler.TRANSACTION
    except (psycopg2.Error, TimeoutError):
        return Pooler.UNKNOWN if len(rivals) < 2 else Pooler.SESSION
    else:
        return Pooler.SESSION
    finally:
        for rival in rivals:
            rival.close()


class _Rival:
    """Another session. It does not wait for a pooler that has no connection for it.

    Its methods raise TimeoutError at the deadline, psycopg2.Error as it comes.
    """

    def __init__(self, dsn: str, deadline: float) -> None:
        self._deadline = deadline
        self._conn = connect(
            dsn, application_name=NAME, statement_timeout_s=LOOK_S, does_not_wait=True
        )
        self._wait()

    def process(self) -> int:
        """The server's process that works for it now."""
        return int(self._ask("SELECT pg_backend_pid()")[0])

    def begin(self) -> bool:
        """Begin a transaction; whether the pooler lets it."""
        try:
            with self._conn.cursor() as cur:
                cur.execute("BEGIN")
                self._wait()
        except psycopg2.Error:
            return False
        return True

    def close(self) -> None:
        with suppress(psycopg2.Error):
            self._conn.close()

    def _ask(self, query: str) -> tuple[Any, ...]:
        with self._conn.cursor() as cur:
            cur.execute(query)
            self._wait()
            row = cur.fetchone()
            assert row is not None
            return row

    def _wait(self) -> None:
        while (state := self._conn.poll()) != POLL_OK:
            left_s = self._deadline - monotonic()
            place = [self._conn.fileno()]
            ready = _native_select(
                place if state == POLL_READ else [],
                place if state == POLL_WRITE else [],
                [],
                max(0.0, left_s),
            )
            if not any(ready):
                raise TimeoutError


def _process(conn: connection) -> int:
    """The server's process that works for this session now."""
    with conn.cursor() as cur:
        cur.execute("SELECT pg_backend_pid()")
        row = cur.fetchone()
        assert row is not None
        return int(row[0])
