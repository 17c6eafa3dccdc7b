"""A small connection pool: it waits for a free connection, detects dead ones, and never blocks the
hub.

psycopg2 blocks in C, so it runs in the pool's own native threads (gevent's shared ones resolve
names). Functions that run there must not log, tell, ask, or touch the hub.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import psycopg2
from gevent.lock import BoundedSemaphore
from psycopg2 import errorcodes

from vatwatch.errors import (
    AskTimeout,
    DatabaseConflict,
    DatabaseUnavailable,
    NotCollector,
    SupervisionError,
)
from vatwatch.storage.connecting import connect
from vatwatch.storage.reachability import name_of, why_not
from vatwatch.storage.weather import Verdict, judge, said
from vatwatch.supervision import NativePool

if TYPE_CHECKING:
    from psycopg2.extensions import connection

Result = TypeVar("Result")

# A connection that was idle for longer than this is tested before it is used.
FRESH_S = 2.0
# How long that test may take: a stalled server must not use up all the time.
TRIAL_S = 2.0
# How long `close` waits for running work.
CLOSE_S = 1.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Connections now, and what happened to them since the start."""

    size: int
    in_use: int
    idle: int
    waiting: int
    opened: int
    discarded: int
    timeouts: int


@dataclass(slots=True)
class _Idle:
    conn: connection
    since: float


class ConnectionPool:
    """Runs work in transactions, each on a connection of its own."""

    def __init__(
        self,
        dsn: str,
        *,
        size: int,
        timeout_s: float,
        application_name: str = "vatwatch",
        reads: bool = False,
    ) -> None:
        """
        Args:
            dsn: the address
            size: how many connections there may be
            timeout_s: bounds each call of `run`, including the wait for a connection. It can be
                changed later by the attribute of this name
            application_name: as the server lists the sessions, unless the address says another
            reads: `dsn` is the address for reads
        """
        self._dsn = dsn
        self._reads = reads
        self._name = name_of(dsn)
        self._size = size
        self.timeout_s = timeout_s
        # Options of every session; a longer limit is set for the transaction.
        self._session_timeout_s = timeout_s
        self._application_name = application_name
        self._threads = NativePool(size, "postgresql")
        self._free = BoundedSemaphore(size)
        self._idle: deque[_Idle] = deque()
        self._busy: set[connection] = set()
        self._heard = monotonic()
        self._waiting = self._opened = self._discarded = self._timeouts = 0
        self._closed = False

    def run(
        self, work: Callable[[connection], Result], *, timeout_s: float | None = None
    ) -> Result:
        """Do `work` in a transaction: committed if it returns, rolled back if it raises.

        Raises:
            DatabaseUnavailable: weather (`storage.weather`): no connection, a dead one, no answer
                in time, no room; a DatabaseConflict may be tried again at once
            NotCollector: `work` found that another process collects (`storage.collector_epoch`)
            psycopg2.Error: not weather; `storage.weather` says whether the work or its values are
                wrong
            Exception: the error that `work` raised
        """
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        deadline = monotonic() + limit_s
        self._acquire(limit_s)
        try:
            conn = self._connection(deadline)
            self._busy.add(conn)
            try:
                return self._transaction(conn, work, deadline, limit_s)
            finally:
                self._busy.discard(conn)
        finally:
            self._free.release()

    def stats(self) -> PoolStats:
        """The pool now: sizes are connections; the last three are counts since the start."""
        return PoolStats(
            size=self._size,
            in_use=self._size - self._free.counter,
            idle=len(self._idle),
            waiting=self._waiting,
            opened=self._opened,
            discarded=self._discarded,
            timeouts=self._timeouts,
        )

    def drop(self) -> None:
        """Use none of the present connections any longer: they lead to a server that is dead, or is
        not the right one any more. Work on them fails at once; the next makes a new one."""
        self._drop_idle()
        for conn in self._busy:
            _cut(conn)

    def _drop_idle(self) -> None:
        self._discarded += len(self._idle)
        while self._idle:
            self._idle.popleft().conn.close()

    def close(self) -> None:
        """Refuse further work, and close idle connections. Running work has `CLOSE_S` to end."""
        self._closed = True
        while self._idle:
            self._idle.popleft().conn.close()
        self._threads.close(timeout_s=CLOSE_S)

    def _acquire(self, limit_s: float) -> None:
        if self._closed:
            raise DatabaseUnavailable("the pool is closed")
        self._waiting += 1
        try:
            if not self._free.acquire(timeout=limit_s):
                self._timeouts += 1
                raise DatabaseUnavailable(
                    f"all {self._size} connections are in use, for {limit_s:g} s"
                )
        finally:
            self._waiting -= 1
        if self._closed:
            self._free.release()
            raise DatabaseUnavailable("the pool is closed")

    def _connection(self, deadline: float) -> connection:
        """Get an idle connection that lives, or a new one."""
        while self._idle:
            idle = self._idle.pop()
            if not idle.conn.closed and (
                (monotonic() - idle.since < FRESH_S and _is_quiet(idle.conn))
                or self._lives(idle.conn, min(deadline, monotonic() + TRIAL_S))
            ):
                return idle.conn
            self._discarded += 1
        conn = self._call(None, self._connect, deadline)
        self._opened += 1
        return conn

    def _connect(self) -> connection:
        """Connect, in a native thread. Errors are in our own words, since libpq's may quote
        secrets."""
        try:
            conn = connect(
                self._dsn,
                application_name=self._application_name,
                statement_timeout_s=self._session_timeout_s,
                reads=self._reads,
            )
        except psycopg2.Error as error:
            setting = "DATABASE_READ_URL" if self._reads else "DATABASE_URL"
            raise DatabaseUnavailable(why_not(self._dsn, error, setting)) from None
        conn.autocommit = False
        return conn

    def _lives(self, conn: connection, deadline: float) -> bool:
        try:
            self._call(conn, lambda: _ping(conn), deadline)
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, AskTimeout):
                # The others lead to the same server; trying each would take all the time.
                self._drop_idle()
            return False
        return True

    def _transaction(
        self,
        conn: connection,
        work: Callable[[connection], Result],
        deadline: float,
        limit_s: float,
    ) -> Result:
        def transaction() -> Result:
            try:
                if limit_s > self._session_timeout_s:
                    _allow(conn, limit_s)
                result = work(conn)
                conn.commit()
            except BaseException:
                with suppress(psycopg2.Error):  # a dead connection raises here, too
                    conn.rollback()
                raise
            return result

        began = monotonic()
        try:
            result = self._call(conn, transaction, deadline)
        except NotCollector:  # the work has found it out, on a connection that is well
            self._give_back(conn)
            raise
        except DatabaseUnavailable as error:
            self._discarded += 1
            if isinstance(error.__cause__, AskTimeout) and self._heard < began:
                # Nobody has heard of the server since: it is not this statement that is slow.
                self.drop()
            raise
        except Exception:
            self._give_back(conn)
            raise
        except BaseException:
            # We are killed while the thread still uses the connection: it must not be reused.
            _cut(conn)
            self._discarded += 1
            raise
        self._give_back(conn)
        return result

    def _call(self, conn: connection | None, fn: Callable[[], Result], deadline: float) -> Result:
        """Run in a native thread, until the deadline. Errors of the server are raised as
        `storage.weather` judges them."""
        try:
            result = self._threads.run(fn, timeout_s=max(0.01, deadline - monotonic()))
            self._heard = monotonic()
        except AskTimeout as error:
            self._timeouts += 1
            if conn is not None:
                _cut(conn)
            raise DatabaseUnavailable(f"{self._name} gave no answer in time") from error
        except SupervisionError as error:
            # Closed between two steps of one call: an ordered stop, not a bug.
            raise DatabaseUnavailable("the pool is closed") from error
        except psycopg2.Error as error:
            if error.pgcode is not None:
                self._heard = monotonic()
            if error.pgcode == errorcodes.READ_ONLY_SQL_TRANSACTION:
                # A primary that has become a standby: so it is for the other connections.
                self._drop_idle()
            match judge(error, closed=conn is None or bool(conn.closed)):
                case Verdict.WEATHER if error.pgcode is None:
                    text = f"the connection to {self._name} was lost"
                    raise DatabaseUnavailable(text) from error
                case Verdict.WEATHER:
                    raise DatabaseUnavailable(f"{self._name} says: {said(error)}") from error
                case Verdict.CONFLICT:
                    raise DatabaseConflict(f"{self._name} says: {said(error)}") from error
                case Verdict.BROKEN | Verdict.DATA:
                    raise
        return result

    def _give_back(self, conn: connection) -> None:
        if conn.closed or self._closed:
            self._discarded += 1
            conn.close()
        else:
            self._idle.append(_Idle(conn, monotonic()))


