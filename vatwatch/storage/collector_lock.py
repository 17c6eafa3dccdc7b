"""The lock of the process that collects: one of several on one PostgreSQL holds it.

It is a session's advisory lock, so it ends with its session. The server ends that when its holder
is killed, and also when it beats no more (`idle_session_timeout`): when it stands still, or behind
a cut link. The holder counts itself out earlier, by its own clock. What it has begun to write by
then is refused by the epoch (`storage.collector_epoch`).

A native thread of its own connects, waits and beats, since neither a hub that is busy for a second
nor a long COPY may cost the lock. It does not log, tell or touch the hub, except by one thread-safe
call. If the hub is blocked for longer, so that nothing else goes on either, it gives the lock back.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent
import psycopg2
from gevent.monkey import get_original
from psycopg2.errorcodes import QUERY_CANCELED

from vatwatch.errors import DatabaseUnavailable, LockRefused
from vatwatch.storage.connecting import connect
from vatwatch.storage.pooler import Pooler, pooler_of
from vatwatch.storage.reachability import name_of, why_not
from vatwatch.storage.weather import said

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# The originals from before gevent's patches, for the thread.
_start_native: Callable[..., int] = get_original("_thread", "start_new_thread")
_native_lock: Callable[[], Any] = get_original("_thread", "allocate_lock")
_native_select: Callable[..., object] = get_original("select", "select")
_native_socket: type[socket.socket] = get_original("socket", "socket")

NAME = "vatwatch collector"
# Any number; its bytes are "vatc". The second half of the lock is the schema, as there may be
# several vatwatch in one database.
COLLECTOR_LOCK = 0x7661_7463
BEAT_S = 0.2
# A holder whose latest answered beat was sent longer ago counts itself out.
LEASE_S = 1.0
# A hub that has not run for so long is blocked. It may be: a snapshot of 2,000 pilots holds it for
# some hundredths of that.
HUB_S = 1.5
# When the server ends the session. Later than the lease by more than any clock drifts in it.
SESSION_S = 1.5
# A wait is begun again after so long: a statement that waits keeps what was deleted since then from
# being cleaned up, in the whole database.
WAIT_S = 30
# Of each host of the address.
CONNECT_S = 3
# A cut link is noticed after this.
LINK = {
    "keepalives": 1,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 2000,
}
# Of pgbouncer, about an option that it does not know.
POOLER_SAYS = "unsupported startup parameter"
# Between two tries.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0
POLL_S = 0.05
# How long `close` waits for the thread. The lock is free before.
CLOSE_S = 2.0
OLDEST = 140_000

_PREPARE = f"""
SELECT set_config(name, CASE name WHEN 'idle_session_timeout' THEN '{int(SESSION_S * 1000)}'
                                  WHEN 'statement_timeout' THEN '{WAIT_S * 1000}'
                                  ELSE '0' END, false)
FROM pg_settings WHERE name IN
    ('idle_session_timeout', 'statement_timeout', 'lock_timeout', 'transaction_timeout')
"""
_TAKE = "SELECT pg_advisory_lock(%s, hashtext(coalesce(current_schema()::text, '')))"
_BEAT = "SELECT pg_backend_pid()"


class LockPhase(Enum):
    """What the lock's thread is at."""

    CONNECTING = "connecting"
    WAITING = "waiting"
    HELD = "held"


class Term:
    """One time of holding the lock, from taking it to losing it. Any thread may ask."""

    __slots__ = ("ended", "sent_at")

    def __init__(self, sent_at: float) -> None:
        self.sent_at = sent_at
        """When (monotonic) the latest beat that was answered was sent."""
        self.ended = ""
        """Why it is over; empty while it is not, or nobody has noticed."""

    def holds(self) -> bool:
        """Whether the lock is held at this moment."""
        return not self.ended and monotonic() - self.sent_at < LEASE_S


@dataclass(frozen=True, slots=True)
class LockState:
    """What is known of the lock."""

    phase: LockPhase
    term: Term | None = None
    """The latest one; None before the first."""
    why_not: str = ""
    """Why there is no connection, a sentence for operators without a final stop; empty if there is
    one, or none was tried."""
    refused: bool = False
    """Whether that stays so until somebody changes something: `LockRefused`."""


# Those that are not closed, by address and node. A successor closes what an actor that was killed
# has left.
_open: dict[tuple[str, str], CollectorLock] = {}


