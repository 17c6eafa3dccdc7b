"""The page of `/`, and the files that it is made of. `make web` builds them from `web/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import ClassVar, NamedTuple

import falcon

from vatwatch.http.access import Scopes
from vatwatch.http.app_context import BaseResource
from vatwatch.http.bodies import coding_of
from vatwatch.http.describe import Media, Tag, describe
from vatwatch.http.params import text
from vatwatch.http.problems import Unknown

INDEX = "index.html"
# By the ends of the files' names.
MEDIA = {
    "css": "text/css; charset=utf-8",
    "html": falcon.MEDIA_HTML,
    "js": "text/javascript; charset=utf-8",
    "json": falcon.MEDIA_JSON,
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
# The codings that there may be of a file, by the ends of their names.
CODINGS = {"br": "br", "gzip": "gz"}
# Only what the service itself serves. MapLibre draws pictures by itself, as `blob:` and `data:`.
# Other pages may show it in a frame: what an operator does there needs a cookie that no frame gets.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors *"
)
# A name has the digest of its file in it, so the file never changes.
FOR_EVER = "public, max-age=31536000, immutable"
FILE = text("file", about="A file that the page needs.", example="LICENSES.txt")


class PageFile(NamedTuple):
    """A file, plain (coding "") and in each coding that there is of it."""

    media_type: str
    etag: str
    coded: Mapping[str, bytes]


@cache
def page_files() -> Mapping[str, PageFile]:
    """All files by their names, read once."""
    found = {one.name: one.read_bytes() for one in files(__package__).joinpath("page").iterdir()}
    return {
        name: PageFile(
            MEDIA[name.rpartition(".")[2]],
            sha256(content).hexdigest()[:24],
            {"": content}
            | {
                coding: found[f"{name}.{end}"]
                for coding, end in CODINGS.items()
                if f"{name}.{end}" in found
            },
        )
        for name, content in found.items()
        if name.rpartition(".")[2] in MEDIA
    }


class PageResource(BaseResource):
    """The page."""

    scopes: ClassVar[Scopes] = {"GET": None}
    takes_any_parameter: ClassVar[bool] = True

    @describe(
        "The page: a map of the network, lists, and the service itself.",
        tag=Tag.DOCUMENTS,
        answers={200: Media(falcon.MEDIA_HTML), 304: None},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """For who opens the service in a browser. What it shows is in its address."""
        _send(req, resp, page_files()[INDEX], "no-cache")
        resp.set_header("Content-Security-Policy", POLICY)


class PageFileResource(BaseResource):
    """What the page needs: scripts, styles, a font, the base map."""

    scopes: ClassVar[Scopes] = {"GET": None}

    @describe(
        "A file of the page.",
        tag=Tag.DOCUMENTS,
        answers={200: tuple(map(Media, sorted(MEDIA.values()))), 304: None},
        problems=(404,),
        path=(FILE,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, file: str) -> None:
        """Its name changes with its content."""
        found = page_files().get(file)
        if found is None:
            raise Unknown("The page has no such file.", None)
        _send(req, resp, found, FOR_EVER if "-" in file else "no-cache")


def _send(req: falcon.Request, resp: falcon.Response, file: PageFile, how_long: str) -> None:
    coding = coding_of(req, tuple(file.coded))
    tag = f'"{file.etag}{coding and "-"}{coding}"'
    resp.set_header("ETag", tag)
    resp.set_header("Cache-Control", how_long)
    resp.set_header("Vary", "Accept-Encoding")
    resp.set_header("X-Content-Type-Options", "nosniff")
    if tag in req.get_header("If-None-Match", default=""):
        resp.status = falcon.HTTP_304
        return
    resp.content_type = file.media_type
    resp.data = file.coded[coding]
    if coding:
        resp.set_header("Content-Encoding", coding)
