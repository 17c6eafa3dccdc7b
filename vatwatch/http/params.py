"""Parameters of a query. What is wrong with one is a 400 that names it."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

import falcon

from vatwatch.feed.times import parse_time
from vatwatch.traffic.events import Place

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def require_known(req: falcon.Request, *known: str) -> None:
    """A misspelt parameter must not be taken for a wish for everything."""
    for name in req.params:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
            raise falcon.HTTPInvalidParam(f"No such parameter; {hint}", name)


def limit_of(req: falcon.Request) -> int:
    """How many at most."""
    limit = req.get_param_as_int("limit", min_value=1, max_value=MAX_LIMIT)
    return DEFAULT_LIMIT if limit is None else limit


def text_of(req: falcon.Request, name: str) -> str:
    """A text, given once; empty if it is not given."""
    values = req.get_param_as_list(name) or [""]
    text: str = values[0]
    if len(values) > 1:
        raise falcon.HTTPInvalidParam("Given more than once.", name)
    # PostgreSQL's texts hold no NUL, nor half a character.
    if text and not text.isprintable():
        raise falcon.HTTPInvalidParam("It holds characters that are not printable.", name)
    return text


def one_of(req: falcon.Request, name: str, choices: Collection[str]) -> str:
    """One of these words; empty if it is not given."""
    text = text_of(req, name)
    if text and text not in choices:
        raise falcon.HTTPInvalidParam(f"It is one of {', '.join(choices)}.", name)
    return text


def words_of(req: falcon.Request, name: str) -> frozenset[str]:
    """Words in capitals, separated by commas, or the parameter given several times."""
    return frozenset(
        word.strip().upper()
        for given in req.get_param_as_list(name) or ()
        for word in given.split(",")  # Falcon leaves the commas to us
        if word.strip()
    )


def time_of(req: falcon.Request, name: str) -> datetime | None:
    """A time with its zone (RFC 3339), in UTC; None if it is not given."""
    text = text_of(req, name)
    if not text:
        return None
    try:
        # A plus sign that was not escaped has become a space.
        return parse_time(text.replace(" ", "+"))
    except ValueError as error:
        raise falcon.HTTPInvalidParam(
            "A time with its zone, such as 2026-01-31T12:00:00Z.", name
        ) from error


def cursor_of(req: falcon.Request) -> Place | None:
    """Where the page before ended, as it said itself."""
    text = text_of(req, "cursor")
    if not text:
        return None
    try:
        time, _, id_ = urlsafe_b64decode(text.encode() + b"==").decode().partition("|")
        return parse_time(time), UUID(id_)
    except (ValueError, binascii.Error) as error:
        raise falcon.HTTPInvalidParam("It is none of this service's cursors.", "cursor") from error


def cursor_for(place: Place) -> str:
    """The cursor of the page that ends here."""
    time, id_ = place
    return urlsafe_b64encode(f"{time.isoformat()}|{id_}".encode()).decode().rstrip("=")
