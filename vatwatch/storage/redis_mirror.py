"""Everything that vatwatch keeps in Redis, for its own start and for other programs.

- `vatwatch:live:<collection>` (JSON) and `vatwatch:live:<collection>:gzip`: the live state
- `vatwatch:config`: the settings in force, as `GET /api/config` shows them
- `vatwatch:events`: a stream of the latest events, oldest first; its length is bounded
- `vatwatch:stream:...`: for vatwatch itself (`stream_mirror`)

Each key has a TTL, so old values disappear. (Rates of writes are counted in keys of the
library `limits`: `http/rates.py`.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import msgspec
from redis import exceptions

from vatwatch.events.event import Event
from vatwatch.feed.times import time_text
from vatwatch.live.encoding import etag_of
from vatwatch.live.records import Body, Collection
from vatwatch.storage.redis_connection import RedisConnection

# The types that redis-py accepts.
_Field: TypeAlias = bytes | bytearray | memoryview | str | int | float

CONFIG_KEY = "vatwatch:config"
EVENTS_KEY = "vatwatch:events"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long keys live in Redis after they were last written, in seconds."""

    live: Mapping[Collection, int]
    configuration: int
    events: int


class RedisMirror(RedisConnection):
    """Reads and writes Redis."""

    def __init__(self, url: str, ttl_s: Lifetimes) -> None:
        """`ttl_s` can be changed later by the attribute of this name."""
        super().__init__(url)
        self.ttl_s = ttl_s

    def ping(self) -> None:
        """Ping Redis; returns when the answer has come. Raises redis.RedisError."""
        self._redis.ping()

    def used_memory(self) -> int | None:
        """Memory of the whole server in bytes, as it reports; None if it does not."""
        used = self._redis.info("memory").get("used_memory")
        return None if used is None else int(used)

    def write(self, bodies: Mapping[Collection, Body], configuration: bytes = b"") -> None:
        """Write every collection and the configuration (JSON), all or none."""
        pipeline = self.transaction()
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

    def has_events(self) -> bool:
        """Whether the stream is there."""
        try:
            return bool(self._redis.expire(EVENTS_KEY, self.ttl_s.events))
        except exceptions.ResponseError:
            return True  # this user may not ask

    def event_ids(self, after: str, count: int) -> tuple[str, set[str]]:
        """The ids of the next events in the stream, so many at most, and where the last one stands
        in it; an empty place behind the last one, and also if they may not be read."""
        try:
            found = self._redis.xread({EVENTS_KEY: after}, count=count)
        except exceptions.ResponseError:
            return "", set()
        # One stream was asked for: its name, and its entries.
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", found or [])
        entries = [entry for _, entries in streams for entry in entries]
        ids = {fields.get(b"id", b"").decode("ascii", "replace") for _, fields in entries}
        return (entries[-1][0].decode() if entries else ""), ids

    def add_events(self, events: Sequence[Event], length: int) -> None:
        """Append to the stream, all or none. Beyond about `length` entries the oldest are
        dropped."""
        pipeline = self.transaction()
        for event in events:
            pipeline.xadd(EVENTS_KEY, _fields(event), maxlen=length, approximate=True)
        pipeline.expire(EVENTS_KEY, self.ttl_s.events)
        pipeline.execute()


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
