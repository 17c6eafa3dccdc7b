"""Which format an answer has: by `?format=`, else by the `Accept` header, else JSON."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, TypeAlias

import falcon
from falcon import mediatypes
from msgspec import Struct

from vatwatch.http.describe import Media
from vatwatch.http.params import Parameter, one_of
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.csv_table import lines_of

Formats: TypeAlias = tuple[AnswerFormat, ...]

# What has no places.
LISTED: Formats = (AnswerFormat.JSON, AnswerFormat.CSV, AnswerFormat.NDJSON)
PLACED: Formats = (*LISTED, AnswerFormat.GEOJSON)
# What clients send that take anything.
_ANYTHING = (None, "", "*/*")


@cache
def format_parameter(formats: Formats) -> Parameter[str]:
    """The parameter `format` of an endpoint that has these."""
    return one_of(
        "format",
        [one.value for one in formats],
        about="The format of the answer; without it, what the `Accept` header asks for, else JSON.",
    )


def other_media(formats: Formats) -> tuple[Media, ...]:
    """The answers in these formats, JSON left out, as an endpoint describes them."""
    kinds = {AnswerFormat.GEOJSON: dict[str, Any]}
    return tuple(
        Media(one.media_types[0], kinds.get(one, str))
        for one in formats
        if one is not AnswerFormat.JSON
    )


def format_of(req: falcon.Request, formats: Formats) -> AnswerFormat:
    """The format that a request asks for.

    Raises:
        BadRequest: `format` names none of these
        falcon.HTTPNotAcceptable: the client accepts none of these
    """
    if req.params:
        named = format_parameter(formats).of(req)
        if named:
            return AnswerFormat(named)
    accept = req.env.get("HTTP_ACCEPT")
    if accept in _ANYTHING:
        return AnswerFormat.JSON
    found = _accepted(accept, formats)
    if found is None:
        types = ", ".join(one.media_types[0] for one in formats)
        raise falcon.HTTPNotAcceptable(
            description=f"This can be had as {types}; or name the format with ?format=."
        )
    return found


# There are few kinds of clients, and each sends the same header with every request.
@lru_cache(maxsize=256)
def _accepted(accept: str, formats: Formats) -> AnswerFormat | None:
    by_type = {media_type: one for one in formats for media_type in one.media_types}
    try:
        best = mediatypes.best_match(by_type, accept)
    except falcon.errors.InvalidMediaRange:
        # A header that nobody can read asks for nothing.
        return AnswerFormat.JSON
    return by_type.get(best)


def tell_page(
    req: falcon.Request, resp: falcon.Response, total: int | None, next_cursor: str | None
) -> None:
    """Say in headers what a page in JSON says itself: how many match (None: it does not say so),
    and where it goes on."""
    if total is not None:
        resp.set_header("X-Total-Count", str(total))
    if next_cursor is not None:
        others = [part for part in req.query_string.split("&") if not part.startswith("cursor=")]
        query = "&".join([*others, f"cursor={next_cursor}"])
        resp.append_link(f"{req.path}?{query}", "next")


def send_records(
    req: falcon.Request,
    resp: falcon.Response,
    records: Sequence[Struct],
    wanted: AnswerFormat,
    *,
    record: type[Struct],
    total: int,
    next_cursor: str | None,
) -> None:
    """Answer with a page of records of a type, in CSV or NDJSON."""
    tell_page(req, resp, total, next_cursor)
    resp.content_type = wanted.content_type
    resp.append_header("Vary", "Accept")
    resp.data = lines_of(records, record, wanted)
