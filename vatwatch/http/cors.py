"""Which pages of other origins may read the answers in a browser (CORS, the Fetch standard).

They may only read: GET and HEAD. Credentials such as cookies are never allowed, so a page cannot
use anything that its visitor's browser knows.

Falcon's CORSMiddleware is not used: it lets pages send every method that a route has, and leaves
out the header from answers to requests without an `Origin`, which a shared cache would then give
to pages, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import falcon

from vatwatch.config.access import AccessSettings
from vatwatch.http.header_sets import header_set, set_all

ANY = "*"
METHODS = "GET, HEAD, OPTIONS"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
# Headers that a page may send, beyond those that need no permission.
ALLOWED_HEADERS = (
    "Cache-Control, Content-Type, If-Modified-Since, If-None-Match, Last-Event-ID, X-Request-ID"
)
# Headers that a page may read, beyond Cache-Control, Content-Length, Content-Type and the like.
EXPOSED_HEADERS = (
    "ETag, Link, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, "
    "Retry-After, X-Request-ID, X-Total-Count"
)
# The longest that any browser keeps the answer to a preflight request (Firefox; Chromium: 2 h).
MAX_AGE_S = 24 * 3600
# What every answer to a read has with `*`.
_READ_BY_ALL = header_set(
    {"Access-Control-Allow-Origin": ANY, "Access-Control-Expose-Headers": EXPOSED_HEADERS}
)


class CrossOrigin:
    """Falcon's middleware. Errors get its headers, too, or a page could not tell them apart."""

    def __init__(self, origins: Sequence[str] | None) -> None:
        """`origins` such as `https://example.org`, as browsers send them; or `*` alone for all.
        None: no pages of other origins, and no CORS headers.
        """
        self._allow(origins)

    def change(self, access: AccessSettings) -> None:
        """Allow what these settings allow."""
        self._allow(access.cors_origins)

    def _allow(self, origins: Sequence[str] | None) -> None:
        self._off = origins is None
        self._any = tuple(origins or ()) == (ANY,)
        self._origins = frozenset(origins or ())

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Set the headers: whether the page may read this answer, and for OPTIONS, what it may
        ask."""
        if self._off or req.method not in READS:
            return
        if self._any and req.method != "OPTIONS":
            set_all(resp, _READ_BY_ALL)
            return
        if self._any:
            origin: str | None = ANY
        else:
            # The answer differs by the page's origin, which caches must know.
            resp.append_header("Vary", "Origin")
            origin = req.get_header("Origin")
            if origin not in self._origins:
                return
        resp.set_header("Access-Control-Allow-Origin", str(origin))
        if req.method != "OPTIONS":
            resp.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)
        elif req.get_header("Access-Control-Request-Method"):
            resp.set_header("Access-Control-Allow-Methods", METHODS)
            resp.set_header("Access-Control-Allow-Headers", ALLOWED_HEADERS)
            resp.set_header("Access-Control-Max-Age", str(MAX_AGE_S))
