"""A connection to Redis, with errors that say in plain words what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from redis import exceptions
from redis.client import Pipeline

from vatwatch.config import sentinels
from vatwatch.errors import RedisUnavailable, Superseded
from vatwatch.storage.redis_client import NoMaster, Replication, redis_client, server_of
from vatwatch.supervision.failures import system_words

Result = TypeVar("Result")

# How long to wait for a hanging server before the next live state is tried.
TIMEOUT_S = 2.0
# Others write what is watched once a snapshot, and what is older is found out at the next try.
TRIES = 3

# Errors that are weather, in words for operators; the first match counts. Any other error of Redis
# is a bug: we asked for something that it does not know.
_WEATHER: tuple[tuple[type[exceptions.RedisError], str], ...] = (
    (
        exceptions.AuthenticationError,
        "does not let vatwatch in: the password is missing or wrong. Set "
        "REDIS_URL=redis://:PASSWORD@host, or redis://USER:PASSWORD@host for a named user",
    ),
    (exceptions.AuthorizationError, "does not let vatwatch in: check the user in REDIS_URL"),
    (
        exceptions.NoPermissionError,
        "does not allow this user PING, INFO, or MULTI, EXEC, WATCH, UNWATCH, GET, MGET, SET, DEL, "
        "EXPIRE, XADD, XREAD, RPUSH, LPUSH, BLPOP, BRPOP, LRANGE, LTRIM, LLEN, HSET, HGETALL, "
        "HDEL on vatwatch:*, or PUBLISH, SUBSCRIBE to vatwatch:*",
    ),
    (exceptions.BusyLoadingError, "is loading its data and takes nothing yet"),
    (exceptions.MaxConnectionsError, "has no connection left"),
    (exceptions.OutOfMemoryError, "is full: it has reached its maxmemory"),
    (exceptions.ReadOnlyError, "is a replica and takes no writes"),
    (exceptions.ClusterDownError, "has lost the rest of its cluster"),
    (exceptions.TryAgainError, "is moving its keys"),
    (exceptions.TimeoutError, "gave no answer in time"),
    (exceptions.ConnectionError, "cannot be reached"),
)
# The first word of an error is its code in Redis' protocol; these have no class in redis-py.
_CODES = {
    "MISCONF": "cannot save its data to its disk, and takes no writes",
    "NOREPLICAS": "has too few replicas, and takes no writes",
    # Only for the stream: SET replaces a value of any type.
    "WRONGTYPE": "has something else than a stream under vatwatch:events: delete it (DEL)",
}


def weather(error: exceptions.RedisError) -> str:
    """The text for an error of Redis that is weather; empty if it is a bug."""
    if isinstance(error, NoMaster):
        return str(error)
    for kind, text in _WEATHER:
        if isinstance(error, kind):
            return text
    return _CODES.get(str(error).partition(" ")[0], "")


class PlainPipeline(Pipeline):
    """A pipeline whose errors contain only the server's message.

    redis-py puts the command before the message. Then its first word is not a code, and what we
    write into Redis would be in the log.
    """

    def annotate_exception(self, exception: Exception, number: int, command: object) -> None:
        """Leave the message as it is."""


class RedisConnection:
    """A pool of connections. Raises redis.RedisError as it comes; nothing is retried."""

    def __init__(self, url: str) -> None:
        self._redis = redis_client(url, TIMEOUT_S, self._note)
        address = sentinels.read(url)
        self._name = f"Redis at {self.server}" if address is None else f"Redis ({address.service})"
        self.data_set = ""
        """Which data the latest connection has led to, as far as that is known. Another server has
        another one, and one that was restarted. What was written before need not be there."""
        self.losses = 0
        """How often a connection was lost, or could not be made."""

    @property
    def server(self) -> str:
        """Where the server is; empty while sentinels have not named one."""
        return server_of(self._redis.connection_pool)

    def transaction(self) -> PlainPipeline:
        """Commands that are carried out together, or none of them."""
        server = self._redis
        return PlainPipeline(server.connection_pool, server.response_callbacks, True, None)

    def write_in_turn(
        self,
        key: str,
        number: int,
        number_in: Callable[[bytes], int],
        fill: Callable[[PlainPipeline], None],
    ) -> list[Any]:
        """Carry out what `fill` puts into a transaction, which writes `key`, too, unless somebody
        has written that under a higher number: a process that stood still may go on where it was.

        Args:
            key: says who has written
            number: our own
            number_in: the number in what is in `key`
            fill: may be called again

        Raises:
            Superseded: somebody has
        """
        for left in reversed(range(TRIES)):
            pipeline = self.transaction()
            try:
                pipeline.watch(key)  # type: ignore[no-untyped-call]
                raw = cast("bytes | None", pipeline.get(key))
                found = 0 if raw is None else number_in(raw)
                if found > number:
                    raise Superseded(found)
                pipeline.multi()
                fill(pipeline)
                return list(pipeline.execute())
            except exceptions.WatchError:
                if not left:
                    raise
            finally:
                pipeline.reset()
        raise AssertionError("the last try has raised")

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    def plainly(self, work: Callable[[], Result]) -> Result:
        """Do `work`, which calls the methods above.

        Raises:
            RedisUnavailable: weather: Redis is away, full, or does not let us in
            redis.RedisError: it refuses the request, which is a bug
        """
        try:
            return work()
        except exceptions.RedisError as error:
            told = self.plain(error)
            if told is error:
                raise
            # Raised without its cause, since redis-py's text may quote the address.
            raise told from None

    def plain(self, error: exceptions.RedisError) -> Exception:
        """The error to raise: RedisUnavailable if it is weather, the error itself if it is a
        bug."""
        text = weather(error)
        if not text:
            return error
        if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
            self.losses += 1
        why = system_words(error)
        return RedisUnavailable(f"{self._name} {text}{f' ({why})' if why else ''}")

    def _note(self, replication: Replication) -> None:
        # A promoted replica takes another one, and each server at its start.
        self.data_set = replication.get("master_replid", "")
