"""Rate limits such as `30/minute`, counted in memory or in Redis."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from time import monotonic, time

import falcon
import limits
import redis
from limits.storage import MemoryStorage, RedisStorage
from msgspec import Struct

from vatwatch.counting import counted
from vatwatch.storage.redis_client import redis_pool

log = logging.getLogger(__name__)

# The client waits for this. Redis answers in less than a millisecond, or it is away.
REDIS_TIMEOUT_S = 0.5
# After a failure Redis is not asked for so long, since each try could take the whole timeout.
REDIS_PAUSE_S = 10.0
PREFIX = "vatwatch:rates"
# Clients that are remembered before old windows are dropped. A counter takes some 300 bytes, so all
# take 3 MB.
MOST_CLIENTS = 10_000


class Allowance(Struct, frozen=True, gc=False):
    """How many requests one key has left in this window."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Whole seconds until the window ends."""
    policy: str
    """The rate as a header says it: `12000;w=60`."""

    def tell(self, resp: falcon.Response) -> None:
        """Set the answer's headers (draft-ietf-httpapi-ratelimit-headers-06)."""
        resp.set_headers(
            (
                ("RateLimit-Limit", str(self.limit)),
                ("RateLimit-Remaining", str(self.remaining)),
                ("RateLimit-Reset", str(self.reset_s)),
                ("RateLimit-Policy", self.policy),
            )
        )


class RateLimit:
    """A fixed-window limit: at most `amount` requests in each window, for each key."""

    def __init__(
        self, rate: str, *, redis_url: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        """`rate` as in `30/minute`.

        With a `redis_url` all processes share the counts; while Redis is away each has its own.
        """
        self.text = rate
        self._rate = limits.parse(rate)
        self._most = self._rate.amount
        self._window_s = self._rate.get_expiry()
        self._policy = f"{self._most};w={self._window_s}"
        self._memory = _memory_storage()
        self._redis = _redis_storage(redis_url) if redis_url else None
        self._clock = clock
        self._redis_back_at = 0.0

    def __str__(self) -> str:
        return f"{counted(self._most, 'request')} in {self._window_s} s"

    def hit(self, key: str) -> Allowance:
        """Count one request of `key`. Returns whether it is allowed.

        Never raises and never waits longer than `REDIS_TIMEOUT_S`, or twice that if sentinels must
        be asked for the master. A refused request counts, too: the caller answers it with 429, and
        every answer with `Allowance.tell`.
        """
        if self._redis is not None and self._clock() >= self._redis_back_at:
            try:
                return self._hit(self._redis, f"{key}/{self._window_s}")
            except redis.RedisError as error:
                self._redis_back_at = self._clock() + REDIS_PAUSE_S
                # Not the error's text, which may contain the address with its password.
                log.debug(
                    "Redis does not count rates now (%s): they are counted in memory",
                    type(error).__name__,
                )
        if len(self._memory.expirations) > MOST_CLIENTS:
            self._forget_the_past()
        return self._hit_memory(key)

    def _hit_memory(self, key: str) -> Allowance:
        """Count in a window that has begun; `limits` begins new ones.

        This does the same as `MemoryStorage.incr`, without its locks and method wrappers, which
        take 4 of 4.5 µs on every read. Nothing here yields to another greenlet, so no lock is
        needed.
        """
        memory, now = self._memory, time()
        ends_at = memory.expirations.get(key, 0.0)
        if ends_at <= now:
            return self._hit(memory, key)
        memory.storage[key] = count = memory.storage[key] + 1
        return self._allowance(memory, key, count, ends_at - now)

    def _hit(self, storage: MemoryStorage | RedisStorage, name: str) -> Allowance:
        """A fixed window, by the storage itself: `limits`' strategies ask it three times."""
        count = storage.incr(name, self._window_s)
        left_s = max(1.0, storage.get_expiry(name) - time())
        return self._allowance(storage, name, count, left_s)

    def _allowance(
        self, storage: MemoryStorage | RedisStorage, name: str, count: int, left_s: float
    ) -> Allowance:
        reset_s, most = math.ceil(left_s), self._most
        if reset_s > self._window_s:
            # The wall clock was set back: clients must not wait until it has caught up.
            storage.clear(name)
            reset_s = self._window_s
        remaining = most - count if count < most else 0
        return Allowance(count <= most, most, remaining, reset_s, self._policy)

    def _forget_the_past(self) -> None:
        """Drop windows that are over; if there are still too many, drop all."""
        now = time()
        for name, ends_at in [*self._memory.expirations.items()]:
            if ends_at <= now:
                self._memory.clear(name)
        if len(self._memory.expirations) > MOST_CLIENTS:
            self._memory = _memory_storage()


class _NoTimer:
    """Replaces the timer with which `MemoryStorage` drops old windows.

    That timer starts a thread every few milliseconds while there are requests, which would take a
    tenth of the time of an answer.
    """

    def is_alive(self) -> bool:
        """Say that it runs, so that no other timer is started."""
        return True


def _memory_storage() -> MemoryStorage:
    storage = MemoryStorage()
    storage.timer.cancel()
    storage.timer = _NoTimer()  # type: ignore[assignment]
    return storage


def _redis_storage(url: str) -> RedisStorage:
    pool = redis_pool(url, REDIS_TIMEOUT_S)
    return RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX)
