"""How often somebody may ask: a rate such as `30/minute`, counted in memory or in Redis."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time

import falcon
import limits
import redis
from limits.storage import MemoryStorage, RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

# A client waits for this; Redis answers in less than a millisecond, or it is away.
REDIS_TIMEOUT_S = 0.5
# After a failure Redis is left alone for so long: each try could cost the timeout.
REDIS_PAUSE_S = 10.0
PREFIX = "vatwatch:rates"
# A counter takes some 300 bytes.
MOST_CLIENTS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody may still ask in this window."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Whole seconds until the window ends."""
    window_s: int

    def tell(self, resp: falcon.Response) -> None:
        """Say so in the answer's headers (draft-ietf-httpapi-ratelimit-headers-06)."""
        resp.set_header("RateLimit-Limit", str(self.limit))
        resp.set_header("RateLimit-Remaining", str(self.remaining))
        resp.set_header("RateLimit-Reset", str(self.reset_s))
        resp.set_header("RateLimit-Policy", f"{self.limit};w={self.window_s}")


class Rate:
    """At most so often in each window, for each key."""

    def __init__(
        self, rate: str, *, redis_url: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        """`rate` as in `30/minute`.

        With a `redis_url` all processes count together; while Redis is away each counts for itself.
        """
        self._rate = limits.parse(rate)
        self._window_s = self._rate.get_expiry()
        self._memory = _memory_storage()
        self._redis = _redis_storage(redis_url) if redis_url else None
        self._clock = clock
        self._redis_back_at = 0.0

    def __str__(self) -> str:
        return f"{self._rate.amount} requests in {self._window_s} s"

    def hit(self, key: str) -> Allowance:
        """Count one request. One that is not allowed counts, too."""
        if self._redis is not None and self._clock() >= self._redis_back_at:
            try:
                return self._hit(self._redis, key)
            except redis.RedisError as error:
                self._redis_back_at = self._clock() + REDIS_PAUSE_S
                # Not its text: that may hold the address, and the address the password.
                log.debug("rates are counted in memory: %s", type(error).__name__)
        if len(self._memory.expirations) > MOST_CLIENTS:
            self._forget_the_past()
        return self._hit(self._memory, key)

    def _hit(self, storage: MemoryStorage | RedisStorage, key: str) -> Allowance:
        """A fixed window, by the storage itself: `limits`' strategies ask it three times."""
        name, most = f"{key}/{self._window_s}", self._rate.amount
        count = storage.incr(name, self._window_s)
        reset_s = math.ceil(storage.get_expiry(name) - time())
        if reset_s > self._window_s:
            # The wall clock was set back: nobody is to wait for it to come round again.
            storage.clear(name)
            reset_s = self._window_s
        remaining = max(0, most - count)
        return Allowance(count <= most, most, remaining, max(1, reset_s), self._window_s)

    def _forget_the_past(self) -> None:
        """Windows that are over; of all, if a crowd has come within one."""
        now = time()
        for name, ends_at in [*self._memory.expirations.items()]:
            if ends_at <= now:
                self._memory.clear(name)
        if len(self._memory.expirations) > MOST_CLIENTS:
            self._memory = _memory_storage()


class _NoTimer:
    """In the place of the timer with which `MemoryStorage` forgets the past.

    It starts a thread for each few milliseconds in which there are requests, which would take a
    tenth of the time of an answer.
    """

    def is_alive(self) -> bool:
        """So no other is started."""
        return True


def _memory_storage() -> MemoryStorage:
    storage = MemoryStorage()
    storage.timer.cancel()
    storage.timer = _NoTimer()  # type: ignore[assignment]
    return storage


def _redis_storage(url: str) -> RedisStorage:
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX)
