"""The streams of this process: one question to the stream's actor for all clients who ask the same.

A client has nothing of its own but how far it has got. What comes next for a query is asked for
once and handed to all its clients; who is elsewhere, because he has just come or is slow, asks for
what he has missed, and is with the others again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextvars import Context
from random import uniform
from time import monotonic

import gevent
from gevent.event import Event

from vatwatch.errors import AskTimeout, SupervisionError, TooManyQuestions
from vatwatch.http.shared_block import SharedBlock
from vatwatch.live.stream.blocks import StreamBlock
from vatwatch.live.stream.log import StreamPosition
from vatwatch.live.stream.query import Channel, StreamQuery
from vatwatch.messages import AwaitStream, OpenStream
from vatwatch.supervision import Reply, Tree, give_way

log = logging.getLogger(__name__)

# How long one question for what comes next waits. It is asked again then: a question that got lost
# must not stop all streams for long.
AWAIT_S = 5.0
# Between two questions: what happens within this time comes in one block.
TOGETHER_S = 0.2
# After a failure: the stream's actor is being restarted.
RETRY_S = 0.3
# Clients that are woken in one go. Each takes a tenth of a millisecond, and requests are answered
# in between.
WOKEN_AT_ONCE = 10
# Blocks that are kept for clients who are a little behind; who is further behind asks.
KEPT_BLOCKS = 2


class StreamSeat:
    """A client's place: what it asks for, and how far it has got."""

    __slots__ = ("at", "feed", "news", "status")

    def __init__(self, feed: QueryFeed, at: StreamPosition) -> None:
        self.feed = feed
        self.at = at
        self.news = Event()
        self.status: SharedBlock | None = None
        """The latest status that it was sent."""


class QueryFeed:
    """What comes for one query."""

    def __init__(self, query: StreamQuery, end: StreamPosition) -> None:
        self.query = query
        self.end = end
        self.blocks: deque[SharedBlock] = deque(maxlen=KEPT_BLOCKS)
        self.seats: set[StreamSeat] = set()
        self._opened: tuple[StreamBlock, SharedBlock] | None = None

    def first(self, block: StreamBlock) -> SharedBlock:
        """The first block of a client: the same for those who come at the same time, as each would
        have a megabyte of its own otherwise."""
        if self._opened is None or self._opened[0] is not block:
            self._opened = block, SharedBlock.of(block, None)
        return self._opened[1]

    def add(self, block: StreamBlock) -> bool:
        """Go on with a block; a snapshot, too, is for those who have got as far as this. Returns
        whether there is anything to send."""
        self._opened = None
        if not block.plain:
            for seat in self.seats:
                if seat.at == self.end:
                    seat.at = block.end
            self.end = block.end
            return False
        self.blocks.append(SharedBlock.of(block, self.end))
        self.end = block.end
        return True


class StreamFeeds:
    """All queries that have clients."""

    def __init__(self, tree: Tree, *, ask_timeout_s: float) -> None:
        self._tree = tree
        self._ask_timeout_s = ask_timeout_s
        self._feeds: dict[StreamQuery, QueryFeed] = {}
        self._asked: dict[tuple[StreamQuery, StreamPosition | None], Reply[StreamBlock]] = {}
        self._wanted = Event()
        self._asker: gevent.Greenlet[[], None] | None = None
        self._closed = False

    def seats(self) -> Iterator[StreamSeat]:
        """Of all clients."""
        for feed in list(self._feeds.values()):
            yield from list(feed.seats)

    def open(
        self, query: StreamQuery, after: StreamPosition | None
    ) -> tuple[StreamSeat, SharedBlock]:
        """A seat, and the first block for it. Raises SupervisionError if the actor does not
        answer."""
        block = self._fetch(query, after)
        feed = self._feeds.get(query)
        if feed is None:
            feed = self._feeds[query] = QueryFeed(query, block.end)
        seat = StreamSeat(feed, block.end)
        feed.seats.add(seat)
        if self._asker is None:
            # In a context of its own: what it does is not the work of this request.
            self._asker = Context().run(gevent.spawn, self._ask_for_all)
        self._wanted.set()
        return seat, feed.first(block)

    def leave(self, seat: StreamSeat) -> None:
        """Give a seat back."""
        feed = seat.feed
        feed.seats.discard(seat)
        if not feed.seats and self._feeds.get(feed.query) is feed:
            del self._feeds[feed.query]

    def next_block(self, seat: StreamSeat) -> SharedBlock | None:
        """What comes next for a seat; None: nothing yet. Moves it.

        Raises:
            SupervisionError: the actor does not answer
        """
        feed = seat.feed
        if seat.at == feed.end:
            return None
        for kept in feed.blocks:
            if kept.start == seat.at:
                seat.at = kept.end or seat.at
                return kept
        block = self._fetch(feed.query, seat.at)
        seat.at = block.end
        return SharedBlock.of(block, seat.at) if block.plain else None

    def close(self) -> None:
        """Ask no more."""
        self._closed = True
        if self._asker is not None:
            self._asker.kill(block=False)

    def _fetch(self, query: StreamQuery, after: StreamPosition | None) -> StreamBlock:
        """What follows a position. Who asks the same at the same time gets the same answer."""
        key = (query, after)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = Reply()
            try:
                asked.set(self._ask(OpenStream(query, after)))
            except BaseException as error:
                asked.fail(error)
                raise
            finally:
                del self._asked[key]
        return asked.get()

    def _ask(self, message: OpenStream) -> StreamBlock:
        deadline = monotonic() + self._ask_timeout_s
        while True:
            try:
                return self._tree.directory.address("stream").ask(
                    message, timeout_s=self._ask_timeout_s, public=True
                )
            except TooManyQuestions:
                # When a thousand clients with areas of their own come back at once.
                if monotonic() > deadline:
                    raise
                gevent.sleep(uniform(0.05, 0.3))  # noqa: S311 - only to spread them

    def _ask_for_all(self) -> None:
        """In a greenlet of its own, as long as the process lives."""
        while not self._closed:
            feeds = [feed for feed in self._feeds.values() if feed.seats]
            if not feeds:
                self._wanted.clear()
                self._wanted.wait()
                continue
            try:
                blocks = self._tree.directory.address("stream").ask(
                    AwaitStream(tuple((feed.query, feed.end) for feed in feeds)),
                    timeout_s=AWAIT_S,
                    public=True,
                )
            except AskTimeout:
                continue
            except SupervisionError:
                gevent.sleep(RETRY_S)
                continue
            except Exception:
                # A bug in what makes the blocks comes here, and must not end all streams for good.
                log.exception("What comes next in the streams could not be made.")
                gevent.sleep(RETRY_S)
                continue
            for feed, block in zip(feeds, blocks, strict=True):
                if block is not None and feed.add(block):
                    self._wake(feed)
            gevent.sleep(TOGETHER_S)

    def _wake(self, feed: QueryFeed) -> None:
        for number, seat in enumerate(list(feed.seats), 1):
            seat.news.set()
            if number % WOKEN_AT_ONCE == 0:
                give_way()


def wants_status(seat: StreamSeat) -> bool:
    """Whether a client follows the channel `status`."""
    return Channel.STATUS in seat.feed.query.channels
