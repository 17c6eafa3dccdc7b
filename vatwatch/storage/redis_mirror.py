"""Everything that vatwatch keeps in Redis, for its own start and for other programs.

- `vatwatch:live:<collection>` (JSON) and `vatwatch:live:<collection>:gzip`: the live state
- `vatwatch:config`: the settings in force, as `GET /api/config` shows them
- `vatwatch:events`: a stream of the latest events, oldest first; its length is bounded

Each key has a TTL, so old values disappear. (Rates of writes are counted in keys of the
library `limits`: `http/rates.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import msgspec
from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from vatwatch.errors import RedisUnavailable
from vatwatch.events.event import Event
from vatwatch.feed.times import time_text
from vatwatch.live.encoding import etag_of
from vatwatch.live.records import Body, Collection
from vatwatch.supervision.failures import system_words

Result = TypeVar("Result")
# The types that redis-py accepts.
_Field: TypeAlias = bytes | bytearray | memoryview | str | int | float

# How long to wait for a hanging server before the next live state is tried.
TIMEOUT_S = 2.0
CONFIG_KEY = "vatwatch:config"
EVENTS_KEY = "vatwatch:events"

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
        "does not allow this user PING, INFO, or MULTI, MGET, SET, XADD, EXPIRE on vatwatch:*",
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
    for kind, text in _WEATHER:
        if isinstance(error, kind):
            return text
    return _CODES.get(str(error).partition(" ")[0], "")


class _Pipeline(Pipeline):
    """A pipeline whose errors contain only the server's message.

    redis-py puts the command before the message. Then its first word is not a code, and what we
    write into Redis would be in the log.
    """

    def annotate_exception(self, exception: Exception, number: int, command: object) -> None:
        """Leave the message as it is."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long keys live in Redis after they were last written, in seconds."""

    live: Mapping[Collection, int]
    configuration: int
    events: int


class RedisMirror:
    """Reads and writes Redis. Raises redis.RedisError as it comes; nothing is retried."""

    def __init__(self, url: str, ttl_s: Lifetimes) -> None:
        """`ttl_s` can be changed later by the attribute of this name."""
        # With redis-py's defaults, one call to a server that is away takes four seconds of retries.
        self._redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self.ttl_s = ttl_s
        where = self._redis.connection_pool.connection_kwargs
        # For what the address does not say, redis-py shows only its own defaults.
        network = f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
        self._name = f"Redis at {where.get('path') or network}"

    def ping(self) -> None:
        """Ping Redis; returns when the answer has come. Raises redis.RedisError."""
        self._redis.ping()

    def used_memory(self) -> int | None:
        """Memory of the whole server in bytes, as it reports; None if it does not."""
        used = self._redis.info("memory").get("used_memory")
        return None if used is None else int(used)

    def write(self, bodies: Mapping[Collection, Body], configuration: bytes = b"") -> None:
        """Write every collection and the configuration (JSON), all or none."""
        pipeline = self._transaction()
        for collection, body in bodies.items():
            key, ttl_s = _key(collection), self.ttl_s.live[collection]
            pipeline.set(key, body.plain, ex=ttl_s)
            pipeline.set(f"{key}:gzip", body.gzipped, ex=ttl_s)
        if configuration:
            pipeline.set(CONFIG_KEY, configuration, ex=self.ttl_s.configuration)
        pipeline.execute()

    def read(self) -> dict[Collection, Body]:
        """The collections that Redis still has, without expired ones."""
        wanted = list(Collection)
        keys = [key for one in wanted for key in (_key(one), f"{_key(one)}:gzip")]
        values = cast("list[bytes | None]", self._redis.mget(keys))
        return {
            one: Body(plain, gzipped, etag_of(gzipped))
            for one, plain, gzipped in zip(wanted, values[::2], values[1::2], strict=True)
            if plain is not None and gzipped is not None
        }

    def add_events(self, events: Sequence[Event], length: int) -> None:
        """Append to the stream, all or none. Beyond about `length` entries the oldest are
        dropped."""
        pipeline = self._transaction()
        for event in events:
            pipeline.xadd(EVENTS_KEY, _fields(event), maxlen=length, approximate=True)
        pipeline.expire(EVENTS_KEY, self.ttl_s.events)
        pipeline.execute()

    def _transaction(self) -> _Pipeline:
        server = self._redis
        return _Pipeline(server.connection_pool, server.response_callbacks, True, None)

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
        why = system_words(error)
        return RedisUnavailable(f"{self._name} {text}{f' ({why})' if why else ''}")


def _key(collection: Collection) -> str:
    return f"vatwatch:live:{collection.value}"


def _fields(event: Event) -> dict[_Field, _Field]:
    return {
        "id": str(event.id),
        "type": event.type,
        "time": time_text(event.time),
        "source": event.source,
        "correlation_id": event.correlation_id,
        "payload": msgspec.json.encode(event.payload),
    }
