"""A database behind a breaker, as the store, the history, the keys and the
subscriptions use it.

They share what they learn: the first one that finds the database back closes the breakers of the
others at once and tells them (`DatabaseReturned`), so none of them waits for its timeout.
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import gevent
import psycopg2
from gevent.lock import BoundedSemaphore

from vatwatch.actors.breakers import database_policy
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import (
    BreakerOpen,
    DatabaseBroken,
    DatabaseConflict,
    DatabaseUnavailable,
    SupervisionError,
)
from vatwatch.messages import DatabaseReturned, GetDsn
from vatwatch.messages.pool_status import PoolStatus
from vatwatch.storage.migrate import is_current
from vatwatch.storage.pool import ConnectionPool, was_lost
from vatwatch.storage.weather import Verdict, judge, said
from vatwatch.supervision import Actor, Address, CircuitBreaker, Recovery, WithBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

Result = TypeVar("Result")

ASK_TIMEOUT_S = 60.0
# Tries if another transaction is in the way: a deadlock's victim succeeds at the second.
CONFLICT_TRIES = 3
# The actors that have their own breaker around the database.
USERS = ("store", "history", "keys", "subscriptions", "handover", "refill")
# Making the tables takes a second; changing large ones takes longer than a question waits.
SCHEMA_S = 10.0
SCHEMA_POLL_S = 0.1


def open_database(
    actor: Actor,
    settings: DatabaseSettings,
    breaker: BreakerSettings,
    *,
    connections: int,
    prepare: Callable[[ConnectionPool], None] = lambda _pool: None,
) -> Database:
    """A database that connects at its first use. It first calls `prepare` then.

    `connections`: how many this actor may have open at once. The breaker is the actor's own: the
    store's must not open because of a question.
    """
    circuit_breaker = actor.circuit_breaker(
        f"PostgreSQL ({actor.name})",
        database_policy(breaker, settings),
        failure_types=(DatabaseUnavailable,),
    )
    recovery = actor.recovery("transaction", WithBreaker(circuit_breaker))

    def tell_the_others() -> None:
        others = [name for name in USERS if name != actor.name]
        names = {f"PostgreSQL ({name})" for name in others}
        for one in actor.circuit_breakers.all():
            if one.name in names:
                one.reset("the database is back")
        for address in map(actor.address, others):
            if address.alive():  # an actor that starts later tries by itself
                address.offer(DatabaseReturned())

    address = partial(_address, settings, actor.address("postgres"))
    return Database(
        settings, connections, address, prepare, circuit_breaker, recovery, tell_the_others
    )


def open_replica(
    actor: Actor, settings: DatabaseSettings, breaker: BreakerSettings, *, connections: int
) -> Database:
    """The database of `read_url`, which is only read. It has a breaker of its own."""
    circuit_breaker = actor.circuit_breaker(
        "PostgreSQL (replica)",
        database_policy(breaker, settings),
        failure_types=(DatabaseUnavailable,),
    )
    recovery = actor.recovery("read", WithBreaker(circuit_breaker))
    url = settings.read_url
    assert url is not None
    return Database(
        settings,
        connections,
        url.get_secret_value,
        _expect_schema_now,
        circuit_breaker,
        recovery,
        on_return=lambda: None,
        reads=True,
    )


def _address(settings: DatabaseSettings, postgres: Address) -> str:
    if settings.url is not None:
        return settings.url.get_secret_value()
    try:
        return postgres.ask(GetDsn(), timeout_s=ASK_TIMEOUT_S)
    except SupervisionError as error:
        raise DatabaseUnavailable(f"the embedded PostgreSQL does not run: {error}") from error


class Database:
    """Runs work in transactions; raises DatabaseUnavailable while the database is away.

    It connects at the first use, so an actor can start without the database.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        connections: int,
        address: Callable[[], str],
        prepare: Callable[[ConnectionPool], None],
        circuit_breaker: CircuitBreaker,
        recovery: Recovery,
        on_return: Callable[[], None],
        *,
        reads: bool = False,
    ) -> None:
        """For `open_database` and `open_replica`. `on_return` is called when it answers after a
        failure."""
        self._settings = settings
        self._connections = connections
        self._address = address
        self._reads = reads
        self._prepare = prepare
        self._pool: ConnectionPool | None = None
        self._opening = BoundedSemaphore(1)
        self._circuit_breaker = circuit_breaker
        self._recovery = recovery
        self._on_return = on_return
        self._cause = ""

    @property
    def embedded(self) -> bool:
        """Whether it is our own cluster."""
        return self._settings.is_embedded

    @property
    def breaker(self) -> str:
        """The breaker's state."""
        return self._circuit_breaker.state.value

    @property
    def retry_in_s(self) -> float:
        """When the breaker lets a call through again."""
        return self._circuit_breaker.retry_in_s

    @property
    def pool(self) -> PoolStatus | None:
        """Its connections; None before the first use."""
        if self._pool is None:
            return None
        stats = self._pool.stats()
        return PoolStatus(**{name: getattr(stats, name) for name in PoolStatus.__struct_fields__})

    def change(self, settings: DatabaseSettings, breaker: BreakerSettings) -> None:
        """Take over another timeout and other thresholds; the connections stay."""
        self._settings = settings
        self._circuit_breaker.use_policy(database_policy(breaker, settings))
        if self._pool is not None:
            self._pool.timeout_s = settings.timeout_s

    def reset(self) -> None:
        """Close the breaker: another part has found that the database is back."""
        self._circuit_breaker.reset("the database is back")

    def run(self, work: Callable[[connection], Result]) -> Result:
        """Do `work` in a transaction.

        It may be done twice: if the connection is lost at the commit, nobody knows whether that was
        done. So what writes must have a key, by which a repetition changes nothing.

        Raises:
            DatabaseUnavailable: weather: it cannot be reached, fails, is too slow; while the
                breaker is open, with the text of the failure that opened it
            DatabaseBroken: the schema or the program is wrong, whatever the values are
            psycopg2.Error: it refuses these values
            VatwatchError: what `work` raised
        """
        try:
            result = self._recovery.call(lambda: self._try(work))
        except BreakerOpen as error:
            # If the breaker was open before this incarnation, its text is all that is known of the
            # failure.
            remembered = self._circuit_breaker.info().last_failure.partition(": ")[2]
            self._cause = self._cause or remembered or str(error)
            raise DatabaseUnavailable(self._cause) from error
        except DatabaseUnavailable as error:
            self._cause = str(error)
            raise
        except (DatabaseBroken, psycopg2.Error):
            self._answered()
            raise
        self._answered()
        return result

    def _answered(self) -> None:
        if self._cause:
            self._cause = ""
            self._on_return()

    def tell_the_others(self) -> None:
        """Let the others try at once, too: the database is back, or its schema is complete now."""
        self._on_return()

    def drop(self) -> None:
        """Use none of the present connections any longer; work on them fails at once."""
        if self._pool is not None:
            self._pool.drop()

    def close(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _try(self, work: Callable[[connection], Result]) -> Result:
        try:
            return self._try_once(work)
        except DatabaseUnavailable as error:
            if self._reads or not was_lost(error):
                raise
            # Often only the answer is lost, or another host has taken over.
            return self._try_once(work)

    def _try_once(self, work: Callable[[connection], Result]) -> Result:
        pool = self._opened()
        for tries_left in reversed(range(CONFLICT_TRIES)):
            try:
                return pool.run(work)
            except DatabaseConflict:
                if not tries_left:
                    raise
            except psycopg2.Error as error:
                if judge(error, closed=False) is not Verdict.BROKEN:
                    raise
                raise DatabaseBroken(
                    f"PostgreSQL cannot do what vatwatch asks of it: {said(error)}",
                    error.pgcode or "",
                ) from error
        raise AssertionError("CONFLICT_TRIES is at least 1")

    def _opened(self) -> ConnectionPool:
        """The pool. Several greenlets may ask for it at once; only one opens it."""
        if self._pool is None:
            with self._opening:
                if self._pool is None:
                    self._pool = self._open()
        return self._pool

    def _open(self) -> ConnectionPool:
        pool = ConnectionPool(
            self._address(),
            size=self._connections,
            timeout_s=self._settings.timeout_s,
            reads=self._reads,
        )
        try:
            self._prepare(pool)
        except psycopg2.Error as error:
            # No snapshot is being written yet, so none is to blame for what the server refuses
            # here.
            pool.close()
            raise DatabaseBroken(
                f"PostgreSQL does not take the schema: {said(error)}", error.pgcode or ""
            ) from error
        except BaseException:
            pool.close()
            raise
        return pool


def nothing(_conn: connection) -> None:
    """A query that only shows whether the database answers."""


def expect_schema(pool: ConnectionPool) -> None:
    """At the first start the store makes the tables; a question before that waits for them."""
    deadline = monotonic() + SCHEMA_S
    while not pool.run(is_current):
        if monotonic() > deadline:
            raise DatabaseUnavailable("the schema of the database is not up to date yet")
        gevent.sleep(SCHEMA_POLL_S)


def _expect_schema_now(pool: ConnectionPool) -> None:
    """A replica gets the tables from its primary, which answers meanwhile."""
    if not pool.run(is_current):
        raise DatabaseUnavailable("the schema of the replica is not up to date yet")
