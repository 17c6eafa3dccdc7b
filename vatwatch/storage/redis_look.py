"""A close look at a Redis: everything about it that vatwatch depends on. Changes nothing.

It blocks, within seconds for each question.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from vatwatch.errors import RedisUnavailable
from vatwatch.storage.first_look import TIMEOUT_S
from vatwatch.storage.redis_client import redis_client, server_of
from vatwatch.storage.redis_connection import weather

# Nobody writes this key. SET with XX, XADD with NOMKSTREAM and EXPIRE write nothing where there is
# no key; whether the server would take them, it says all the same.
NO_KEY = "vatwatch:doctor"
# XADD has NOMKSTREAM since then.
NOMKSTREAM_SINCE = "6.2"


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What was found. Sizes are bytes."""

    server: str
    """Host and port, or a socket."""
    version: str
    max_memory: int
    """0: no bound."""
    policy: str
    """What it deletes when it has reached its bound: `noeviction`, `allkeys-lru`, ..."""
    used_memory: int
    evicted_keys: int
    """Since it was started."""
    clients: int
    max_clients: int | None
    clock_ahead: timedelta | None
    """How far its clock is ahead of ours; None if it may not be asked."""
    refuses_writes: str
    """Why it would not take what vatwatch writes; empty if it would."""


def look_closely_at_redis(url: str) -> RedisFacts:
    """Look at the server at this address.

    Raises:
        RedisUnavailable: there is no answer, or it refuses us; the text quotes nothing of the
            address
    """
    server = redis_client(url, TIMEOUT_S)
    try:
        server.ping()
        about: dict[str, Any] = server.info()
        return RedisFacts(
            server=server_of(server.connection_pool),
            version=str(about.get("redis_version", "")),
            max_memory=int(about.get("maxmemory", 0)),
            policy=str(about.get("maxmemory_policy", "")),
            used_memory=int(about.get("used_memory", 0)),
            evicted_keys=int(about.get("evicted_keys", 0)),
            clients=int(about.get("connected_clients", 0)),
            max_clients=about.get("maxclients"),
            clock_ahead=_clock_ahead(server),
            refuses_writes=_refusal(server, str(about.get("redis_version", ""))),
        )
    except redis.RedisError as error:
        raise RedisUnavailable(
            f"Redis {weather(error) or 'does not answer what it is asked'}"
        ) from None
    finally:
        server.close()


def _clock_ahead(server: redis.Redis) -> timedelta | None:
    before = datetime.now(UTC)
    try:
        seconds, micros = server.time()
    except redis.ResponseError:  # not among the commands that vatwatch needs
        return None
    after = datetime.now(UTC)
    theirs = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)
    return theirs - (before + (after - before) / 2)


def _refusal(server: redis.Redis, version: str) -> str:
    try:
        server.set(NO_KEY, "", xx=True)
        server.expire(NO_KEY, 1)
        if _number(version) >= _number(NOMKSTREAM_SINCE):
            server.xadd(NO_KEY, {"id": ""}, nomkstream=True)
    except redis.ResponseError as error:
        return weather(error) or "does not take SET, EXPIRE and XADD"
    return ""


def _number(version: str) -> tuple[int, ...]:
    """The first two numbers of a version; (0,) if it has none."""
    parts = version.split(".")[:2]
    return tuple(map(int, parts)) if all(map(str.isdigit, parts)) else (0,)
