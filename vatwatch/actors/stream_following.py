"""How the stream of a node that does not collect goes the same way as that of the one that does.

Its log comes from Redis, where the other one keeps it, so its positions are the same: a client that
has lost one node goes on at another.
"""

from __future__ import annotations

from collections.abc import Callable

from gevent import Greenlet

from vatwatch.actors.service import Service
from vatwatch.actors.stream_memory import StreamMemory
from vatwatch.actors.stream_redis import StreamRedis
from vatwatch.live.stream.log import StateEntry, StreamLog
from vatwatch.storage.stream_mirror import StreamNews


class StreamFollowing:
    """Brings what is new in Redis into the memory of the stream."""

    def __init__(
        self, actor: Service, redis: StreamRedis, memory: StreamMemory, on_news: Callable[[], None]
    ) -> None:
        """`on_news`: called when there are new entries."""
        self._actor, self._redis, self._memory = actor, redis, memory
        self._on_news = on_news
        self._due = False
        self._reading: Greenlet[..., object] | None = None
        self._ended = False

    def look(self) -> None:
        """See soon whether there is news; never waits."""
        self._due = True
        if self._reading is None:
            self._reading = self._actor.spawn(self._read)

    def end(self) -> None:
        """This node collects from now on: what is still being read does not count."""
        self._ended = True

    def stop(self) -> None:
        """The actor stops, and is about to close what is read from."""
        self._ended = True
        if self._reading is not None:
            self._reading.kill()

    def _read(self) -> None:
        """In a greenlet of its own."""
        try:
            while self._due and not self._ended:
                self._due = False
                news = self._redis.news(self._memory.log)
                if news is not None and not self._ended:
                    self._take(news)
        finally:
            self._reading = None

    def _take(self, news: StreamNews) -> None:
        memory, head = self._memory, news.head
        if news.is_anew:
            memory.log = StreamLog(head.start)
        memory.log.follow(head.start, news.entries, head.events_from)
        memory.is_whole = head.whole
        if news.state is not None:
            # Of several steps nobody knows the one before the last.
            steps = sum(isinstance(entry, StateEntry) for entry in news.entries)
            memory.before = memory.state if steps == 1 and not news.is_anew else None
            memory.state = news.state
        if news.entries or news.is_anew:
            self._on_news()
