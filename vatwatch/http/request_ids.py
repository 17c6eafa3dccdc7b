"""The id of each request: what its answer, its lines in the logs and its errors have in common."""

from __future__ import annotations

import re

import falcon

from vatwatch.logs.context import WorkIds, new_request_id, work_on
from vatwatch.redaction import redact

HEADER = "X-Request-ID"
# UUIDs, trace ids, base64 and what load balancers make of them; nothing that could mean anything
# to a log, a terminal or a shell, and not longer than anybody's.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+/=@-]{0,127}", re.ASCII)
# Where it stands in the WSGI environment, for the access log.
ENVIRON = "vatwatch.request_id"


class RequestIds:
    """Falcon's middleware, the outermost: whatever refuses a request answers with its id."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take the id that the client or a proxy has given, if it is a safe one; else make one."""
        given = req.env.get("HTTP_X_REQUEST_ID")
        request_id = new_request_id() if given is None else accepted(given)
        req.env[ENVIRON] = request_id
        work_on(WorkIds(request_id))
        resp.set_header(HEADER, request_id)


def accepted(given: str) -> str:
    """The id that was given, or a new one if that is too long, unsafe, or holds a secret."""
    if _SAFE.fullmatch(given) is None or redact(given) != given:
        return new_request_id()
    return given
