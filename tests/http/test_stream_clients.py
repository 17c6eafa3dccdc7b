"""A client of the stream that is slow, has gone, or is cut off: it costs the others nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest

from tests.actors.harness import until
from vatwatch.http.shared_block import SharedBlock
from vatwatch.http.stream_client import StreamClient
from vatwatch.http.stream_feeds import QueryFeed, StreamSeat
from vatwatch.http.stream_status import StatusChannel
from vatwatch.live.stream.blocks import StreamBlock, deflated
from vatwatch.live.stream.log import StreamPosition
from vatwatch.live.stream.query import Channel, StreamQuery
from vatwatch.supervision import Tree, supervisor

START = StreamPosition("2026-01-01T00:00:00Z", 1)
# More than the kernel takes for a client that does not read.
LARGE = b"x" * 20_000_000


class Feeds:
    """One feed, without an actor behind it."""

    def __init__(self) -> None:
        self.left: list[StreamSeat] = []

    def next_block(self, seat: StreamSeat) -> SharedBlock | None:
        for kept in seat.feed.blocks:
            if kept.start == seat.at:
                assert kept.end is not None
                seat.at = kept.end
                return kept
        return None

    def leave(self, seat: StreamSeat) -> None:
        self.left.append(seat)


class Served:
    """A client, served in a greenlet as gunicorn serves it."""

    def __init__(self, ours: Any, *, slow_s: float, first: bytes = b"first\n\n") -> None:
        self.feeds = Feeds()
        self.feed = QueryFeed(StreamQuery(frozenset({Channel.POSITIONS})), START)
        self.seat = StreamSeat(self.feed, START)
        self.sent = self.dropped = 0
        self.gone: list[StreamClient] = []
        tree = Tree(supervisor("nothing"))
        self.client = StreamClient(
            self.feeds,  # type: ignore[arg-type]
            StatusChannel(tree, lambda: [self.seat]),
            self.seat,
            SharedBlock.small(first),
            gzip=False,
            connection=ours,
            has_hung_up=None,
            slow_s=slow_s,
            sent=self._sent,
            dropped=self._dropped,
            left=self.gone.append,
        )
        self.serving = gevent.spawn(self._serve, ours)

    def _sent(self, count: int) -> None:
        self.sent += count

    def _dropped(self) -> None:
        self.dropped += 1

    def _serve(self, ours: Any) -> None:
        try:
            for content in self.client:
                ours.sendall(content)
        finally:
            self.client.close()

    def tell(self, plain: bytes) -> None:
        end = StreamPosition("", self.feed.end.sequence + 1)
        self.feed.add(StreamBlock(self.feed.end, end, plain, deflated(plain)))
        self.seat.news.set()


@contextmanager
def served(
    *, slow_s: float = 60.0, first: bytes = b"first\n\n"
) -> Iterator[tuple[Served, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        one = Served(ours, slow_s=slow_s, first=first)
        yield one, theirs
        one.client.end()
        one.serving.join(30)
        assert one.serving.ready()


def received(theirs: socket.socket, text: bytes) -> bytes:
    content = b""
    while text not in content:
        piece = theirs.recv(65536)
        assert piece
        content += piece
    return content


def test_a_client_that_takes_nothing_is_cut_off_and_counted() -> None:
    with served(slow_s=0.3) as (one, theirs):
        one.tell(LARGE)
        until(one.serving.ready)
        assert one.dropped == 1
        assert one.gone == [one.client]
        assert one.feeds.left == [one.seat]
        # What the kernel had is still there, and then the end.
        assert received(theirs, b"first")
        while theirs.recv(1_000_000):
            pass


def test_a_client_that_takes_what_it_is_sent_is_not_cut_off_however_much_it_is() -> None:
    with served(slow_s=60.0) as (one, theirs):
        one.tell(LARGE)
        one.tell(b"the end\n\n")
        assert len(received(theirs, b"the end")) > len(LARGE)
        assert one.dropped == 0
        until(lambda: one.sent > len(LARGE))


def test_a_client_that_has_gone_is_left_at_the_next_write() -> None:
    with served() as (one, theirs):
        received(theirs, b"first")
        theirs.close()
        until(lambda: one.tell(b"more\n\n") or one.serving.ready())
        assert one.dropped == 0
        assert one.feeds.left == [one.seat]


@pytest.mark.parametrize("busy", [False, True])
def test_the_end_comes_at_once_also_to_a_client_that_takes_nothing(busy: bool) -> None:
    with served() as (one, theirs):
        received(theirs, b"first")
        if busy:
            one.tell(LARGE)
            gevent.sleep(0.1)
        one.client.end()
        until(one.serving.ready)
        assert one.dropped == 0


def test_a_client_is_left_once_whoever_closes_it() -> None:
    with served() as (one, theirs):
        received(theirs, b"first")
        one.client.end()
        until(one.serving.ready)
        one.client.close()
        assert one.gone == [one.client]


def test_who_has_missed_nothing_is_sent_nothing_until_there_is_something() -> None:
    with served(first=b"") as (one, theirs):
        one.tell(b"news\n\n")
        content = received(theirs, b"news\n\n\r\n")
        chunks = content.partition(b"\n\n")[2]  # behind the line about coming back
        assert chunks == b"6\r\nnews\n\n\r\n"


def test_a_silent_stream_has_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vatwatch.http.stream_client.HEARTBEAT_S", 0.5)
    with served() as (_one, theirs):
        received(theirs, b"first")
        assert received(theirs, f":\nid: {START.text}\n\n".encode())
