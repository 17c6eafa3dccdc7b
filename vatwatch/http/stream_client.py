"""One client of the stream: what it is sent, and how it is written to its connection.

gunicorn would copy each block for each client to make a chunk of it. So the first bytes go through
gunicorn, with the head of the answer, and all others straight to the socket, from the bytes that
all clients share.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import randint, uniform
from typing import Any

from vatwatch.errors import SupervisionError
from vatwatch.http.shared_block import SharedBlock
from vatwatch.http.stream_feeds import RETRY_S, StreamFeeds, StreamSeat, wants_status
from vatwatch.http.stream_status import StatusChannel
from vatwatch.live.stream.blocks import GZIP_HEADER
from vatwatch.live.stream.messages import encode_position

log = logging.getLogger(__name__)

# Proxies close what is silent for longer: nginx after 60 s, AWS's and Google's balancers after 30
# to 60 s. A client that has gone is noticed by then.
HEARTBEAT_S = 15.0
# A block of a hundred kilobytes takes so long at 30 kbit/s, less than any connection has.
SLOW_S = 30.0
# What the kernel may hold for one client; it would take up to 4 MB for one that does not read.
SEND_BUFFER_BYTES = 256 * 1024
# After which time clients come back, in milliseconds: not all in the same moment.
LEAST_RETRY_MS, MOST_RETRY_MS = 1000, 5000


class StreamClient:
    """The body of an answer, for gunicorn to iterate over."""

    def __init__(
        self,
        feeds: StreamFeeds,
        status: StatusChannel,
        seat: StreamSeat,
        first: SharedBlock,
        *,
        gzip: bool,
        connection: Any,
        has_hung_up: Callable[[], bool] | None,
        slow_s: float,
        sent: Callable[[int], None],
        dropped: Callable[[], None],
        left: Callable[[StreamClient], None],
    ) -> None:
        """
        Args:
            connection: its socket, if chunks may be written there; None: all goes through the
                server
            has_hung_up: whether the client has gone; None: it cannot be told
            slow_s: how long it may take nothing
            sent: called with the bytes that went straight to the socket
            dropped: called when it is disconnected because it is too slow
            left: called once, when it is served no more
        """
        self._feeds, self._status, self._seat = feeds, status, seat
        self._first: SharedBlock | None = first
        self._gzip = gzip
        self._connection = connection
        self._has_hung_up = has_hung_up
        self._slow_s = slow_s
        self._sent, self._dropped, self._left = sent, dropped, left
        self._writing = self._closing = False
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        # With a head of its own: gunicorn sends it with the first bytes.
        retry = b"retry: %d\n\n" % randint(LEAST_RETRY_MS, MOST_RETRY_MS)  # noqa: S311
        yield GZIP_HEADER + SharedBlock.small(retry).compressed if self._gzip else retry
        if self._connection is None:
            for block in self._blocks():
                yield block.compressed if self._gzip else block.plain
            return
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._connection.settimeout(self._slow_s)
        for block in self._blocks():
            if not self._write(block.compressed_chunk if self._gzip else block.plain_chunk):
                return
        self._connection.settimeout(None)

    def close(self) -> None:
        """Called by gunicorn at the end, whatever that was."""
        if self._open:
            self._open = False
            self._feeds.leave(self._seat)
            self._left(self)

    def end(self) -> None:
        """End it at once: the service stops."""
        self._closing = True
        self._seat.news.set()
        if self._writing:
            self._hang_up()

    def _blocks(self) -> Iterator[SharedBlock]:
        """What it is sent, one after another, until the service stops."""
        first, self._first = self._first, None
        # Who comes back to the end has missed nothing; an empty chunk would end the answer.
        if first is not None and first.plain:
            yield first
        del first  # a snapshot is a megabyte
        seat = self._seat
        while not self._closing and not (self._has_hung_up is not None and self._has_hung_up()):
            seat.news.clear()
            wait_s = HEARTBEAT_S * uniform(0.8, 1.2)  # noqa: S311 - not all in the same moment
            try:
                block = self._feeds.next_block(seat)
            except SupervisionError:
                block, wait_s = None, RETRY_S  # the actor is being restarted
            if block is not None:
                yield block
                continue
            latest = self._status.latest
            if latest is not None and seat.status is not latest and wants_status(seat):
                seat.status = latest
                yield latest
                continue
            if not seat.news.wait(wait_s) and wait_s > RETRY_S and not self._closing:
                # With the id: what was not told moves it, too.
                yield SharedBlock.small(b":\n" + encode_position(seat.at))

    def _write(self, chunk: bytes) -> bool:
        """Whether the client has taken it."""
        self._writing = True
        try:
            self._connection.sendall(chunk)
        except TimeoutError:
            log.info("A client of the stream took nothing for %g s; it was cut off.", self._slow_s)
            self._dropped()
            self._hang_up()
            return False
        except OSError:
            self._hang_up()  # it has gone
            return False
        finally:
            self._writing = False
        self._sent(len(chunk))
        return True

    def _hang_up(self) -> None:
        """Let nobody wait for this connection any more."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