class CollectorLock:
    """Takes the lock as soon as it is free, again and again, until `close`.

    Use it from the thread that created it; what `Term` and `state` tell, any thread may ask.
    """

    def __init__(
        self, dsn: str, *, node: str, on_move: Callable[[], None], setting: str = "DATABASE_URL"
    ) -> None:
        """
        Args:
            dsn: leads to PostgreSQL itself, past a pooler
            node: what this process calls itself; of two locks of one node the later one stays
            on_move: called on the hub when `state` has changed, perhaps more than once, or when the
                term is over; must not wait
            setting: where the address is from
        """
        self._dsn = dsn
        self._name = name_of(dsn)
        self._on_move = on_move
        self._setting = setting
        self._state = LockState(LockPhase.CONNECTING)
        self._not_before = 0.0
        self._pause_s = FIRST_PAUSE_S
        # Held for moments only, never while something blocks.
        self._guard = _native_lock()
        self._twin: socket.socket | None = None
        self._cut = False
        self._closed = False
        self._ended = False
        # When (monotonic) the hub was last seen to run.
        self._hub_at = monotonic()
        before = _open.get((dsn, node))
        if before is not None:
            before.close()
        self._key = (dsn, node)
        _open[self._key] = self
        self._moved = gevent.get_hub().loop.async_(ref=False)
        self._moved.start(self._on_move)
        self._watch = gevent.spawn(self._watch_lease)
        _start_native(self._run, ())

    @property
    def state(self) -> LockState:
        """What is known now."""
        return self._state

    @property
    def held(self) -> bool:
        """Whether the lock is held at this moment."""
        term = self._state.term
        return term is not None and term.holds()

    def release(self, *, again_in_s: float = 0.0) -> None:
        """Give the lock back at once, and queue for it again in so many seconds, at the end."""
        with self._guard:
            self._not_before = monotonic() + again_in_s
            self._end("it was given back")

    def close(self) -> bool:
        """Give the lock back at once, and end. Can be called again.

        Returns:
            whether the thread has ended. If not, it waits for a name or a host that does not
            answer; it takes nothing any more
        """
        with self._guard:
            self._end("it was given back")
            if not self._closed:
                self._closed = True
                self._moved.stop()
                self._moved.close()
        if _open.get(self._key) is self:
            del _open[self._key]
        self._watch.kill(block=False)
        deadline = monotonic() + CLOSE_S
        while not self._ended and monotonic() < deadline:
            gevent.sleep(POLL_S / 5)
        return self._ended

    def _watch_lease(self) -> None:
        """On the hub: the thread may be waiting for the answer to a beat."""
        while True:
            self._hub_at = monotonic()
            gevent.sleep(BEAT_S)
            term = self._state.term
            if term is None or term.ended or term.holds():
                continue
            with self._guard:
                if not term.ended:  # the thread begins no other term before it has ended this one
                    self._end(_no_beat())
            self._on_move()

    def _end(self, why: str) -> None:
        """End the term and the session, whatever the thread waits for. Needs the guard."""
        term = self._state.term
        if term is not None and not term.ended:
            term.ended = why
        if self._twin is not None:
            self._cut = True
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    # --- in the thread

    def _run(self) -> None:
        try:
            while not self._closed:
                self._try()
                self._pause()
        finally:
            self._ended = True

    def _try(self) -> None:
        """Hold the lock once, or find out why not."""
        trouble, refused = "", False
        conn: connection | None = None
        try:
            self._require_hub()
            conn = self._connect()
            if self._own(conn):
                self._set(LockState(LockPhase.WAITING, self._state.term))
                process = self._take(conn)
                self._pause_s = FIRST_PAUSE_S
                self._hold(conn, process)
        except DatabaseUnavailable as error:
            trouble, refused = str(error), isinstance(error, LockRefused)
        except psycopg2.Error as error:
            trouble = "" if self._cut else self._lost(error)
        except Exception as error:  # noqa: BLE001 - a bug; the thread must go on, and say it
            trouble = f"a bug in vatwatch: {error!r}"
        finally:
            self._drop(conn)
        term = self._state.term
        if term is not None and not term.ended:
            term.ended = trouble
        self._set(LockState(LockPhase.CONNECTING, term, trouble, refused))

    def _connect(self) -> connection:
        try:
            conn = connect(
                self._dsn,
                application_name=NAME,
                statement_timeout_s=CONNECT_S,
                connect_timeout_s=CONNECT_S,
                wins={**LINK, "application_name": NAME},
            )
        except psycopg2.Error as error:
            if POOLER_SAYS in str(error):
                what = "a pooler, which refuses the options of sessions"
                raise _in_the_way(self._name, what) from None
            raise DatabaseUnavailable(why_not(self._dsn, error, self._setting)) from None
        conn.autocommit = True
        return conn

    def _own(self, conn: connection) -> bool:
        """Let `_end` reach this session from now on; False: nobody wants it any more."""
        with self._guard:
            if self._closed or monotonic() < self._not_before:
                return False
            self._cut = False
            self._twin = _native_socket(fileno=os.dup(conn.fileno()))
            return True

    def _take(self, conn: connection) -> int:
        """Wait for the lock. Returns the server's process that holds it for us."""
        if refusal := too_old(conn.info.server_version):
            raise LockRefused(f"{self._name} {refusal}")
        if _ask(conn, "SELECT pg_is_in_recovery()"):
            raise DatabaseUnavailable(f"{self._name} is a standby")
        if (pooler := pooler_of(self._dsn, conn)) not in (Pooler.NONE, Pooler.SESSION):
            mode = (
                "mode that cannot be told" if pooler is Pooler.UNKNOWN else f"{pooler.value} mode"
            )
            raise _in_the_way(self._name, f"a pooler in {mode}")
        _ask(conn, _PREPARE)
        while True:
            try:
                _ask(conn, _TAKE, COLLECTOR_LOCK)
                break
            except psycopg2.Error as error:
                if error.pgcode != QUERY_CANCELED:
                    raise
        return int(_ask(conn, _BEAT))

    def _hold(self, conn: connection, process: int) -> None:
        """Beat until the term is over."""
        term: Term | None = None
        while True:
            self._require_hub()
            sent_at = monotonic()
            if _ask(conn, _BEAT) != process:
                raise _in_the_way(self._name, "a pooler that changes a session's server")
            if term is None:
                # The wait was answered at some time before; only a beat says that it is held now.
                term = Term(sent_at)
                self._set(LockState(LockPhase.HELD, term))
            elif not term.holds():
                raise DatabaseUnavailable(_no_beat())
            else:
                term.sent_at = sent_at
            _native_select((), (), (), BEAT_S)

    def _require_hub(self) -> None:
        """Raises DatabaseUnavailable if the hub is blocked: it could do nothing with the lock."""
        if monotonic() - self._hub_at > HUB_S:
            raise DatabaseUnavailable(f"the hub of this process was blocked for {HUB_S:g} s")

    def _lost(self, error: psycopg2.Error) -> str:
        if error.pgcode is None:
            return f"the connection to {self._name} was lost"
        return f"{self._name} says: {said(error)}"

    def _drop(self, conn: connection | None) -> None:
        with self._guard:
            twin, self._twin = self._twin, None
        if conn is not None:
            conn.close()
        if twin is not None:
            twin.close()

    def _set(self, state: LockState) -> None:
        with self._guard:
            changed = state != self._state
            self._state = state
            if changed and not self._closed:
                self._moved.send()

    def _pause(self) -> None:
        until = max(self._not_before, monotonic() + self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        while not self._closed and (left_s := max(until, self._not_before) - monotonic()) > 0:
            _native_select((), (), (), min(POLL_S, left_s))


def too_old(version: int) -> str:
    """Why a PostgreSQL of this version (as libpq has it: 150018 is 15.18) cannot keep the lock;
    empty if it can."""
    if version >= OLDEST:
        return ""
    return (
        f"is older than version {OLDEST // 10_000}, and would keep the lock for a process that "
        "stands still: upgrade the server"
    )


def _in_the_way(name: str, what: str) -> LockRefused:
    return LockRefused(
        f"between vatwatch and {name} stands {what}, and a lock through it is nobody's: let "
        "DATABASE_LOCK_URL lead to PostgreSQL itself"
    )


def _no_beat() -> str:
    return (
        f"no beat was answered for {LEASE_S:g} s: the process, the link or the server stood still"
    )


def _ask(conn: connection, query: str, *values: object) -> Any:
    with conn.cursor() as cur:
        cur.execute(query, values or None)
        row = cur.fetchone()
        assert row is not None
        return row[0]
