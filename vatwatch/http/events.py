"""The latest events."""

from __future__ import annotations

import falcon
import msgspec

from vatwatch.http.service import Resource, Service
from vatwatch.messages import GetEvents

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


class EventsResource(Resource):
    """The ring of the event bus. (Older ones are in the table of events.)"""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Newest first; `limit`, and `type` (comma-separated) to choose."""
        limit = req.get_param_as_int("limit", min_value=1, max_value=MAX_LIMIT)
        types = frozenset(
            kind.strip().upper()
            for given in req.get_param_as_list("type") or ()
            for kind in given.split(",")  # Falcon leaves the commas to us
            if kind.strip()
        )
        events = self._service.ask("event_bus", GetEvents(limit or DEFAULT_LIMIT, types))
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"count": len(events), "events": events})
