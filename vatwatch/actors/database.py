"""A database behind a breaker, as the store and the history use it."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import psycopg2

from vatwatch.errors import BreakerOpen, DatabaseUnavailable, SupervisionError
from vatwatch.messages import GetDsn
from vatwatch.storage.pool import ConnectionPool
from vatwatch.supervision import Address, BreakerPolicy, Guard

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
        self, postgres: Address, prepare: Callable[[ConnectionPool], None] = lambda _pool: None
    ) -> Database:
        """A database that connects at its first use; `prepare` runs then, before anything else."""
        return Database(self, postgres, prepare)


class Database:
    """Runs work in transactions. Whatever is wrong with the database is DatabaseUnavailable.

    It connects at the first use, so that an actor starts with or without it.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        postgres: Address,
        prepare: Callable[[ConnectionPool], None],
    ) -> None:
        self._settings = settings
        self._postgres = postgres
        self._prepare = prepare
        self._pool: ConnectionPool | None = None
        self._guard = self._new_guard()

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

    def reset(self) -> None:
        """Forget what went wrong: somebody knows that the database is back."""
        self._guard = self._new_guard()

    def run(self, work: Callable[[connection], Result]) -> Result:
        """Do `work` in a transaction.

        Raises:
            DatabaseUnavailable: it cannot be reached, fails, is too slow, or the breaker is open
            psycopg2.DataError, psycopg2.IntegrityError: it refuses this data
            VatwatchError: what `work` raised
        """
        try:
            return self._guard.call(lambda: self._try(work))
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

    def _new_guard(self) -> Guard:
        return Guard("PostgreSQL", self._settings.breaker, monotonic, counts=(DatabaseUnavailable,))


def nothing(_conn: connection) -> None:
    """To see whether the database is there."""
