"""Reads bodies of requests: completely, with a bound, and as strictly as query parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import falcon
import msgspec
from msgspec import Raw, Struct

from vatwatch.http.near import unknown_name
from vatwatch.http.problems import BadRequest

S = TypeVar("S", bound=Struct)

# Far more than any event or fault needs.
MAX_BODY_BYTES = 64 * 1024


def read_body(req: falcon.Request) -> bytes:
    """The whole body, with or without a Content-Length. Raises falcon.HTTPContentTooLarge."""
    chunked = req.content_length is None and req.env.get("wsgi.input_terminated")
    stream = req.stream if chunked else req.bounded_stream
    body: bytes = stream.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    return body


def read_fields(req: falcon.Request, kind: type[S]) -> S:
    """The body, a JSON object, as a `kind`.

    Raises:
        falcon.HTTPContentTooLarge: it is larger than `MAX_BODY_BYTES`
        BadRequest: it is not valid JSON, or has a field that `kind` does not have
        msgspec.ValidationError: it is not an object, or a field is missing or not valid
    """
    body = read_body(req)
    try:
        given = msgspec.json.decode(body, type=dict[str, Raw])
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("Invalid body", f"The body is not valid JSON: {error}.") from error
    _require_known(given, kind.__struct_fields__)
    return msgspec.json.decode(body, type=kind)


def require_no_fields(req: falcon.Request) -> None:
    """Refuse a body at an endpoint that takes none.

    No body, `{}` and `null` are accepted. Raises BadRequest or falcon.HTTPContentTooLarge.
    """
    body = read_body(req).strip()
    if not body:
        return
    try:
        given: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("Invalid body", f"The body is not valid JSON: {error}.") from error
    if isinstance(given, dict):
        _require_known(given, ())
    elif given is not None:
        raise BadRequest("Invalid body", "This endpoint takes no body.")


def _require_known(given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise unknown_name("field", name, known)


def too_large() -> falcon.HTTPContentTooLarge:
    """The error for a body of more than `MAX_BODY_BYTES`."""
    return falcon.HTTPContentTooLarge(
        description=f"The body is larger than {MAX_BODY_BYTES} bytes."
    )
