"""The live state: encoded collections (gzip, ETag), and single records. The path of a callsign with
a slash is handled here, too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import falcon
from msgspec import Struct

from vatwatch.errors import ActorUnavailable, SupervisionError
from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.area_filters import require_known_areas
from vatwatch.http.bodies import send_body, send_part
from vatwatch.http.describe import Tag, description
from vatwatch.http.formats import (
    LISTED,
    PLACED,
    Formats,
    format_of,
    format_parameter,
    other_media,
)
from vatwatch.http.params import Declared, remember_declared, require_declared
from vatwatch.http.problems import RETRY_AFTER_S, App
from vatwatch.http.query_params import query_of, query_parameters
from vatwatch.http.tracks import CALLSIGN
from vatwatch.live.answers import (
    AtisAnswer,
    ControllersAnswer,
    FlightsAnswer,
    PartsAnswer,
    PrefilesAnswer,
    TransceiversAnswer,
)
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.live_answers import answer_one
from vatwatch.live.query.selection import EVERYTHING
from vatwatch.live.records import Body, Collection, LiveController, LiveFlight, Network
from vatwatch.messages import QueryLive
from vatwatch.supervision import Fallback

# The singular of each collection's name.
ONE = {
    Collection.FLIGHTS: "flight",
    Collection.CONTROLLERS: "controller",
}
METHODS = ("GET", "HEAD", "OPTIONS")
WHOLE: Mapping[Collection, tuple[str, type[Struct]]] = {
    Collection.FLIGHTS: ("Every pilot who is online.", FlightsAnswer),
    Collection.CONTROLLERS: ("Every controller who is online, observers too.", ControllersAnswer),
    Collection.ATIS: ("Every ATIS on the air, and those that left lately.", AtisAnswer),
    Collection.PREFILES: ("Every plan of somebody who is not connected.", PrefilesAnswer),
    Collection.TRANSCEIVERS: ("The radios of every client that has any.", TransceiversAnswer),
    Collection.NETWORK: ("Counts, and VATSIM's lists of servers, facilities and ratings.", Network),
}
RECORDS: Mapping[Collection, type[Struct]] = {
    Collection.FLIGHTS: LiveFlight,
    Collection.CONTROLLERS: LiveController,
}


class CollectionResource(BaseResource):
    """A collection, whole or what a query selects; with an ETag, compressed if the client takes
    it."""

    collection: ClassVar[Collection]
    formats: ClassVar[Formats] = (AnswerFormat.JSON,)

    def __init__(self, service: AppContext) -> None:
        self._service = service
        self._last: Body | None = None
        summary, answer = WHOLE[self.collection]
        answers = (answer, PartsAnswer, *other_media(self.formats)) if self.parameters else answer
        self.descriptions = {
            "GET": description(
                summary,
                tag=Tag.LIVE,
                answers={200: answers, 304: None},
                problems=(406, 503),
                details="What the latest snapshot shows: everything, or what is asked for.",
            )
        }
        # Without the cache, its last answer is better than nothing; it contains its time.
        self._live = service.recovery(
            f"live {self.collection.value}", Fallback(self._last_good, on=(SupervisionError,))
        )

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """What the latest snapshot shows: everything, or what is asked for."""
        wanted = format_of(req, self.formats)
        query = query_of(req, self.collection) if req.params else EVERYTHING
        body: Body | None
        if query == EVERYTHING and wanted is AnswerFormat.JSON:
            # A cache that was just restarted is empty for a moment.
            self._last = body = self._live.call(self._whole) or self._last
        else:
            require_known_areas(self._service, [query.filters])
            body = self._service.ask("cache", QueryLive(self.collection, query, wanted))
        if body is None:
            raise nothing_yet()
        send_body(req, resp, body, wanted)

    def _whole(self) -> Body | None:
        table = self._service.live()
        return None if table is None else table.whole(self.collection)

    def _last_good(self) -> Body:
        if self._last is None:
            raise ActorUnavailable("The cache does not answer, and nothing has been served before.")
        return self._last


class FlightsResource(CollectionResource):
    """Pilots who are online."""

    collection = Collection.FLIGHTS
    formats = PLACED
    parameters: ClassVar[Declared] = {
        "GET": (*query_parameters(collection), format_parameter(formats))
    }


class ControllersResource(CollectionResource):
    """Controllers and observers who are online."""

    collection = Collection.CONTROLLERS
    formats = PLACED
    parameters: ClassVar[Declared] = {
        "GET": (*query_parameters(collection), format_parameter(formats))
    }


class AtisResource(CollectionResource):
    """ATIS stations."""

    collection = Collection.ATIS
    formats = LISTED
    parameters: ClassVar[Declared] = {
        "GET": (*query_parameters(collection), format_parameter(formats))
    }


class PrefilesResource(CollectionResource):
    """Plans of people who are not connected."""

    collection = Collection.PREFILES
    formats = LISTED
    parameters: ClassVar[Declared] = {
        "GET": (*query_parameters(collection), format_parameter(formats))
    }


class TransceiversResource(CollectionResource):
    """The radios of everybody."""

    collection = Collection.TRANSCEIVERS
    formats = PLACED
    parameters: ClassVar[Declared] = {
        "GET": (*query_parameters(collection), format_parameter(formats))
    }


class NetworkResource(CollectionResource):
    """The network as a whole."""

    collection = Collection.NETWORK


class RecordResource(BaseResource):
    """One record of a collection."""

    parameters: ClassVar[Declared] = {"GET": (format_parameter(PLACED),)}

    def __init__(self, service: AppContext, collection: Collection) -> None:
        self._service = service
        self._collection = collection
        self.descriptions = {
            "GET": description(
                f"One {ONE[collection]} that is online.",
                tag=Tag.LIVE,
                answers={200: (RECORDS[collection], *other_media(PLACED)), 304: None},
                problems=(404, 406, 503),
                path=(CALLSIGN,),
                details="The one with this callsign, or else one whose callsign differs only in "
                "case.",
            )
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response, callsign: str) -> None:
        """The client with this callsign, or else one whose callsign differs only in case."""
        wanted = format_of(req, PLACED)
        table = self._service.live()
        if table is None or self._collection not in table.bodies:
            raise nothing_yet()
        found = table.find(self._collection, callsign)
        if found is None:
            raise falcon.HTTPNotFound(
                description=f"No {ONE[self._collection]} is online as {callsign.upper()}."
            )
        part = found.plain
        if wanted is not AnswerFormat.JSON:
            part = answer_one(self._collection, part, wanted)
        send_part(req, resp, part, found.whole, wanted)


def nothing_yet() -> falcon.HTTPServiceUnavailable:
    """The answer while there is no live state."""
    return falcon.HTTPServiceUnavailable(
        description="Nothing has been fetched or recovered yet; see /api/status.",
        retry_after=RETRY_AFTER_S,
    )


class OfOneName(Protocol):
    """A resource that answers about one name: a callsign, or a sector's."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str, /) -> None:
        """Answer."""


def add_names_with_slashes(app: App, path: str, resource: OfOneName, suffix: str = "") -> None:
    """Let `resource` answer for names that hold a slash, however it is escaped.

    A server decodes the path before it is routed, so `A%2FB` arrives as two segments. Paths without
    a route come here.
    """

    def answer(req: falcon.Request, resp: falcon.Response, **found: Any) -> None:
        if req.method == "OPTIONS":
            resp.set_header("Allow", ", ".join(METHODS))
            return
        if req.method not in METHODS:
            raise falcon.HTTPMethodNotAllowed(METHODS)
        req.context.read_access.admit(req, resource)
        remember_declared(req, resource)
        require_declared(req)
        resource.on_get(req, resp, found["name"])

    app.add_sink(answer, re.compile(rf"{re.escape(path)}/(?P<name>.+/.+){suffix}\Z"))
