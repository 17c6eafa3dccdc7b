"""`GET /api/stream`: what changes and happens, as server-sent events."""

from __future__ import annotations

from typing import Any, ClassVar

import falcon

from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.area_filters import require_known_areas
from vatwatch.http.bodies import takes_gzip
from vatwatch.http.bounds import counted_as
from vatwatch.http.connection import asker_is_gone, watch_asker
from vatwatch.http.describe import Media, Tag, describe
from vatwatch.http.environ import OPENED
from vatwatch.http.near import near_match
from vatwatch.http.params import Declared, Invalid, text, words
from vatwatch.http.shared_filters import shared_filter_parameters, shared_filters_in
from vatwatch.http.stream_client import SLOW_S, StreamClient
from vatwatch.http.stream_feeds import StreamFeeds, wants_status
from vatwatch.http.stream_places import StreamOwner, StreamPlaces
from vatwatch.http.stream_status import StatusChannel
from vatwatch.live.stream.log import StreamPosition, read_position
from vatwatch.live.stream.query import ALL_CHANNELS, Channel, StreamQuery
from vatwatch.live.stream.records import ID_FIELDS

MEDIA_TYPE = "text/event-stream"
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Vary", "Accept-Encoding"),
    # nginx would wait for more.
    ("X-Accel-Buffering", "no"),
)
# Of the WSGI environment: bytes that went straight to the socket, for the access log.
SENT_BYTES = "vatwatch.sent_bytes"

FILTERED = tuple(ID_FIELDS)
NAMES = [each.value for each in Channel]


def _channel(given: str) -> str:
    if given not in NAMES:
        raise Invalid(f"must have some of {', '.join(NAMES)}", near_match(given, NAMES))
    return given


CHANNELS = words(
    "channels",
    _channel,
    about="What the stream tells of; without it, of all.",
    example=NAMES[0],
    choices=NAMES,
)
LAST_EVENT_ID = text(
    "last_event_id",
    about="The `id` of the last message that the client got, to go on after it: for clients that "
    "cannot send the header `Last-Event-ID`, which goes before it.",
    example="2026-01-31T12:00:00Z/1769860800000000",
)


class StreamHub:
    """The clients of this process: how many there may be, and what became of them."""

    def __init__(self, service: AppContext, places: StreamPlaces) -> None:
        self.places = places
        self.slow_s = SLOW_S
        """How long a client may take nothing."""
        self.opened = self.dropped = 0
        self.feeds = StreamFeeds(service.tree, ask_timeout_s=service.ask_timeout_s)
        self._status = StatusChannel(service.tree, self.feeds.seats)
        self._clients: set[StreamClient] = set()
        self._closed = False

    def open(
        self,
        query: StreamQuery,
        after: StreamPosition | None,
        owner: StreamOwner,
        *,
        gzip: bool,
        environ: dict[str, Any],
    ) -> StreamClient:
        """A client. It has its place until it is closed.

        Raises:
            falcon.HTTPTooManyRequests: there are too many of this owner
            falcon.HTTPServiceUnavailable: there are too many in all, or the service stops
            SupervisionError: the stream's actor does not answer
        """
        if self._closed:
            raise self.places.refusal("The service stops.")
        self.places.take(owner)
        try:
            seat, first = self.feeds.open(query, after)
        except BaseException:
            self.places.give_back(owner)
            raise
        # A client that has gone is not to keep its place until there is something to send.
        watch = watch_asker(seat.news.set)

        def left(client: StreamClient) -> None:
            watch.close()
            self._clients.discard(client)
            self.places.give_back(owner)

        client = StreamClient(
            self.feeds,
            self._status,
            seat,
            first,
            gzip=gzip,
            connection=_connection(environ),
            has_hung_up=asker_is_gone(),
            slow_s=self.slow_s,
            sent=lambda count: environ.update({SENT_BYTES: environ.get(SENT_BYTES, 0) + count}),
            dropped=self._count_dropped,
            left=left,
        )
        self._clients.add(client)
        self.opened += 1
        if wants_status(seat):
            self._status.watch()
        return client

    def close(self) -> None:
        """End all streams, at once: the service stops."""
        self._closed = True
        self.feeds.close()
        self._status.close()
        for client in list(self._clients):
            client.end()

    def _count_dropped(self) -> None:
        self.dropped += 1


class StreamResource(BaseResource):
    """The stream."""

    parameters: ClassVar[Declared] = {
        "GET": (CHANNELS, LAST_EVENT_ID, *shared_filter_parameters(FILTERED))
    }

    def __init__(self, service: AppContext, hub: StreamHub) -> None:
        self._service, self._hub = service, hub

    @describe(
        "What changes and happens, as server-sent events.",
        tag=Tag.LIVE,
        answers={200: Media(MEDIA_TYPE)},
        problems=(503,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """First a `snapshot` of all records, then each `delta`, `event` and `status`, until the
        client or the service goes. docs/api.md says what is in them, and what a client does."""
        query, in_url = self._query(req), LAST_EVENT_ID.of(req)
        # The header is newer: a browser sends it when it comes back, to the same URL.
        given = req.get_header("Last-Event-ID") or in_url
        gzip = takes_gzip(req)
        # A client that cannot be told what it has missed gets a snapshot.
        resp.stream = req.env[OPENED] = self._hub.open(
            query, read_position(given), self._owner(req), gzip=gzip, environ=req.env
        )
        _set_head(resp, gzip=gzip)

    def on_head(self, req: falcon.Request, resp: falcon.Response, **_params: Any) -> None:
        """The headers of a stream, without opening one."""
        self._query(req)
        LAST_EVENT_ID.of(req)
        _set_head(resp, gzip=takes_gzip(req))

    def _owner(self, req: falcon.Request) -> StreamOwner:
        """Whom the client counts for: the same as its requests do (`Bounds`)."""
        caller = self._service.authorization.callers.counted_as(req)
        if caller is None:
            return StreamOwner("address", counted_as(req.context.client))
        return StreamOwner("key", caller.who)

    def _query(self, req: falcon.Request) -> StreamQuery:
        channels = frozenset(map(Channel, CHANNELS.of(req)))
        filters = shared_filters_in(req, FILTERED)
        require_known_areas(self._service, filters.values())
        return StreamQuery(channels or ALL_CHANNELS, filters)


def _set_head(resp: falcon.Response, *, gzip: bool) -> None:
    resp.content_type = MEDIA_TYPE
    resp.set_headers(HEADERS)
    if gzip:
        resp.set_header("Content-Encoding", "gzip")


def _connection(environ: dict[str, Any]) -> Any:
    """The socket, if the answer is chunked: HTTP/1.0 has no chunks."""
    return None if environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else environ.get("gunicorn.socket")
