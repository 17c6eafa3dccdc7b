"""The live state in Redis, for whoever reads it there: other workers, other programs.

Keys are `vatwatch:live:<collection>` (JSON) and `vatwatch:live:<collection>:gzip`, each with the
TTL of its collection, so that what has grown old is not there any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from vatwatch.errors import RedisUnavailable
from vatwatch.live.records import Body, Collection
from vatwatch.supervision.failures import system_words

Result = TypeVar("Result")

# A mirror must not keep the live state waiting.
TIMEOUT_S = 2.0


# Weather, and what an operator does about it. The first that fits; the rest of what Redis says is a
# bug: we asked for something that it does not know.
_WEATHER: tuple[tuple[type[exceptions.RedisError], str], ...] = (
    (
        exceptions.AuthenticationError,
        "does not let vatwatch in: the password is missing or wrong. Set "
        "REDIS_URL=redis://:PASSWORD@host, or redis://USER:PASSWORD@host for a named user",
    ),
    (exceptions.AuthorizationError, "does not let vatwatch in: check the user in REDIS_URL"),
    (
        exceptions.NoPermissionError,
        "does not allow this user PING, INFO, or MULTI with SET on vatwatch:live:*",
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
}


def weather(error: exceptions.RedisError) -> str:
    """What to tell of an error of Redis; empty if it is a bug, and no weather."""
    for kind, text in _WEATHER:
        if isinstance(error, kind):
            return text
    return _CODES.get(str(error).partition(" ")[0], "")


class RedisMirror:
    """Writes the live state to Redis. Raises redis.RedisError as it comes; nothing is retried."""

    def __init__(self, url: str, ttl_s: Mapping[Collection, int]) -> None:
        # Its own defaults make one call to a server that is away cost four seconds of retries.
        self._redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._ttl_s = ttl_s
        where = self._redis.connection_pool.connection_kwargs
        # Of what the address leaves out redis-py knows only its own defaults.
        network = f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
        self._name = f"Redis at {where.get('path') or network}"

    def ping(self) -> None:
        """See whether it is there."""
        self._redis.ping()

    def used_memory(self) -> int | None:
        """Bytes of the whole server, as it says itself; None if it does not say."""
        used = self._redis.info("memory").get("used_memory")
        return None if used is None else int(used)

    def write(self, bodies: Mapping[Collection, Body]) -> None:
        """Write every collection, all or none."""
        pipeline = self._redis.pipeline(transaction=True)
        for collection, body in bodies.items():
            key, ttl_s = f"vatwatch:live:{collection.value}", self._ttl_s[collection]
            pipeline.set(key, body.plain, ex=ttl_s)
            pipeline.set(f"{key}:gzip", body.gzipped, ex=ttl_s)
        pipeline.execute()

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    def plainly(self, work: Callable[[], Result]) -> Result:
        """Do `work`, which calls the methods above.

        Raises:
            RedisUnavailable: weather: Redis is away, full, or does not let us in
            redis.RedisError: it refuses what was asked, which is a bug
        """
        try:
            return work()
        except exceptions.RedisError as error:
            text = weather(error)
            if not text:
                raise
            why = system_words(error)
            # Without its cause: redis-py's words may quote the address.
            raise RedisUnavailable(f"{self._name} {text}{f' ({why})' if why else ''}") from None
