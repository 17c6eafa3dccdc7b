"""The live state: encoded collections (gzip, ETag), single records, and the track of a flight. The
path of a callsign with a slash is handled here, too."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import falcon
import msgspec
from msgspec import Struct

from vatwatch.errors import ActorUnavailable, SupervisionError
from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.params import remember_declared, require_declared
from vatwatch.http.problems import App
from vatwatch.live.records import Body, Collection
from vatwatch.messages import FindFlightId, FindLive, FindTrack, GetLive
from vatwatch.supervision import Fallback

# The singular of each collection's name.
ONE = {
    Collection.FLIGHTS: "flight",
    Collection.CONTROLLERS: "controller",
}
# VATSIM publishes every 15 s, so asking more often than this is useless.
MAX_AGE_S = 5
HEADERS = (("Cache-Control", f"public, max-age={MAX_AGE_S}"), ("Vary", "Accept-Encoding"))
# Longer than other questions: the database may be busy writing a batch.
TRACK_TIMEOUT_S = 15.0
METHODS = ("GET", "HEAD", "OPTIONS")


class CollectionResource(BaseResource):
    """A whole collection, with an ETag, compressed if the client takes it."""

    def __init__(self, service: AppContext, collection: Collection) -> None:
        self._ask = partial(service.ask, "cache", GetLive(collection))
        self._last: Body | None = None
        # Without the cache, its last answer is better than nothing; it contains its time.
        self._live = service.recovery(
            f"live {collection.value}", Fallback(self._last_good, on=(SupervisionError,))
        )

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Everything that the latest snapshot shows."""
        # A cache that was just restarted is empty for a moment.
        self._last = body = self._live.call(self._ask) or self._last
        if body is None:
            raise falcon.HTTPServiceUnavailable(
                description="Nothing has been fetched or recovered yet; see /api/status.",
                retry_after=MAX_AGE_S,
            )
        resp.set_headers((("ETag", body.etag), *HEADERS))
        if _is_known(req, body.etag):
            resp.status = falcon.HTTP_304
            return
        resp.content_type = falcon.MEDIA_JSON
        if _takes_gzip(req):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = body.gzipped
        else:
            resp.data = body.plain

    def _last_good(self) -> Body:
        if self._last is None:
            raise ActorUnavailable("The cache does not answer, and nothing has been served before.")
        return self._last


class RecordResource(BaseResource):
    """One record of a collection."""

    def __init__(self, service: AppContext, collection: Collection) -> None:
        self._service = service
        self._collection = collection

    def on_get(self, _req: falcon.Request, resp: falcon.Response, callsign: str) -> None:
        """The client with this callsign, or else one whose callsign differs only in case."""
        record = self._service.ask("cache", FindLive(self._collection, callsign))
        if record is None:
            raise falcon.HTTPNotFound(
                description=f"No {ONE[self._collection]} is online as {callsign.upper()}."
            )
        resp.content_type = falcon.MEDIA_JSON
        resp.data = record


class TrackPoint(Struct, frozen=True):
    """One point of a track: degrees, feet, knots, degrees true."""

    time: datetime
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None
    heading: int | None


class TrackBody(Struct, frozen=True):
    """A track. `flight_id` is a text, as JavaScript's numbers end at 2^53."""

    callsign: str
    flight_id: str
    derive_again: bool
    count: int
    points: list[TrackPoint]


class TrackResource(BaseResource):
    """The track of the flight that is online under a callsign, else of the latest one."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response, callsign: str) -> None:
        """Every position that is kept, oldest first."""
        if (
            not callsign.isprintable()
        ):  # PostgreSQL's texts cannot contain NUL, nor half a character
            raise falcon.HTTPNotFound(description="Not a valid callsign.")
        flight_id = self._service.ask("cache", FindFlightId(callsign))
        track = self._service.ask(
            "history", FindTrack(callsign, flight_id), timeout_s=TRACK_TIMEOUT_S
        )
        if track is None:
            raise falcon.HTTPNotFound(
                description=f"No flight is known under the callsign {callsign.upper()}."
            )
        points = [
            TrackPoint(p.time, p.latitude, p.longitude, p.altitude, p.groundspeed, p.heading)
            for p in track.points
        ]
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(
            TrackBody(
                track.callsign or callsign.upper(),
                str(track.flight_id),
                track.derive_again,
                len(points),
                points,
            )
        )


def add_callsigns_with_slashes(
    app: App, path: str, resource: RecordResource | TrackResource, suffix: str = ""
) -> None:
    """Let `resource` answer for callsigns that hold a slash, however it is escaped.

    A server decodes the path before it is routed, so `A%2FB` arrives as two segments. Paths without
    a route come here.
    """

    def answer(req: falcon.Request, resp: falcon.Response, **found: Any) -> None:
        if req.method == "OPTIONS":
            resp.set_header("Allow", ", ".join(METHODS))
            return
        if req.method not in METHODS:
            raise falcon.HTTPMethodNotAllowed(METHODS)
        remember_declared(req, resource)
        require_declared(req)
        resource.on_get(req, resp, found["callsign"])

    app.add_sink(answer, re.compile(rf"{re.escape(path)}/(?P<callsign>.+/.+){suffix}\Z"))


def _is_known(req: falcon.Request, etag: str) -> bool:
    """RFC 9110, 13.1.2: a weak comparison with any of the tags, or `*`."""
    given = req.env.get("HTTP_IF_NONE_MATCH")
    if not given:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in tags or "*" in tags


def _takes_gzip(req: falcon.Request) -> bool:
    """Whether the client takes gzip."""
    return _offers_gzip(req.env.get("HTTP_ACCEPT_ENCODING", ""))


# There are few kinds of clients, and each sends the same header with every request.
@lru_cache(maxsize=64)
def _offers_gzip(offers: str) -> bool:
    """RFC 9110, 12.5.3: named, or `*`, and not with a weight of zero."""
    for offer in offers.lower().split(","):
        coding, _, weight = offer.strip().partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
