"""Reads bodies of requests: completely, with a bound, and as strictly as query parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import falcon
import gevent
import msgspec
from gunicorn.http.errors import ParseException
from msgspec import Raw, Struct

from vatwatch.http.near import unknown_name
from vatwatch.http.problems import BadRequest, TooSlow

S = TypeVar("S", bound=Struct)

# Far more than any event or fault needs.
MAX_BODY_BYTES = 64 * 1024


class BadField(msgspec.ValidationError):
    """A field of a body is missing or not valid; `field` is its name, None: it is no object."""

    def __init__(self, text: str, field: str | None) -> None:
        super().__init__(text)
        self.field = field


def read_body(req: falcon.Request) -> bytes:
    """The whole body, with or without a Content-Length.

    Raises:
        falcon.HTTPContentTooLarge: it is larger than `MAX_BODY_BYTES`
        TooSlow: it has not come within VATWATCH_CLIENT_TIMEOUT
        BadRequest: it ends early, or its chunks cannot be read
    """
    known: bytes | None = getattr(req.context, "body", None)
    if known is not None:
        return known
    chunked = req.content_length is None and req.env.get("wsgi.input_terminated")
    stream = req.stream if chunked else req.bounded_stream
    sock = req.env.get("gunicorn.socket")
    # The connection's own limit is for each piece; a client could send one byte at a time.
    limit_s = None if sock is None else sock.gettimeout()
    try:
        with gevent.Timeout(limit_s, TimeoutError):
            body: bytes = stream.read(MAX_BODY_BYTES + 1)
    except TimeoutError:
        raise TooSlow(limit_s) from None
    except (ParseException, OSError) as error:
        # Its chunks are not what they must be, or the client has gone in the middle.
        raise BadRequest("Invalid body", "The body ends early or is not in chunks.") from error
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    # It can be read once, and more than one may need it: a node that passes it on, and the own
    # answer if no other one comes.
    req.context.body = body
    return body


def read_fields(req: falcon.Request, kind: type[S]) -> S:
    """The body, a JSON object, as a `kind`.

    Raises:
        falcon.HTTPContentTooLarge: it is larger than `MAX_BODY_BYTES`
        BadRequest: it is not valid JSON, or has a field that `kind` does not have
        BadField: it is not an object, or a field is missing or not valid
    """
    body = read_body(req)
    # All of it: a `Raw` is not looked into, and what is wrong there would be found too late.
    _decoded(body)
    try:
        given = msgspec.json.decode(body, type=dict[str, Raw])
    except msgspec.ValidationError as error:
        raise BadField(str(error), None) from error
    _require_known(given, kind.__struct_fields__)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise BadField(str(error), _bad_field(given, kind)) from error


def _bad_field(given: Mapping[str, Raw], kind: type[Struct]) -> str | None:
    """The first field that is not what `kind` has, or is missing; None: the fault is of several
    together."""
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in given:
            if field.required:
                return field.encode_name
            continue
        try:
            msgspec.json.decode(given[field.encode_name], type=field.type)
        except msgspec.ValidationError:
            return field.encode_name
    return None


def require_no_fields(req: falcon.Request) -> None:
    """Refuse a body at an endpoint that takes none.

    No body, `{}` and `null` are accepted. Raises BadRequest or falcon.HTTPContentTooLarge.
    """
    body = read_body(req).strip()
    if not body:
        return
    given = _decoded(body)
    if isinstance(given, dict):
        _require_known(given, ())
    elif given is not None:
        raise BadRequest("Invalid body", "This endpoint takes no body.")


def _decoded(body: bytes) -> Any:
    """The body as JSON. Raises BadRequest if it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("Invalid body", f"The body is not valid JSON: {error}.") from error


def _require_known(given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise unknown_name("field", name, known)


def too_large() -> falcon.HTTPContentTooLarge:
    """The error for a body of more than `MAX_BODY_BYTES`."""
    return falcon.HTTPContentTooLarge(
        description=f"The body is larger than {MAX_BODY_BYTES} bytes."
    )
