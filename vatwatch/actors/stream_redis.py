"""The stream's Redis side: keeps the log there, for a restart and for other workers.

Redis is a mirror: without it clients are served the same, and after a restart of the process they
get a fresh snapshot. Only the stream's actor uses this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import redis
from gevent import Greenlet

from vatwatch import __version__
from vatwatch.actors.service import Service
from vatwatch.errors import BreakerOpen, RedisUnavailable, SupervisionError
from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.known_state import KnownState
from vatwatch.live.stream.log import StreamLog
from vatwatch.storage.redis_connection import TIMEOUT_S
from vatwatch.storage.stream_mirror import StoredHead, StreamMirror, encode_entries, read_stream
from vatwatch.supervision import BreakerPolicy, ContinueWithout, NativePool, WithBreaker
from vatwatch.supervision.failures import text_of

T = TypeVar("T")

# Failures that count for the breaker: weather, and requests that Redis refuses (a bug).
REDIS_FAILS = (RedisUnavailable, redis.RedisError)


class StreamRedis:
    """Writes what is new in the log, soon and in order."""

    def __init__(
        self,
        actor: Service,
        mirror: StreamMirror,
        policy: BreakerPolicy,
        pool: NativePool,
        *,
        writer: int,
        on_news: Callable[[], None],
    ) -> None:
        """`writer`: a number that no other process writes with. `on_news`: called when something
        was written, or could not be."""
        self._actor = actor
        self._mirror = mirror
        # The cache's, too: when it finds Redis away, nobody has to wait for that again.
        self._circuit_breaker = actor.circuit_breaker("Redis", policy, failure_types=REDIS_FAILS)
        self._pool = pool
        self._writer = writer
        self._on_news = on_news
        self.mirrored = ""
        """The position up to which the log is in Redis."""
        self.last_error = ""
        """Why the log could not be written; empty if it could."""
        # The number of the latest entry that Redis has; None: it has nothing of ours.
        self._written: int | None = None
        self._bodies: Mapping[Collection, Body] | None = None
        self._due = False
        self._writing: Greenlet[..., object] | None = None

    def restore(self) -> tuple[StreamLog, KnownState, bool] | None:
        """The log in Redis, the state at its end, and whether nothing is missing after it; None if
        Redis is away, empty, or holds something else."""
        stored = self._attempt(self._mirror.read)
        if stored is None:
            return None
        try:
            return self._pool.run(read_stream, stored, __version__)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - other programs write there: it may be anything
            self._actor.report_failure("restore the stream from Redis", error)
            return None

    def write(self, log: StreamLog, bodies: Mapping[Collection, Body] | None = None) -> None:
        """Write the log as it is soon; never waits. `bodies`: the live state, if it is another."""
        self._bodies = bodies or self._bodies
        self._due = True
        if self._writing is None:
            self._writing = self._actor.spawn(self._write, log)

    def close(self, log: StreamLog) -> None:
        """Write that the log is whole, and give the connections back. Waits."""
        if self._writing is not None:
            self._writing.join(TIMEOUT_S)
        if self._writing is None:  # else Redis hangs
            self._attempt(partial(self._flush, log, whole=True))
        self._mirror.close()

    def give_back(self) -> None:
        """Give the connections back."""
        self._mirror.close()

    def _write(self, log: StreamLog) -> None:
        """In a greenlet of its own."""
        try:
            while self._due:
                self._due = False
                self._attempt(partial(self._flush, log))
                self._on_news()
        finally:
            self._writing = None

    def _flush(self, log: StreamLog, *, whole: bool = False) -> None:
        end, bodies, written = log.end, self._bodies, self._written
        self._bodies = self._written = None  # until it is known to be there
        new = [one for one in log.entries if written is None or one.position.sequence > written]
        length = len(log.entries)
        try:
            packed = self._pool.run(encode_entries, new, self._writer)
            head = StoredHead(__version__, self._writer, log.start, end, whole)
            self._mirror.plainly(
                lambda: self._mirror.write(
                    head, packed, length=length, bodies=bodies, anew=written is None
                )
            )
        except BaseException:
            # Written anew next time, with the state of that time if there is one.
            self._bodies = self._bodies or bodies
            raise
        self._written, self.mirrored = end.sequence, end.text

    def _attempt(self, work: Callable[[], T]) -> T | None:
        """Call `work`. Returns None if Redis fails; the failure is remembered."""
        failures: list[Exception] = []
        trying = self._actor.recovery(
            "keep the stream in Redis",
            ContinueWithout((*REDIS_FAILS, BreakerOpen), failures.append),
            WithBreaker(self._circuit_breaker),
        )
        result: T | None = trying.call(lambda: self._mirror.plainly(work))
        self.last_error = self._why(failures[0]) if failures else ""
        return result

    def _why(self, error: Exception) -> str:
        """A refusal by the breaker keeps the cause for which it has opened."""
        if not isinstance(error, BreakerOpen):
            return text_of(error)
        return self.last_error or self._circuit_breaker.info().last_failure.partition(": ")[2]
