"""The OpenAPI document (3.1) of the app: what its routes, their parameters and types say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, get_args

import falcon
import msgspec

from vatwatch import __version__
from vatwatch.http.access import scope_of
from vatwatch.http.bounds import UNLIMITED
from vatwatch.http.cookies import NAME, SECURE_NAME
from vatwatch.http.describe import Description, Media, Tag, description_of, methods_of
from vatwatch.http.params import Declared, Parameter
from vatwatch.http.problems import MEDIA_TYPE, Problem
from vatwatch.http.schemas import Json, schemas_of
from vatwatch.messages.status import Status

OPENAPI_VERSION = "3.1.0"
EXAMPLES = "examples.json"
"""Answers that docs/api.md shows, by operation; `make docs` writes them beside this module."""

ABOUT = """\
What the VATSIM network shows, what it means, and how the service does.

Everything is JSON unless it says otherwise; times are RFC 3339 in UTC; ids that vatwatch adds are
text. HEAD answers as GET, without a body. An unknown or invalid parameter is a 400 that names it.

Fields, parameters and endpoints may be added at any time, so ignore fields that you do not know.
What is to go is `deprecated` here for at least six months before.
"""

PROBLEMS: Mapping[int, str] = {
    400: "A parameter, or a field of a body, is unknown or not valid; `detail` says which.",
    401: "No key, or a wrong one.",
    403: "It needs a key that may do this, or the service has none.",
    404: "There is nothing of this name, or a setting has switched the part off.",
    406: "The client accepts none of the formats that the answer can have.",
    408: "The body did not come in time.",
    409: "It cannot be done now.",
    413: "The body is larger than 64 KiB.",
    414: "The address with its parameters is longer than 4,000 bytes.",
    415: "The body must be JSON, and say so in `Content-Type`.",
    422: "The request is understood, and what it holds is not valid.",
    431: "A header, or all of them together, is too large.",
    429: "Asked too often, or follows the stream with too many clients; `Retry-After` says when to "
    "go on.",
    500: "A bug of the service; its log has the traceback.",
    503: "The answer is not available now; `Retry-After` says when to ask again.",
}
"""The statuses of problem documents, and when they come."""

COOKIES = (("session", NAME, "over http"), ("secure_session", SECURE_NAME, "over https"))
"""The schemes of the operator's cookie: the scheme, the cookie's name, and when it has it."""
# What the server and the middleware answer, whatever the endpoint, and what any code may do.
ALWAYS = (400, 413, 414, 429, 431, 500)
KEYED = (401, 403)

HEADERS: Mapping[str, Json] = {
    "X-Request-ID": {
        "description": "The id of the request, as the logs have it.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The tag of this version; in `If-None-Match` it makes an unchanged answer a "
        "304.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds until it makes sense to ask again.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Limit": {
        "description": "How many requests a window has.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {
        "description": "How many are left in this window.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Reset": {
        "description": "Seconds until the window ends.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Policy": {
        "description": "The limit and its window in seconds, such as `12000;w=60`.",
        "schema": {"type": "string"},
    },
}
RATES = tuple(name for name in HEADERS if name.startswith("RateLimit"))

_IN_BRACES = re.compile(r"\{(\w+)(?::\w+)?\}")


def openapi(routes: Mapping[str, object]) -> Json:
    """The document of these routes: resources by the template of their path.

    Raises:
        LookupError: a method of a resource has no description, or a part of a path has none
    """
    described = [
        (path, resource, method, description_of(resource, method))
        for path, resource in sorted(routes.items())
        for method in methods_of(resource)
    ]
    answers, components = schemas_of(_answered(each for *_, each in described), complete=True)
    bodies, more = schemas_of(
        [kind for *_, each in described for kind in each.body], complete=False
    )
    paths: Json = {}
    for path, resource, method, each in described:
        template = _IN_BRACES.sub(r"{\1}", path)
        operation = _Operation(path, resource, method, each, answers | bodies)
        paths.setdefault(template, {})[method.lower()] = operation.as_json()
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "vatwatch",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The service that has sent this."}],
        "tags": [{"name": tag.name.lower(), "description": tag.value} for tag in Tag],
        "paths": paths,
        "components": {
            "schemas": dict(sorted((components | more).items())),
            "responses": {_problem_name(status): _problem(status) for status in PROBLEMS},
            "headers": dict(HEADERS),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of the service, `Authorization: Bearer KEY`, with the "
                    "scope that is named. Where none is needed (`{}`), VATWATCH_PUBLIC_READS=off "
                    "asks for one with the scope `read`.",
                },
                **{
                    scheme: {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": name,
                        "description": "The operator's cookie, which `POST /api/session` sets; it "
                        f"is as good as a key with the scope `admin`. This is its name {where}.",
                    }
                    for scheme, name, where in COOKIES
                },
            },
        },
    }


@cache
def examples() -> Json:
    """Real answers, by operation (`GET /api/flights`)."""
    found: Json = msgspec.json.decode(files(__package__).joinpath(EXAMPLES).read_bytes())
    return found


def _answered(every: Iterable[Description]) -> Iterator[Any]:
    yield Problem
    # What a service reports is one of these, and msgspec does not follow the union.
    yield from get_args(Status)
    for each in every:
        for kinds in each.answers.values():
            for kind in kinds:
                yield kind.kind if isinstance(kind, Media) else kind


class _Operation:
    """One method of one path."""

    def __init__(
        self,
        path: str,
        resource: object,
        method: str,
        said: Description,
        schemas: Mapping[Any, Json],
    ) -> None:
        self._path, self._resource, self._method, self._said = path, resource, method, said
        self._template = _IN_BRACES.sub(r"{\1}", path)
        self._schemas = schemas

    def as_json(self) -> Json:
        said = self._said
        declared: Declared = getattr(self._resource, "parameters", {})
        found: Json = {
            "operationId": self._id(),
            "tags": [said.tag.name.lower()],
            "summary": said.summary,
            "description": said.details,
            "parameters": [*self._in_path(), *map(_in_query, declared.get(self._method, ()))],
            "responses": self._responses(),
        }
        if said.body:
            found["requestBody"] = {
                "required": True,
                "content": {falcon.MEDIA_JSON: {"schema": self._one_of(said.body)}},
            }
        if security := self._security():
            found["security"] = security
        if said.deprecated:
            found["deprecated"] = True
        return found

    def _security(self) -> list[Json]:
        """The key or the cookie that it needs: `{}` is none, which VATWATCH_PUBLIC_READS
        decides."""
        scope = scope_of(self._resource, self._method)
        nothing: list[Json] = [] if scope is not None else [{}]
        needed = scope or scope_of(self._resource, self._method, public_reads=False)
        if needed is None:
            return []
        schemes = ("key", *(scheme for scheme, *_ in COOKIES))
        return nothing + [{scheme: [needed.value]} for scheme in schemes]

    def _id(self) -> str:
        words = re.findall(r"\w+", self._template.removeprefix("/api"))
        return "_".join([self._method.lower(), *(word.replace("-", "_") for word in words)])

    def _in_path(self) -> Iterator[Json]:
        known = {parameter.name: parameter for parameter in self._said.path}
        for name in _IN_BRACES.findall(self._path):
            if name not in known:
                raise LookupError(f"{self._method} {self._path} does not say what {name} is")
            yield _parameter(known[name], "path")

    def _responses(self) -> Json:
        said = self._said
        problems = {*ALWAYS, *said.problems, *(KEYED if self._security() else ())}
        if said.body is not None:
            problems.add(408)
        if said.body is not None and self._security():
            problems.add(415)  # with the operator's cookie
        if self._path in UNLIMITED:
            problems.discard(429)
        found = {status: self._answer(status, kinds) for status, kinds in said.answers.items()}
        for status in problems - found.keys():
            found[status] = {"$ref": f"#/components/responses/{_problem_name(status)}"}
        for status in problems & said.answers.keys():
            found[status]["content"] |= _problem(status)["content"]
        return {str(status): found[status] for status in sorted(found)}

    def _one_of(self, kinds: Sequence[Any]) -> Json:
        every = [self._schemas[kind] for kind in kinds]
        return every[0] if len(every) == 1 else {"anyOf": every}

    def _answer(self, status: int, kinds: tuple[Any, ...]) -> Json:
        found: Json = {"description": f"{_words(status)}.", "headers": _headers("X-Request-ID")}
        by_media: dict[str, list[Any]] = {}
        for kind in kinds:
            media, of = (
                (kind.media_type, kind.kind)
                if isinstance(kind, Media)
                else (falcon.MEDIA_JSON, kind)
            )
            by_media.setdefault(media, []).append(of)
        if by_media:
            found["content"] = {
                media: {"schema": self._one_of(every)} for media, every in by_media.items()
            }
        if 304 in self._said.answers:
            found["headers"] |= _headers("ETag")
        shown = examples().get(f"{self._method} {self._template}")
        if shown is not None and 200 <= status < 300 and falcon.MEDIA_JSON in by_media:
            found["content"][falcon.MEDIA_JSON]["example"] = shown
        return found


def _in_query(parameter: Parameter[Any]) -> Json:
    return _parameter(parameter, "query")


def _parameter(parameter: Parameter[Any], place: str) -> Json:
    schema = dict(parameter.schema)
    example = schema.pop("example")
    found: Json = {"name": parameter.name, "in": place, "description": parameter.about}
    if place == "path":
        found["required"] = True
    if parameter.deprecated:
        found["deprecated"] = True
    if parameter.many:
        schema, example = {"type": "array", "items": schema, "minItems": 1}, [example]
        found |= {"style": "form", "explode": False}
    return found | {"schema": schema, "example": example}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem_name(status: int) -> str:
    return _words(status).replace(" ", "")


def _words(status: int) -> str:
    """`Not Found` of 404."""
    words: str = falcon.code_to_http_status(status)
    return words.partition(" ")[2]


def _problem(status: int) -> Json:
    headers = {429: ("Retry-After", *RATES), 503: ("Retry-After",)}.get(status, ())
    return {
        "description": PROBLEMS[status],
        "headers": _headers("X-Request-ID", *headers),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
