"""The cache's Redis side: writes to Redis, reads from it, and reports on it.

Redis is a mirror: without it everything is served the same. Each new live state is another try, and
the breaker bounds what a dead Redis costs. Only the cache's actor uses this.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import TypeVar

import gevent
import redis

from vatwatch.actors.mirrored_events import MirroredEvents
from vatwatch.actors.service import Service
from vatwatch.actors.state_publisher import StatePublisher
from vatwatch.config.cache import CacheSettings
from vatwatch.errors import BreakerOpen, RedisUnavailable, SupervisionError
from vatwatch.events.event import Event, EventFilter
from vatwatch.live.published_state import PublishedState
from vatwatch.live.records import Body, Collection
from vatwatch.live.restored import RestoredState
from vatwatch.messages import GetEvents
from vatwatch.messages.status import CacheReport
from vatwatch.monitoring.outages import Outage, lasted, look
from vatwatch.storage.redis_mirror import Lifetimes, RedisMirror
from vatwatch.supervision import BreakerPolicy, ContinueWithout, NativePool, WithBreaker
from vatwatch.supervision.failures import text_of

log = logging.getLogger(__name__)

T = TypeVar("T")

# Failures that count for the breaker: weather, and requests that Redis refuses (a bug).
REDIS_FAILS = (RedisUnavailable, redis.RedisError)
# Events written at once: redis-py packs a hundred in 2 ms, and no other greenlet runs meanwhile.
BATCH = 100
# How long the bus may take to say which events it has.
BUS_TIMEOUT_S = 5.0


class RedisSide:
    """One connection pool, one breaker, and the counts that `GET /api/cache/health` tells."""

    def __init__(
        self,
        actor: Service,
        mirror: RedisMirror,
        policy: BreakerPolicy,
        *,
        stream_length: int,
        on_news: Callable[[], None],
        publisher: StatePublisher,
    ) -> None:
        """`on_news` is called when Redis was found to be away or back; `publisher`: for other
        nodes."""
        self._actor = actor
        self._publisher = publisher
        self._mirror = mirror
        self._circuit_breaker = actor.circuit_breaker("Redis", policy, failure_types=REDIS_FAILS)
        self._on_news = on_news
        self._away = ""
        """Why the live state cannot be written; empty if it can."""
        self._refused = ""
        """Why the stream accepts no events, though Redis answers; empty if it does."""
        self.retry_at: datetime | None = None
        self.outage: Outage | None = None
        # Whether only a read found Redis away, and no write has failed.
        self._found_by_asking = False
        self.hits = self.misses = 0
        self._events = MirroredEvents(stream_length)
        self._appending = False
        self._stopped = True
        self._unwritten: tuple[Mapping[Collection, Body], bytes] | None = None
        self._writing = False

    @property
    def last_error(self) -> str:
        """What is wrong with Redis; empty if nothing is."""
        return self._away or self._refused

    def change(self, policy: BreakerPolicy, *, stream_length: int) -> None:
        """Use another breaker policy and another stream length from now on."""
        self._circuit_breaker.use_policy(policy)
        self._events.length = stream_length

    def restore(self, pool: NativePool) -> RestoredState | None:
        """The live state in Redis; None if Redis is away, empty, or holds something else."""
        bodies = self._attempt(self._mirror.read) or {}
        self.hits += len(bodies)
        self.misses += len(Collection) - len(bodies)
        if not bodies:
            return None
        try:
            return pool.run(RestoredState, bodies)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - other programs write there: it may be anything
            self._actor.report_failure("restore the live state from Redis", error)
            return None

    def write(
        self,
        bodies: Mapping[Collection, Body],
        configuration: bytes,
        published: PublishedState | None = None,
    ) -> None:
        """Write the live state and the configuration (JSON), soon, and then events that wait.
        `published`: the same for other nodes, if there are any.

        Never waits, since requests for the live state would wait, too. Of several states that come
        while Redis hangs only the latest is written.
        """
        self._unwritten = bodies, configuration
        self._publisher.show(published)
        self._write_soon()

    def begin_writing(self, after_epoch: int) -> None:
        """This node collects from now on, after one whose reign had this number."""
        self._publisher.begin(after_epoch)
        self._events.doubt()
        self._stopped = False

    def stop_writing(self) -> None:
        """Another node writes from now on: drop what waits."""
        self._unwritten = None
        self._publisher.show(None)
        self._events.clear()
        self._stopped = True

    def is_everything_there(self) -> bool:
        """See whether Redis has what was published; it may have lost its data. False: write
        everything again. Waits."""
        if self._writing:
            return True
        try:
            there = self._circuit_breaker.call(self._publisher.look)
        except (*REDIS_FAILS, BreakerOpen) as error:
            if not isinstance(error, BreakerOpen):
                self._learn(text_of(error))
            return True
        self._learn("")
        if not there:
            self._events.doubt()
        return there

    def close(self) -> None:
        """Give back what is not the actor's own."""
        self._publisher.close()

    def _write_soon(self) -> None:
        if not self._writing:
            self._writing = True
            self._actor.spawn(self._write)

    def _write(self) -> None:
        """In a greenlet of its own."""
        before = self.last_error
        try:
            while self._unwritten is not None or self._publisher.is_due:
                # First: it finds out whether another node writes by now.
                if self._publisher.is_due:
                    self._attempt(self._publisher.write)
                unwritten, self._unwritten = self._unwritten, None
                if unwritten is not None and not self._publisher.is_superseded:
                    self._attempt(partial(self._mirror.write, *unwritten))
        finally:
            self._writing = False
        self._tell_news(before)
        self._append_soon()

    def add_events(self, events: Sequence[Event]) -> None:
        """Append these to the stream, soon and in order. Never waits and never fails.

        While Redis is away they wait here; the oldest beyond the stream's length are dropped.
        """
        if self._publisher.is_superseded:
            return  # the other node appends its own
        self._events.add(events)
        self._append_soon()

    def _append_soon(self, *, in_doubt: bool = False) -> None:
        """`in_doubt`: write also while Redis counts as away, to see whether it still is."""
        is_due = self._events or not self._events.is_complete(self._mirror.data_set, is_there=True)
        if is_due and not self._stopped and not self._appending and (in_doubt or not self._away):
            self._appending = True
            self._actor.spawn(self._append)

    def _append(self) -> None:
        """Write in a separate greenlet: a hanging Redis must not delay the live state."""
        before = self.last_error
        try:
            if not self._fill_up():
                return
            while self._events:
                batch = self._events.batch(BATCH)
                self._attempt(partial(self._offer, [event for _, event in batch]))
                if self.last_error:
                    return
                self._events.written(batch, self._mirror.ttl_s.events)
                gevent.sleep(0)
        finally:
            self._appending = False
            self._tell_news(before)

    def _tell_news(self, before: str) -> None:
        if self.last_error != before:
            self._on_news()

    def _fill_up(self) -> bool:
        """Have those written, too, that another Redis, or one that lost its data, does not have.
        Returns whether Redis answers.

        Which ones these are must be asked: a replica that is the master now had some of them.
        """
        is_there = self._ask(self._mirror.has_events)
        if is_there is None:
            return False
        data_set = self._mirror.data_set
        if self._events.is_complete(data_set, is_there=is_there):
            return True
        question = GetEvents(EventFilter(), self._events.length)
        try:
            held = self._actor.address("event_bus").ask(question, timeout_s=BUS_TIMEOUT_S)
        except SupervisionError:
            return True  # the bus does not run: with the next events
        if self._events.lacks(held):
            known = self._known_there()
            if known is None or self._stopped:
                return known is not None
            self._events.fill_up(held[::-1], known)
        self._events.complete(data_set)
        return True

    def _known_there(self) -> set[str] | None:
        """The ids of the events that Redis has; None if it is away."""
        known: set[str] = set()
        place = "0-0"
        while place:
            found = self._ask(partial(self._mirror.event_ids, place, BATCH))
            if found is None:
                return None
            place, ids = found
            known |= ids
        return known

    def _ask(self, work: Callable[[], T]) -> T | None:
        """Read something; None if Redis is away. An answer does not end an outage that a write has
        found."""
        try:
            result = self._circuit_breaker.call(lambda: self._mirror.plainly(work))
        except (*REDIS_FAILS, BreakerOpen) as error:
            self._found_by_asking = self._found_by_asking or not self.last_error
            self._failed(error)
            self._tell_operator()
            return None
        if self._found_by_asking:
            self._learn("")
        return result

    def _offer(self, events: Sequence[Event]) -> None:
        """Append these events to the stream.

        The breaker does not count a refused stream, since the live state can still be written: an
        older Redis has no streams, or the user may not write them.
        """
        try:
            self._mirror.add_events(events, self._events.length)
        except redis.ResponseError as error:
            self._refused = text_of(self._mirror.plain(error))
        else:
            self._refused = ""

    def inspect(self) -> CacheReport:
        """Ask Redis something, now."""
        latency_ms = used_bytes = None
        error = ""
        began = monotonic()
        try:
            self._circuit_breaker.call(lambda: self._mirror.plainly(self._mirror.ping))
            latency_ms = (monotonic() - began) * 1000
            used_bytes = self._circuit_breaker.call(
                lambda: self._mirror.plainly(self._mirror.used_memory)
            )
            self._learn("")
        except BreakerOpen:
            error = self.last_error or "Redis failed too often and is tried again soon"
        except REDIS_FAILS as failure:
            error = text_of(failure)
            self._learn(error)
        return CacheReport(
            redis_server=self._mirror.server,
            redis_latency_ms=latency_ms,
            redis_used_bytes=used_bytes,
            redis_error=error,
        )

    def _attempt(self, work: Callable[[], T]) -> T | None:
        """Call `work`. Returns None if Redis fails; the failure is remembered and logged."""
        failures: list[Exception] = []
        trying = self._actor.recovery(
            "mirror",
            ContinueWithout((*REDIS_FAILS, BreakerOpen), failures.append),
            WithBreaker(self._circuit_breaker),
        )
        self._found_by_asking = False
        result: T | None = trying.call(lambda: self._mirror.plainly(work))
        if failures:
            self._failed(failures[0])
        else:
            self._away, self.retry_at = "", None
        self._tell_operator()
        return result

    def _failed(self, error: Exception) -> None:
        """Note the cause. A refusal by the breaker keeps the earlier cause."""
        if not isinstance(error, BreakerOpen):
            self._away = text_of(error)
        elif not self._away:
            # The breaker was open before this incarnation.
            self._away = self._circuit_breaker.info().last_failure.partition(": ")[2]
        self.retry_at = datetime.now(UTC) + timedelta(
            seconds=max(self._circuit_breaker.retry_in_s, 0.0)
        )

    def _learn(self, error: str) -> None:
        """Note what a read found: without new snapshots nothing is written, and only reads look at
        Redis.

        An answer does not end an outage that a write has found: a full Redis answers but accepts
        nothing. So the waiting events are written now; otherwise only the next snapshot would show
        that Redis is back.
        """
        if error and not self.last_error:
            self._found_by_asking = True
        elif error:
            return
        elif not self._found_by_asking:
            if self.last_error:
                self._append_soon(in_doubt=True)
            return
        else:
            self._found_by_asking, self.retry_at = False, None
        self._away = error
        self._tell_operator()
        self._on_news()
        self._append_soon()

    def _tell_operator(self) -> None:
        """Log when Redis begins to fail, when the cause changes, and when it is back."""
        before, now = self.outage, datetime.now(UTC)
        self.outage, news = look(before, self.last_error, now)
        if news == "ends" and before is not None:
            seconds = (now - before.since).total_seconds()
            log.info("Redis is back after %s; it gets each new live state again.", lasted(seconds))
        elif news in ("begins", "changes"):
            log.warning(
                "Redis cannot be used for %s: %s. The API goes on without it; the next snapshot "
                "tries again.",
                "the live state" if self._away else "the stream of events",
                self.last_error,
            )


def lifetimes(settings: CacheSettings) -> Lifetimes:
    """How long each thing lives in Redis, by these settings."""
    return Lifetimes(
        live={
            Collection.FLIGHTS: settings.ttl_flight_data_s,
            Collection.CONTROLLERS: settings.ttl_atc_data_s,
            Collection.ATIS: settings.ttl_atc_data_s,
            Collection.PREFILES: settings.ttl_flight_data_s,
            Collection.TRANSCEIVERS: settings.ttl_flight_data_s,
            Collection.NETWORK: settings.ttl_default_s,
        },
        configuration=settings.ttl_default_s,
        events=settings.ttl_events_s,
    )