def was_lost(error: DatabaseUnavailable) -> bool:
    """Whether the connection ended at work, without a word of the server: the fate of a commit is
    not known."""
    cause = error.__cause__
    return isinstance(cause, psycopg2.Error) and cause.pgcode is None


def _ping(conn: connection) -> None:
    with conn.cursor() as cur:
        cur.execute("SELECT 1")
    conn.rollback()


def _allow(conn: connection, limit_s: float) -> None:
    """Allow the statements of this transaction a longer time limit."""
    with conn.cursor() as cur:
        cur.execute("SELECT set_config('statement_timeout', %s, true)", (f"{limit_s:.0f}s",))


def _is_quiet(conn: connection) -> bool:
    """Whether the server has sent nothing since the last query. If it has, it has ended the
    connection."""
    twin = socket.fromfd(conn.fileno(), socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        twin.setblocking(False)
        twin.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        twin.close()


def _cut(conn: connection) -> None:
    """Free the native thread that waits for this connection, even if the server is only stalled.

    Closing the connection would wait for that thread; shutting down its socket makes libpq give up
    at once. The server stops at its statement timeout at the latest.
    """
    with suppress(psycopg2.Error, OSError):
        twin = socket.fromfd(conn.fileno(), socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            twin.shutdown(socket.SHUT_RDWR)
        finally:
            twin.close()
