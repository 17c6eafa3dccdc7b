"""The live state in Redis, for whoever reads it there: other workers, other programs.

Keys are `vatwatch:live:<collection>` (JSON) and `vatwatch:live:<collection>:gzip`, each with the
TTL of its collection, so that what has grown old is not there any more.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from vatwatch.traffic.live import Body, Collection

# A mirror must not keep the live state waiting.
TIMEOUT_S = 2.0


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
