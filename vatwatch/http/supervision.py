"""The supervision tree as it stands."""

from __future__ import annotations

import falcon
import msgspec

from vatwatch.http.service import Resource, Service


class TreeResource(Resource):
    """Every node: path, strategy, state, restarts, mailbox, latencies, last failure."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """The tree, from its root."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(self._service.tree.snapshot())
