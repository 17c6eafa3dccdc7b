"""What the API is: the OpenAPI document, and the page to read it and to try it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, ClassVar

import falcon
import gevent
import msgspec

from vatwatch.http.access import Scopes
from vatwatch.http.app_context import BaseResource
from vatwatch.http.bodies import MOST_AGE_S, send_body
from vatwatch.http.describe import Media, Tag, describe
from vatwatch.http.docs_page import docs_page
from vatwatch.http.openapi import openapi
from vatwatch.http.params import text
from vatwatch.http.problems import Unknown
from vatwatch.live.encoding import body_of
from vatwatch.live.records import Body

# Only what the service itself serves. The page uses no inline script or style.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSETS = {
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
FILE = text("file", about="A file that the page needs.", example="docs.css")


class Documents:
    """The documents of the app, each made once, at the first request."""

    def __init__(self, routes: Mapping[str, object]) -> None:
        """`routes` are those of the app; they may still grow until the first request."""
        self._routes = routes
        self._made: dict[str, Body] = {}

    def openapi(self) -> Body:
        """The OpenAPI document."""
        return self._get("openapi")

    def page(self) -> Body:
        """The page of /docs."""
        return self._get("page")

    def _get(self, name: str) -> Body:
        if not self._made:
            # It takes some 0.3 s, which would keep the hub from everything else.
            self._made = gevent.get_hub().threadpool.apply(_make, (self._routes,))
        return self._made[name]


def _make(routes: Mapping[str, object]) -> dict[str, Body]:
    document = openapi(routes)
    return {
        "openapi": body_of([msgspec.json.encode(document)]),
        "page": body_of([docs_page(document).encode()]),
    }


class OpenApiResource(BaseResource):
    """The OpenAPI document of the app."""

    scopes: ClassVar[Scopes] = {"GET": None}

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @describe("This document.", tag=Tag.DOCUMENTS, answers={200: dict[str, Any], 304: None})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """OpenAPI 3.1: every endpoint, its parameters, answers and problems."""
        send_body(req, resp, self._documents.openapi(), fresh_s=MOST_AGE_S)


class DocsResource(BaseResource):
    """The page of the API."""

    scopes: ClassVar[Scopes] = {"GET": None}

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @describe(
        "The API as a page, to read and to try.",
        tag=Tag.DOCUMENTS,
        answers={200: Media(falcon.MEDIA_HTML), 304: None},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Made of the OpenAPI document. It loads nothing from other hosts."""
        _send_page(req, resp, self._documents.page())


class DocsFileResource(BaseResource):
    """What the pages need: a style, a script and an icon."""

    scopes: ClassVar[Scopes] = {"GET": None}

    def __init__(self) -> None:
        self._files = {
            name: body_of([files(__package__).joinpath("assets", name).read_bytes()])
            for name in ASSETS
        }

    @describe(
        "A file of the pages.",
        tag=Tag.DOCUMENTS,
        answers={200: tuple(Media(kind) for kind in ASSETS.values()), 304: None},
        problems=(404,),
        path=(FILE,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, file: str) -> None:
        """The style, the script, or the icon."""
        if file not in ASSETS:
            raise Unknown("The pages have no such file.", None)
        send_body(req, resp, self._files[file], fresh_s=MOST_AGE_S)
        resp.content_type = ASSETS[file]


def _send_page(req: falcon.Request, resp: falcon.Response, page: Body) -> None:
    send_body(req, resp, page, fresh_s=MOST_AGE_S)
    resp.content_type = falcon.MEDIA_HTML
    resp.set_header("Content-Security-Policy", PAGE_POLICY)
    resp.set_header("X-Content-Type-Options", "nosniff")
