"""The channel `status`: how the service and the feed are, whenever that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import Context
from datetime import datetime

import gevent
import msgspec
from msgspec import Struct

from vatwatch.errors import SupervisionError
from vatwatch.http.shared_block import SharedBlock
from vatwatch.http.stream_feeds import StreamSeat, wants_status
from vatwatch.live.stream.messages import encode_message
from vatwatch.messages import GetReports, Reports
from vatwatch.messages.status import CacheStatus, FetcherStatus
from vatwatch.supervision import Tree, give_way

# How often it is looked at, while anybody wants to know.
LOOK_S = 1.0


class StreamedFeed(Struct, frozen=True):
    """The feed: whether it answers, whether it has stopped to advance, and whether what is served
    was recovered and not fetched since the start."""

    reachable: bool
    frozen: bool
    recovered: bool


class StreamedStatus(Struct, frozen=True):
    """How the service is, as in /api/status."""

    status: str
    reason: str
    since: datetime
    feed: StreamedFeed


class StatusChannel:
    """Looks, as long as there is anybody to tell."""

    def __init__(self, tree: Tree, seats: Callable[[], Iterable[StreamSeat]]) -> None:
        self._tree = tree
        self._seats = seats
        self._watcher: gevent.Greenlet[[], None] | None = None
        self.latest: SharedBlock | None = None
        """None: nobody has looked yet."""

    def watch(self) -> None:
        """Somebody wants to know."""
        if self._watcher is None or self._watcher.dead:
            self._watcher = Context().run(gevent.spawn, self._watch)

    def close(self) -> None:
        """Look no more."""
        if self._watcher is not None:
            self._watcher.kill(block=False)

    def _watch(self) -> None:
        """In a greenlet of its own, until nobody is left."""
        while any(map(wants_status, self._seats())):
            try:
                reports = self._tree.directory.address("health_monitor").ask(
                    GetReports(), timeout_s=LOOK_S, public=True
                )
            except SupervisionError:
                gevent.sleep(LOOK_S)
                continue
            plain = encode_message("status", msgspec.json.encode(_status(reports)))
            if self.latest is None or self.latest.plain != plain:
                self.latest = SharedBlock.small(plain)
                for seat in self._seats():
                    seat.news.set()
                    give_way()
            gevent.sleep(LOOK_S)
        self.latest = None


def _status(reports: Reports) -> StreamedStatus:
    fetcher, cache = reports.status_of(FetcherStatus), reports.status_of(CacheStatus)
    return StreamedStatus(
        reports.health.value,
        reports.reason,
        reports.whole.since,
        StreamedFeed(fetcher.reachable, fetcher.frozen, cache.recovered),
    )
