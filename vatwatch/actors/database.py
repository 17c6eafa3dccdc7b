"""A database behind a breaker, as the store and the history use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import psycopg2

from vatwatch.errors import BreakerOpen, DatabaseUnavailable, SupervisionError
from vatwatch.messages import GetDsn
from vatwatch.operations.status import PoolStatus
from vatwatch.storage.pool import ConnectionPool
from vatwatch.supervision import Actor, Address, BreakerPolicy, Guard, Guarded, Recovery

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

Result = TypeVar("Result")

ASK_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is, and how long it may take. Without a `dsn`: the embedded cluster."""

    dsn: str | None
    connections: int
    timeout_s: float
    breaker: BreakerPolicy

    def open(
        self, actor: Actor, prepare: Callable[[ConnectionPool], None] = lambda _pool: None
    ) -> Database:
        """A database that connects at its first use; `prepare` runs then, before anything else.

        The breaker is the actor's own: the store's must not open because of a question.
        """
        guard = actor.guard(
            f"PostgreSQL ({actor.name})", self.breaker, counts=(DatabaseUnavailable,)
        )
        recovery = actor.recovery("transaction", Guarded(guard))
        return Database(self, actor.address("postgres"), prepare, guard, recovery)


class Database:
    """Runs work in transactions. Whatever is wrong with the database is DatabaseUnavailable.

    It connects at the first use, so that an actor starts with or without it.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        postgres: Address,
        prepare: Callable[[ConnectionPool], None],
        guard: Guard,
        recovery: Recovery,
    ) -> None:
        """For `DatabaseSettings.open`."""
        self._settings = settings
        self._postgres = postgres
        self._prepare = prepare
        self._pool: ConnectionPool | None = None
        self._guard = guard
        self._recovery = recovery

    @property
    def embedded(self) -> bool:
        """Whether it is our own cluster."""
        return self._settings.dsn is None

    @property
    def breaker(self) -> str:
        """The breaker's state."""
        return self._guard.state.value

    @property
    def retry_in_s(self) -> float:
        """When the breaker lets a call through again."""
        return self._guard.retry_in_s

    @property
    def pool(self) -> PoolStatus | None:
        """Its connections; None before the first use."""
        if self._pool is None:
            return None
        stats = self._pool.stats()
        return PoolStatus(**{name: getattr(stats, name) for name in PoolStatus.__struct_fields__})

    def reset(self) -> None:
        """Forget what went wrong: somebody knows that the database is back."""
        self._guard.reset("the database is back")

    def run(self, work: Callable[[connection], Result]) -> Result:
        """Do `work` in a transaction.

        Raises:
            DatabaseUnavailable: it cannot be reached, fails, is too slow, or the breaker is open
            psycopg2.DataError, psycopg2.IntegrityError: it refuses this data
            VatwatchError: what `work` raised
        """
        try:
            return self._recovery.call(lambda: self._try(work))
        except BreakerOpen as error:
            raise DatabaseUnavailable(str(error)) from error

    def close(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _try(self, work: Callable[[connection], Result]) -> Result:
        try:
            if self._pool is None:
                self._pool = self._open()
            return self._pool.run(work)
        except (psycopg2.DataError, psycopg2.IntegrityError):
            raise
        except psycopg2.Error as error:
            # Not the data: a full disk, a lost table, a permission. Somebody may mend it.
            raise DatabaseUnavailable(str(error).strip()) from error

    def _open(self) -> ConnectionPool:
        try:
            dsn = self._settings.dsn or self._postgres.ask(GetDsn(), timeout_s=ASK_TIMEOUT_S)
        except SupervisionError as error:
            raise DatabaseUnavailable(f"the embedded cluster: {error}") from error
        pool = ConnectionPool(
            dsn, size=self._settings.connections, timeout_s=self._settings.timeout_s
        )
        try:
            self._prepare(pool)
        except BaseException:
            pool.close()
            raise
        return pool


def nothing(_conn: connection) -> None:
    """To see whether the database is there."""
