"""The stream's Redis side: keeps the log there, for a restart and for other workers.

Redis is a mirror: without it clients are served the same, and after a restart of the process they
get a fresh snapshot. Only the stream's actor uses this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec
import redis
from gevent import Greenlet

from vatwatch import __version__
from vatwatch.actors.service import Service
from vatwatch.errors import BreakerOpen, RedisUnavailable, Superseded, SupervisionError
from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.known_state import KnownState
from vatwatch.live.stream.log import StreamLog
from vatwatch.storage.redis_connection import TIMEOUT_S
from vatwatch.storage.stream_mirror import (
    StoredHead,
    StreamMirror,
    StreamNews,
    encode_entries,
    read_head,
    read_news,
    read_stream,
    writer_in,
)
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
        in_turn: Callable[[], bool],
    ) -> None:
        """`writer`: a number that no other process writes with. `on_news`: called when something
        was written, or could not be. `in_turn`: whether others may write there, too."""
        self._actor = actor
        self._mirror = mirror
        # The cache's, too: when it finds Redis away, nobody has to wait for that again.
        self._circuit_breaker = actor.circuit_breaker("Redis", policy, failure_types=REDIS_FAILS)
        self._pool = pool
        self._writer = writer
        self._on_news, self._in_turn = on_news, in_turn
        # The latest of other nodes that has kept this one from writing.
        self._later = 0
        self.mirrored = ""
        """The position up to which the log is in Redis."""
        self.last_error = ""
        """Why the log could not be written, or followed; empty if it could."""
        self.unreadable = ""
        """Why what is there cannot be followed, though Redis answers; empty if it can."""
        # The number of the latest entry that Redis has; None: it has nothing of ours.
        self._written: int | None = None
        # Which data of Redis have it.
        self._written_in = ""
        self._stopped = False
        self._bodies: Mapping[Collection, Body] | None = None
        # The same, to be written again if Redis has lost it.
        self._latest: Mapping[Collection, Body] | None = None
        # As it was written or read last.
        self._head = b""
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
        self._latest = self._bodies or self._latest
        self._due = True
        if self._writing is None:
            self._writing = self._actor.spawn(self._write, log)

    def begin_writing(self, writer: int) -> None:
        """This node writes from now on, under this number or a higher one, and the whole log anew.
        It is higher than those that were seen here, whatever the clock says."""
        self._writer = max(writer, self._later + 1, writer_in(self._head) + 1)
        self._written, self._stopped = None, False
        self.unreadable = ""

    def stop_writing(self) -> None:
        """Another node writes from now on."""
        self._due, self._stopped = False, True
        self._bodies = self._latest = None
        self.unreadable = ""
        self.mirrored, self._head = "", b""

    @property
    def is_superseded(self) -> bool:
        """Whether another node has written since this one began to. It stood still, perhaps, and
        will soon hear that it does not collect any more."""
        return self._later > self._writer

    def look(self, log: StreamLog) -> None:
        """Write the log again if Redis has lost it, or has never got it. Waits."""
        if self._writing is not None or self._stopped or self.is_superseded:
            return
        head = self._ask(self._mirror.head)
        if self.last_error or self._writing is not None or self._stopped:
            return
        if head == self._head and self._mirror.data_set == self._written_in:
            return
        self._written = None
        self.write(log, self._latest)

    def news(self, log: StreamLog) -> StreamNews | None:
        """What Redis has and this log has not; None: nothing, or it cannot be told. Waits."""
        raw = self._ask(self._mirror.head)
        if raw is None or raw == self._head:
            return None
        try:
            found = self._news(raw, log)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._actor.report_failure("follow the stream in Redis", error)
            self._cannot_read(f"its log cannot be read: {error!r}")
            self._head = raw  # the next one may be better
            return None
        if found is not None:
            self._head = raw
            self._cannot_read("")
        return found

    def _cannot_read(self, why: str) -> None:
        if why != self.unreadable:
            self.unreadable = why
            self._on_news()

    def _news(self, raw: bytes, log: StreamLog) -> StreamNews | None:
        head = read_head(raw, __version__)
        if head is None:
            self._cannot_read("its log is of another version of vatwatch")
            return None
        # Numbers rise by one or more with each entry. With the one that is known already.
        count = head.end.sequence - log.end.sequence + 1
        with_state = head.state_end != log.end_for(with_events=False)
        if 0 < count <= len(log.entries):
            found = self._read(log, count, with_state=with_state)
            if found is not None:
                return found
        return self._read(log, None, with_state=True)

    def _read(self, log: StreamLog, last: int | None, *, with_state: bool) -> StreamNews | None:
        stored = self._ask(lambda: self._mirror.read(last, with_state=with_state))
        return None if stored is None else self._pool.run(read_news, stored, __version__, log.end)

    def close(self, log: StreamLog) -> None:
        """Write that the log is whole, and give the connections back. Waits."""
        if self._stopped:
            self._mirror.close()
            return
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
        end, data_set = log.end, self._mirror.data_set
        # In other data there may be any part of what was written.
        written = self._written if data_set == self._written_in else None
        anew = written is None
        bodies = self._latest if anew else self._bodies
        self._bodies = self._written = None  # until it is known to be there
        new = [one for one in log.entries if written is None or one.position.sequence > written]
        length = len(log.entries)
        state_end = log.end_for(with_events=False)
        try:
            packed = self._pool.run(encode_entries, new, self._writer)
            if self._stopped:
                return
            head = StoredHead(
                __version__, self._writer, log.start, end, state_end, whole, log.events_from
            )
            there = self._mirror.plainly(
                lambda: self._mirror.write(
                    head, packed, length=length, bodies=bodies, anew=anew, in_turn=self._in_turn()
                )
            )
        except Superseded as error:
            self._later = error.number
            return
        except BaseException:
            # Written anew next time, with the state of that time if there is one.
            self._bodies = self._bodies or bodies
            raise
        if self._stopped:
            return
        self._head, self.mirrored = msgspec.json.encode(head), end.text
        self._written_in = self._mirror.data_set
        if anew or (there and self._written_in == data_set):
            self._written = end.sequence
        else:
            self._due = True  # anew

    def _ask(self, work: Callable[[], T]) -> T | None:
        """The same for what is asked each second: a failure is told by the status alone."""
        before, result = self.last_error, None
        try:
            result = self._circuit_breaker.call(lambda: self._mirror.plainly(work))
            self.last_error = ""
        except (*REDIS_FAILS, BreakerOpen) as error:
            self.last_error = self._why(error)
        if self.last_error != before:
            self._on_news()
        return result

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
