"""Query parameters: each resource declares its own, and all others are refused.

A resource names its parameters in `parameters`, by method, and reads each with `Parameter.of`.
`KnownParameters` checks the request against the declared ones, for every route. Each kind of
mistake (unknown, empty, given twice, not valid) is a 400 that names the parameter.

Each one says what it means (`about`) and which values it takes (`schema`): /openapi.json is made of
these.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

import falcon

from vatwatch.events.event import Cursor
from vatwatch.feed.times import parse_time
from vatwatch.http.near import near_match, unknown_name
from vatwatch.http.problems import BadRequest

T = TypeVar("T")

# Rows of a page: the default for a person, and the most that a program may fetch at once.
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# Longer than any useful window; timedelta and PostgreSQL still accept it.
MAX_WINDOW = timedelta(days=31)
READS = ("GET", "HEAD")

Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema (2020-12, as in OpenAPI 3.1)."""

# PostgreSQL's texts hold no NUL, nor half a character, and logs no characters that control a
# terminal. (JSON Schema's texts have no halves of characters, so the schema need not name them.)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"

_WHOLE_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
_WINDOW = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SWITCH = {"true": True, "on": True, "yes": True, "1": True}
_SWITCH |= {"false": False, "off": False, "no": False, "0": False}
# One of several words with commas between them: printable, not only spaces, without a comma.
_WORD = r"^[^\x00-\x1f\x7f-\x9f,]*[^\x00-\x20\x7f-\x9f,][^\x00-\x1f\x7f-\x9f,]*$"
# From 1m to 31d.
_SECONDS, _MINUTES = r"[6-9]\d|[1-9]\d{2,5}", r"[1-9]\d{0,3}|[1-3]\d{4}|4[0-3]\d{3}|44[0-5]\d\d"
_HOURS, _DAYS = r"[1-9]\d?|[1-6]\d\d|7[0-3]\d|74[0-4]", r"[1-9]|[12]\d|3[01]"
_VALID_WINDOW = rf"^(?:(?:{_SECONDS})s|(?:{_MINUTES})m|(?:{_HOURS})h|(?:{_DAYS})d)$"


class Invalid(ValueError):
    """What a value must be: the end of the sentence `The parameter "x" …`."""

    def __init__(self, must: str, did_you_mean: str | None = None) -> None:
        super().__init__(must)
        self.must = must
        self.did_you_mean = did_you_mean


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """One parameter: its name, the function that reads its text, and its default.

    `read` raises Invalid. `about` is one plain sentence. `schema` is of one value, with an
    `example`. `many`: it may be given several times, which is the same as once with commas between
    the values. `deprecated`: it works as before, and is to go; `about` says what to use instead.
    """

    name: str
    read: Callable[[str], T]
    default: T
    about: str
    schema: Schema = field(compare=False)
    many: bool = False
    deprecated: bool = False

    def of(self, req: falcon.Request) -> T:
        """Its value in a request. Raises BadRequest if it is given and not valid."""
        given = req.params.get(self.name)
        if given is None:
            return self.default
        if isinstance(given, list):
            if not self.many:
                raise self._wrong("is given more than once")
            given = ",".join(given)
        if not given:
            raise self._wrong("is empty: give it a value, or leave it out")
        if _CONTROL.search(given):
            raise self._wrong("holds characters that are not printable")
        try:
            return self.read(given)
        except Invalid as error:
            raise self._wrong(error.must, error.did_you_mean) from error

    def _wrong(self, what: str, did_you_mean: str | None = None) -> BadRequest:
        hint = "" if did_you_mean is None else f' Did you mean "{did_you_mean}"?'
        return BadRequest(
            "Invalid parameter",
            f'The parameter "{self.name}" {what}.{hint}',
            parameter=self.name,
            did_you_mean=did_you_mean,
        )


Declared: TypeAlias = Mapping[str, tuple[Parameter[Any], ...]]
"""The parameters of a resource, by method. HEAD has those of GET."""


class KnownParameters:
    """Falcon's middleware: refuses reads with an unknown parameter.

    A request with a misspelt parameter must not be answered as if it had none. Requests that change
    something are checked for the key first; `WriteAuthorization.require` then calls
    `require_declared`.
    """

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, resource: object, _found: dict[str, Any]
    ) -> None:
        """Called for each route that was found."""
        if req.query_string and not getattr(resource, "takes_any_parameter", False):
            remember_declared(req, resource)
            if req.method in READS and hasattr(resource, "on_get"):
                require_declared(req)


def remember_declared(req: falcon.Request, resource: object) -> None:
    """Remember the declared parameters, for `require_declared`."""
    req.context.declared = getattr(resource, "parameters", {})


def require_declared(req: falcon.Request) -> None:
    """Refuse a request with a parameter that its resource has not declared.

    Raises:
        BadRequest: it names the parameter, and the most similar declared one
    """
    if not req.query_string:
        return
    declared: Declared = getattr(req.context, "declared", {})
    method = "GET" if req.method == "HEAD" else req.method
    names = [parameter.name for parameter in declared.get(method, ())]
    for name in req.params:
        if name not in names:
            raise unknown_name("parameter", name, names)


# --- the kinds of parameters ----------------------------------------------------------------------


