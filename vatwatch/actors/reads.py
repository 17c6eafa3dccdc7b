"""Where questions about the past go: to a replica while it is well, else to the primary.

Two connections of its own look at both servers every second, so a replica that is away, stands
still or lags is known before many questions have waited for it. What it has begun to answer then is
asked of the primary again: a reader sees a slower answer, and no error.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import psycopg2
from psycopg2 import errorcodes

from vatwatch.actors.database import Database, open_replica
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import DatabaseUnavailable, StorageError
from vatwatch.messages.reads_status import ReadsStatus
from vatwatch.redaction import storable
from vatwatch.storage.connecting import HOST_S, count_hosts
from vatwatch.storage.pool import ConnectionPool
from vatwatch.storage.reachability import name_of
from vatwatch.storage.replication import LogPosition, ReplicaLag, log_position
from vatwatch.supervision import Actor
from vatwatch.supervision.failures import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

Result = TypeVar("Result")

# Seconds between two looks, and how long a connected server may take to answer one.
LOOK_EVERY_S = 1.0
LOOK_S = 2.0


class Reads:
    """The replica of a reader, and the primary that it falls back to."""

    def __init__(
        self,
        actor: Actor,
        settings: DatabaseSettings,
        breaker: BreakerSettings,
        primary: Database,
        *,
        connections: int,
    ) -> None:
        """`settings` have a `read_url`. `connections`: how many questions a replica gets at
        once."""
        assert settings.read_url is not None
        assert settings.url is not None
        address = settings.read_url.get_secret_value()
        self._max_lag_s = settings.read_max_lag_s
        self._server = name_of(address)
        self._primary = primary
        self._replica = open_replica(actor, settings, breaker, connections=connections)
        self._looks = {
            False: _pool_to_look(settings.url.get_secret_value(), reads=False),
            True: _pool_to_look(address, reads=True),
        }
        self._lag = ReplicaLag()
        self._lag_s: float | None = None
        self._looked = self._lost = False
        self._reason = "it has not been looked at yet"
        self._since: datetime | None = None
        self.fallbacks = 0
        """Questions that the primary has answered since the replica could not."""

    @property
    def reason(self) -> str:
        """Why the primary answers; empty if the replica does, or nobody has looked yet."""
        return self._reason if self._looked else ""

    def status(self) -> ReadsStatus:
        """How it is now."""
        return ReadsStatus(
            answers="primary" if self._reason else "replica",
            reason=self._reason,
            since=self._since,
            server=self._server,
            lag_s=None if self._lag_s is None else round(self._lag_s, 3),
            breaker=self._replica.breaker,
            pool=self._replica.pool,
        )

    def change(self, settings: DatabaseSettings, breaker: BreakerSettings) -> None:
        """Take over another greatest lag, timeout and thresholds; the connections stay."""
        self._max_lag_s = settings.read_max_lag_s
        self._replica.change(settings, breaker)

    def run(self, work: Callable[[connection], Result]) -> Result:
        """Do `work`, which only reads, in a transaction on the replica or else on the primary.

        Raises what `Database.run` of the primary raises.
        """
        if not self._reason:
            try:
                answer = self._replica.run(lambda conn: _unless_canceled(conn, work))
            except DatabaseUnavailable as error:
                if not self._reason:  # a look may have found out why, and cut this off
                    self._falls_back(text_of(error))
            except (StorageError, psycopg2.Error):
                pass  # if the work itself is wrong, the primary says so, too
            else:
                if answer:
                    return answer[0]
        if self._looked:
            self.fallbacks += 1
        return self._primary.run(work)

    def look(self) -> None:
        """Look at both servers, and decide who answers. Waits for them."""
        # If the primary is away, its users report it; the replica is held against what was last
        # seen of it.
        with suppress(StorageError, psycopg2.Error):
            self._lag.primary_seen(self._ask(reads=False), monotonic())
        try:
            found = self._ask(reads=True)
        except (StorageError, psycopg2.Error) as error:
            self._lag_s = None
            self._lost = True
            self._falls_back(text_of(error))
            # What is on its way there would wait for the whole time limit.
            self._replica.drop()
        else:
            self._judge(found)
        self._looked = True

    def close(self) -> None:
        """Give the connections back."""
        self._replica.close()
        for pool in self._looks.values():
            pool.close()

    def _ask(self, *, reads: bool) -> LogPosition:
        pool = self._looks[reads]
        return pool.run(log_position, timeout_s=LOOK_S if pool.stats().idle else None)

    def _judge(self, found: LogPosition) -> None:
        self._lag_s = self._lag.behind_s(found, monotonic())
        if self._lag.is_of_another(found):
            self._lag_s = None
            self._falls_back("it is not a replica of the server in DATABASE_URL")
        elif self._lag_s is not None and self._lag_s > self._max_lag_s:
            self._falls_back(f"it is {self._lag_s:.0f} s behind, and may be {self._max_lag_s:g} s")
        elif self._replica.retry_in_s:
            self._falls_back(self._reason or "its breaker is open")
        else:
            if self._lost:
                self._replica.reset()
            self._lost = False
            self._reason, self._since = "", None

    def _falls_back(self, reason: str) -> None:
        self._reason = storable(reason)
        if self._since is None:
            self._since = datetime.now(UTC)


def _pool_to_look(address: str, *, reads: bool) -> ConnectionPool:
    """One connection. Making it may take as long as each of the hosts takes."""
    limit_s = LOOK_S + HOST_S * count_hosts(address)
    return ConnectionPool(address, size=1, timeout_s=limit_s, reads=reads)


def _unless_canceled(
    conn: connection, work: Callable[[connection], Result]
) -> tuple[Result] | tuple[()]:
    """The result; nothing if the replica had to cancel the work, as the primary has deleted what it
    was reading. That is no fault of the replica, so its breaker does not hear of it."""
    try:
        return (work(conn),)
    except psycopg2.Error as error:
        if (error.pgcode or "")[:2] != errorcodes.CLASS_TRANSACTION_ROLLBACK or conn.closed:
            raise
        conn.rollback()
        return ()
