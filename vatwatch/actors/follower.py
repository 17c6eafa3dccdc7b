"""Follower: reads from Redis what the node that collects serves, so that this node serves it, too.

Receives  UseRole, AreasChanged, CacheStarted, LookForState
Sends     LiveChanged to cache, EventsFollowed to event_bus, ServiceReport
Holds     the live state that was published last, and how far its events were read
Restart   costs nothing: everything is in Redis. The cache serves what it has meanwhile

New states are told by a channel of Redis, and looked for each second, as a message may get lost.
Of a node that collects it only waits for another role.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import TypeAlias, TypeVar, assert_never

import gevent
import msgspec
import redis
from gevent.event import Event as Signal
from pydantic import SecretStr

from vatwatch import __version__
from vatwatch.actors.breakers import redis_policy
from vatwatch.actors.followed_events import FollowedEvents
from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.errors import BreakerOpen, MailboxFull, RedisUnavailable, SupervisionError
from vatwatch.events.event import Event
from vatwatch.live.published_state import PublishedState, decode_state, form_number
from vatwatch.messages import (
    AreasChanged,
    CacheStarted,
    EventsFollowed,
    Followed,
    LiveChanged,
    UseRole,
)
from vatwatch.messages.follower import ToFollower
from vatwatch.messages.follower_status import FollowerStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.state_mirror import StateHead, StateMirror
from vatwatch.supervision import Backoff, NativePool, Tell
from vatwatch.supervision.failures import text_of
from vatwatch.traffic.areas.known_areas import KnownAreas


@dataclass(frozen=True, slots=True)
class LookForState(Tell):
    """See whether there is a newer live state, and newer events."""


Received: TypeAlias = ToFollower | LookForState
T = TypeVar("T")

# Seconds between two looks if nothing is told: what a lost message costs at most.
LOOK_S = 1.0
# Between two tries of the listener to connect, as long as the breaker lets it.
RECONNECT = Backoff(base_s=0.2, cap_s=10.0)
REDIS_FAILS = (RedisUnavailable, redis.RedisError)


class FollowerActor(Service):
    """Follows; the module's docstring says how."""

    def __init__(
        self,
        redis_url: SecretStr,
        breaker: BreakerSettings,
        areas: Callable[[], KnownAreas],
    ) -> None:
        """`areas`: reads those in use from the disk."""
        super().__init__()
        self._redis_url, self._breaker, self._read_areas = redis_url, breaker, areas
        self._pool = NativePool(1, "follower")
        self._wake = Signal()
        # What is published: the newest that was seen, and what is served here.
        self._seen: StateHead | None = None
        self._served: StateHead | None = None
        self._state: PublishedState | None = None
        self._subscribed = False
        self._error = ""
        self._error_at: datetime | None = None
        self._states = self._events_read = self._lost = 0

    def on_start(self) -> None:
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=True)
        url = self._redis_url.get_secret_value()
        self._mirror = StateMirror(url)
        # The cache's, too: when it finds Redis away, nobody has to wait for that again.
        self._circuit_breaker = self.circuit_breaker(
            "Redis", redis_policy(self._breaker, url), failure_types=REDIS_FAILS
        )
        self._areas = self._pool.run(self._read_areas)
        self._events = FollowedEvents(self._mirror, self._pool)
        self._at_work = [self.spawn(self._listen), self.spawn(self._follow)]
        self.after(LOOK_S, LookForState())
        self._report()

    def on_stop(self) -> None:
        # They would fail when what they use is closed under them.
        gevent.killall(self._at_work)
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> None:
        match message:
            case LookForState():
                self._wake.set()
                self.after(LOOK_S, LookForState())
            case AreasChanged(areas):
                if areas != self._areas:
                    self._areas = areas
                    self._tell_cache()
            case CacheStarted():
                self._tell_cache()
            case UseRole(collects):
                if self._role.use(collects=collects):
                    self._begin_again()
            case _:
                assert_never(message)
        self._report()

    def _begin_again(self) -> None:
        """What was known is of another time: read everything that is there."""
        self._seen = self._served = self._state = None
        self._learn("")
        self._events.forget()
        self._wake.set()

    # --- in greenlets of their own -----------------------------------------------------------

    def _listen(self) -> None:
        attempt = 0
        while True:
            # Whether Redis is back is found out by the looks, and that may be long before the
            # breaker would try again: while one of them is a trial, its deadline is a minute away.
            if self._role.collects or self._circuit_breaker.retry_in_s > 0:
                gevent.sleep(LOOK_S)
                continue
            try:
                self._mirror.plainly(self._hear)
            except REDIS_FAILS:
                attempt = 0 if self._subscribed else attempt + 1
                self._lost += self._subscribed
                self._subscribed = False
                gevent.sleep(RECONNECT.delay(attempt, random.random))

    def _hear(self) -> None:
        """Until the connection is lost, or this node collects."""
        with self._mirror.listening() as told:
            # What came before this is in the head.
            self._subscribed = True
            self._wake.set()
            while not self._role.collects:
                if told(LOOK_S):
                    self._wake.set()
        self._subscribed = False

    def _follow(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._role.collects:
                continue
            try:
                self._look()
                self._events_read += self._call(lambda: self._events.read(self._tell_bus))
            except BreakerOpen:
                self._learn(
                    self._error or self._circuit_breaker.info().last_failure.partition(": ")[2]
                )
            except REDIS_FAILS as error:
                self._learn(text_of(error))
                # Another server may answer next, and count its entries by another clock.
                self._events.forget()
            except MailboxFull:
                self._served = self._state = None  # it is read again
            self._report()

    def _look(self) -> None:
        head = self._read_head()
        if head is None or self._role.collects:
            return
        self._seen = head
        if self._served is not None and head.version == self._served.version:
            self._learn("")
            return
        if head.form != form_number():
            self._learn(
                f"it is published by vatwatch {head.program}, in a form that {__version__} does "
                "not know"
            )
            return
        encoded = self._call(lambda: self._mirror.read(head.version))
        if encoded is None:
            return  # there is a newer one already, and its message comes
        try:
            state = self._pool.run(decode_state, encoded)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - other programs write there: it may be anything
            self._cannot_read(head, error)
            return
        if self._role.collects:
            return
        self._served, self._state = head, state
        self._states += 1
        self._learn("")
        self._tell_cache()

    def _read_head(self) -> StateHead | None:
        try:
            head = self._call(self._mirror.read_head)
        except msgspec.DecodeError as error:
            self._learn(f"its head cannot be read: {error}")
            return None
        if head is None:
            self._learn("no node has published one")
        return head

    def _cannot_read(self, head: StateHead, error: Exception) -> None:
        why = f"the live state {head.version.text} cannot be read: {error!r}"
        if why != self._error:
            self.report_failure("read the live state of another node", error)
        self._learn(why)

    def _call(self, work: Callable[[], T]) -> T:
        return self._circuit_breaker.call(lambda: self._mirror.plainly(work))

    # --- what becomes of it ------------------------------------------------------------------

    def _tell_cache(self) -> None:
        published, head = self._state, self._served
        if published is None or head is None or self._role.collects:
            return
        published_at = datetime.fromtimestamp(head.published_at, UTC)
        followed = Followed(head.version.epoch, published.marks, published_at)
        self.send(
            "cache",
            LiveChanged(
                published.state,
                published.feed,
                published.recovered,
                published.fetched,
                areas=self._areas,
                followed=followed,
            ),
        )

    def _tell_bus(self, events: Sequence[Event]) -> bool:
        if self._role.collects:
            return False
        return self.address("event_bus").offer(EventsFollowed(tuple(events)))

    def _learn(self, error: str) -> None:
        if error and error != self._error:
            self._error_at = datetime.now(UTC)
        self._error = error

    def _lag_s(self) -> float:
        """0 while the newest one is served, as far as that is known."""
        served, seen = self._served, self._seen
        if served is None or (not self._error and seen is not None and seen == served):
            return 0.0
        return round(max(time() - served.published_at, 0.0), 3)

    def _report(self) -> None:
        served, state = self._served, self._state
        status = FollowerStatus(
            follows=not self._role.collects,
            version="" if served is None else served.version.text,
            update_timestamp=None if state is None else state.state.time,
            lag_s=self._lag_s(),
            subscribed=self._subscribed,
            states=self._states,
            events=self._events_read,
            lost_subscriptions=self._lost,
            last_error=self._error,
            last_error_at=self._error_at,
        )
        if self._error and not self._role.collects:
            what = f"the live state of another node cannot be followed: {self._error}"
            self.report(Health.DEGRADED, what, status)
        else:
            self.report(Health.HEALTHY, "", status)

    def _give_back(self) -> None:
        self._pool.close()
        self._mirror.close()