def text(name: str, *, about: str, example: str) -> Parameter[str]:
    """A text; empty if it is not given."""
    schema = {"type": "string", "pattern": PRINTABLE, "example": example}
    return Parameter(name, str, "", about, schema)


def whole_number(
    name: str, least: int, most: int, default: T, *, about: str, example: int | None = None
) -> Parameter[int | T]:
    """A whole number in decimal digits, from `least` to `most`.

    `example` is needed where neither the default nor `least` is a good one.
    """

    def read(given: str) -> int:
        if _WHOLE_NUMBER.fullmatch(given) is None or not least <= int(given) <= most:
            raise Invalid(f"must be a whole number from {least} to {most}")
        return int(given)

    schema: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    if default is not None:
        schema["default"] = default
    schema["example"] = example or default or least
    return Parameter(name, read, default, about, schema)


def one_of(name: str, choices: Collection[str], *, about: str) -> Parameter[str]:
    """One of these words; empty if it is not given."""

    def read(given: str) -> str:
        if given not in choices:
            raise Invalid(f"must be one of {', '.join(choices)}", near_match(given, choices))
        return given

    schema = {"type": "string", "enum": list(choices), "example": next(iter(choices))}
    return Parameter(name, read, "", about, schema)


def switch(name: str, *, about: str) -> Parameter[bool | None]:
    """`true` or `false`; None if it is not given. Other ways to say so are taken, too."""

    def read(given: str) -> bool:
        found = _SWITCH.get(given.lower())
        if found is None:
            raise Invalid("must be true or false")
        return found

    return Parameter(name, read, None, about, {"type": "boolean", "example": True})


def words(
    name: str,
    check: Callable[[str], str] = str,
    *,
    about: str,
    example: str,
    choices: Collection[str] = (),
) -> Parameter[frozenset[str]]:
    """Words separated by commas; empty if it is not given.

    `check` reads each of them, or raises Invalid. `choices` are all that it takes, for the schema;
    without them it is any word.
    """

    def read(given: str) -> frozenset[str]:
        found = [word.strip(" ") for word in given.split(",")]
        if not all(found):
            raise Invalid("has an empty value between its commas")
        return frozenset(map(check, found))

    schema: dict[str, Any] = {"type": "string", "example": example}
    schema |= {"enum": list(choices)} if choices else {"pattern": _WORD}
    return Parameter(name, read, frozenset(), about, schema, many=True)


def moment(name: str, *, about: str) -> Parameter[datetime | None]:
    """A time with its zone (RFC 3339), in UTC; None if it is not given."""

    def read(given: str) -> datetime:
        try:
            # A plus sign that was not escaped has become a space.
            return parse_time(given.replace(" ", "+"))
        except ValueError as error:
            raise Invalid("must be a time with its zone, such as 2026-01-31T12:00:00Z") from error

    schema = {"type": "string", "format": "date-time", "example": "2026-01-31T12:00:00Z"}
    return Parameter(name, read, None, about, schema)


def window(name: str, default: timedelta, *, about: str) -> Parameter[timedelta]:
    """A length of time such as `15m`, from a minute to `MAX_WINDOW`."""

    def read(given: str) -> timedelta:
        match = _WINDOW.fullmatch(given)
        if match is None:
            raise Invalid("must be a number with s, m, h or d, such as 15m, 1h or 7d")
        found = timedelta(**{_UNITS[match[2]]: int(match[1])})
        if not timedelta(minutes=1) <= found <= MAX_WINDOW:
            raise Invalid("must be from 1m to 31d")
        return found

    schema = {"type": "string", "pattern": _VALID_WINDOW, "example": "15m"}
    return Parameter(name, read, default, about, schema)


def cursor(name: str, read: Callable[[str], T], *, example: str) -> Parameter[T | None]:
    """Where a page begins: what an answer calls `next_cursor`; None if it is not given.

    `read` raises Invalid if it is no such text.
    """
    schema = {"type": "string", "pattern": "^[A-Za-z0-9_=-]+$", "example": example}
    about = "The `next_cursor` of the page before; the answer continues after it."
    return Parameter(name, read, None, about, schema)


# --- pages ----------------------------------------------------------------------------------------


def _newest_cursor(given: str) -> Cursor:
    try:
        time, _, id_ = urlsafe_b64decode(given.encode() + b"==").decode().partition("|")
        return parse_time(time), UUID(id_)
    except (ValueError, binascii.Error) as error:
        raise Invalid("must be the next_cursor of an answer of this endpoint") from error


LIMIT: Parameter[int] = whole_number(
    "limit", 1, MAX_LIMIT, DEFAULT_LIMIT, about="How many records at most."
)
CURSOR: Parameter[Cursor | None] = cursor(
    "cursor",
    _newest_cursor,
    example="MjAyNi0wMS0zMVQxMjowMDowMCswMDowMHw3N2JjMzQwOC1iOGE4LTVkMWUtYWE5YS01OTBkNDdjZTg3ZGQ",
)
SINCE = moment("since", about="Only what was at this time or later.")
UNTIL = moment("until", about="Only what was before this time.")


def next_cursor(last: Cursor) -> str:
    """The text with which a client gets the page after the record `last`."""
    time, id_ = last
    return urlsafe_b64encode(f"{time.isoformat()}|{id_}".encode()).decode().rstrip("=")
