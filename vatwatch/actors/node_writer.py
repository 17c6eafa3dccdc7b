"""What the cache writes to Redis by its node's role: all if it collects, else nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.redis_side import RedisSide
from vatwatch.actors.service import Service
from vatwatch.live.published_state import PublishedState, without_people
from vatwatch.live.records import Body, Collection
from vatwatch.messages import LiveChanged
from vatwatch.supervision import Tell, Timer
from vatwatch.traffic.marks import Marks

# Seconds between two looks at what is published.
LOOK_S = 1.0


class NodeWriter:
    """Between the cache and its Redis side."""

    def __init__(
        self, cache: Service, redis: RedisSide, role: NodeRole, due: Tell, again: Callable[[], None]
    ) -> None:
        """`due`: what the cache tells itself when `look` is to be called; `again`: called when
        Redis has lost its data."""
        self._cache, self._redis, self._role = cache, redis, role
        self._due, self._again = due, again
        self._next: Timer | None = None
        if role.collects:
            redis.begin_writing(0)
        self._look_later()

    def use_role(self, served: LiveChanged | None) -> None:
        """The role is another one; `served`: the live state until now."""
        if self._role.collects:
            followed = None if served is None else served.followed
            self._redis.begin_writing(0 if followed is None else followed.epoch)
        else:
            self._redis.stop_writing()
        self._look_later()

    def write(
        self,
        live: LiveChanged,
        marks: Marks,
        bodies: Mapping[Collection, Body],
        configuration: bytes,
    ) -> None:
        """Write what is served, if this node collects; never waits."""
        if not self._role.collects:
            return
        published = None
        if self._role.publishes:
            feed = without_people(live.feed)
            # What it followed was fetched by the collector before.
            fetched = live.fetched and live.followed is None
            published = PublishedState(live.state, feed, live.recovered, marks, fetched)
        self._redis.write(bodies, configuration, published)

    def look(self) -> None:
        """See whether Redis still has what other nodes follow, and come again."""
        self._cache.spawn(self._look)
        self._look_later()

    def _look(self) -> None:
        if self._role.publishes and not self._redis.is_everything_there():
            self._again()

    def _look_later(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._cache.after(LOOK_S, self._due) if self._role.publishes else None
