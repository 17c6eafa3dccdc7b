"""The operator's sessions in Redis: one key a session, which Redis forgets when it ends.

- `vatwatch:session:<id>`: an `OperatorSession` as JSON; the id is the SHA-256 of the cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar, cast

import msgspec
from redis import exceptions

from vatwatch.access.sessions import OperatorSession
from vatwatch.errors import RedisUnavailable
from vatwatch.storage.redis_client import redis_client
from vatwatch.storage.redis_connection import weather

Result = TypeVar("Result")

# A person waits for this; without an answer, what this process knows counts.
TIMEOUT_S = 1.0


class SessionStore:
    """Reads and writes Redis. Raises RedisUnavailable for weather, redis.RedisError for bugs."""

    def __init__(self, url: str) -> None:
        self._redis = redis_client(url, TIMEOUT_S)

    def write(self, session: OperatorSession) -> None:
        """Keep the session until it ends."""
        left_s = int((session.expires_at - datetime.now(UTC)).total_seconds())
        body = msgspec.json.encode(session)
        _plainly(lambda: self._redis.set(_key(session.id), body, ex=max(1, left_s)))

    def read(self, session_id: str) -> OperatorSession | None:
        """The session; None if there is none, or something else stands in its place."""
        body = _plainly(lambda: cast("bytes | None", self._redis.get(_key(session_id))))
        try:
            return None if body is None else msgspec.json.decode(body, type=OperatorSession)
        except msgspec.DecodeError:
            return None

    def delete(self, session_id: str) -> None:
        """End the session."""
        _plainly(lambda: self._redis.delete(_key(session_id)))

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()


def _plainly(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except exceptions.RedisError as error:
        text = weather(error)
        if not text:
            raise
        # Without its cause, since redis-py's text may quote the address.
        raise RedisUnavailable(f"Redis {text}") from None


def _key(session_id: str) -> str:
    return f"vatwatch:session:{session_id}"
