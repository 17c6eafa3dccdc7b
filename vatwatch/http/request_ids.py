"""The id of each request: its answer, its log lines and its errors have the same one."""

from __future__ import annotations

import re

import falcon

from vatwatch.logs.context import OneRequest, new_request_id, take_ids_from
from vatwatch.redaction import redact

HEADER = "X-Request-ID"
# Allows UUIDs, trace ids, base64 and load balancers' variants of them; no character with a meaning
# for a log, a terminal or a shell.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+/=@-]{0,127}", re.ASCII)
# Its key in the WSGI environment, for the access log.
ENVIRON = "vatwatch.request_id"


class RequestIds:
    """Falcon's outermost middleware, so that refused requests are answered with their id, too."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Use the id of the client or a proxy if it is safe; otherwise make one."""
        given = req.env.get("HTTP_X_REQUEST_ID")
        request_id = new_request_id() if given is None else accepted(given)
        req.env[ENVIRON] = request_id
        take_ids_from(OneRequest(request_id))
        resp.set_header(HEADER, request_id)


def accepted(given: str) -> str:
    """The given id, or a new one if that is too long, unsafe, or contains a secret."""
    if _SAFE.fullmatch(given) is None or redact(given) != given:
        return new_request_id()
    return given
