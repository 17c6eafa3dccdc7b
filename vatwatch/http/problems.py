"""Errors as problem documents, RFC 9457."""

from __future__ import annotations

import logging
import math
import re
from typing import Any, TypeAlias

import falcon
import msgspec
from msgspec import UNSET, Struct, UnsetType

from vatwatch.counting import counted
from vatwatch.errors import ActorSuspended, StorageError, SupervisionError, TooManyQuestions
from vatwatch.logs.context import current_request_id
from vatwatch.redaction import redact

App: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# It is not known when a dependency is back; waiting a few seconds costs neither side anything.
RETRY_AFTER_S = 5
AWAY = (StorageError, SupervisionError)
# Where a file or a socket lies is nothing for clients: `PostgreSQL at /var/run/postgresql`.
_PLACE = re.compile(r"(?<![\w.:/])/[^\s()]+")


class Problem(Struct, frozen=True, kw_only=True):
    """A problem document. Members that do not apply are left out."""

    type: str
    """`about:blank`, or a URN of a problem that programs may want to tell from others."""
    title: str
    status: int
    """The status of the answer."""
    instance: str | UnsetType = UNSET
    """The path that was asked for, if the request could be read so far."""
    detail: str | UnsetType = UNSET
    """What is wrong, and what to do, for people."""
    request_id: str | UnsetType = UNSET
    """As in `X-Request-ID`, and in the log."""
    parameter: str | UnsetType = UNSET
    """The parameter that is wrong."""
    field: str | UnsetType = UNSET
    """The field of the body that is wrong."""
    did_you_mean: str | UnsetType = UNSET
    """What was probably meant."""
    faults: list[str] | UnsetType = UNSET
    """All that is wrong, one line each."""


class BadRequest(falcon.HTTPBadRequest):
    """A request that cannot be understood. `members` are added to the problem document."""

    def __init__(self, title: str, description: str, **members: str | None) -> None:
        super().__init__(title=title, description=description)
        self.members = members


class Unknown(falcon.HTTPNotFound):
    """A name in the path that nothing has; `did_you_mean` is the known one that is similar."""

    def __init__(self, description: str, did_you_mean: str | None) -> None:
        hint = "" if did_you_mean is None else f" Did you mean {did_you_mean}?"
        super().__init__(description=f"{description}{hint}")
        self.members = {"did_you_mean": did_you_mean}


class SwitchedOff(falcon.HTTPNotFound):
    """The answer of a part that is switched off by a setting; another status would look like a
    failure."""

    def __init__(self, what: str, setting: str) -> None:
        """`what` is a name such as `error manager`; `setting` the one that switches it on."""
        super().__init__(
            title=f"The {what} is off",
            description=f"The {what} is off. Set {setting}=true and start the service again.",
        )
        self.type = f"urn:vatwatch:problem:{what.replace(' ', '-')}-off"


class TooSlow(falcon.HTTPError):
    """The body of a request did not come in time."""

    def __init__(self, limit_s: float | None) -> None:
        super().__init__(
            falcon.HTTP_408,
            description=f"The body did not come within {limit_s:g} s (VATWATCH_CLIENT_TIMEOUT).",
        )


class InvalidField(falcon.HTTPUnprocessableEntity):
    """A body whose value cannot be used; `field` names it, `did_you_mean` is the near match."""

    def __init__(self, title: str, description: str, **members: str | None) -> None:
        super().__init__(title=title, description=description)
        self.members = members


class Unprocessable(falcon.HTTPUnprocessableEntity):
    """A request that is understood and cannot be followed; `faults` say all that is wrong."""

    def __init__(self, title: str, description: str, faults: tuple[str, ...]) -> None:
        super().__init__(title=title, description=description)
        self.faults = faults


def add_error_handlers(app: App) -> None:
    """Make every error of the app a problem document."""
    app.set_error_serializer(_serialize)
    for error in AWAY:
        app.add_error_handler(error, _away)
    app.add_error_handler(Exception, _bug)


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    code = falcon.http_status_to_code(error.status)
    more: dict[str, Any] = {}
    if isinstance(error, BadRequest | Unknown | InvalidField):
        more = {name: redact(text) for name, text in error.members.items() if text is not None}
    if isinstance(error, Unprocessable):
        more["faults"] = [redact(fault) for fault in error.faults]
    problem = Problem(
        type=error.type if isinstance(error, SwitchedOff) else "about:blank",
        title=str(error.title or error.status).removeprefix(f"{code} "),
        status=code,
        instance=req.path,
        detail=redact(error.description) if error.description else UNSET,
        request_id=current_request_id() or UNSET,
        **more,
    )
    resp.data = msgspec.json.encode(problem)
    resp.content_type = MEDIA_TYPE


def _away(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    text, retry_after_s = str(error), _retry_after_s(error)
    if isinstance(error, StorageError):
        why = _PLACE.sub("this machine", text)
        text = f"The database is away; ask again in {counted(retry_after_s, 'second')}. ({why}.)"
    raise falcon.HTTPServiceUnavailable(description=text, retry_after=retry_after_s)


def _retry_after_s(error: Exception) -> int:
    """The value of Retry-After: whole seconds, from the error if it knows them."""
    match error:
        case TooManyQuestions(retry_after_s=seconds) | ActorSuspended(retry_in_s=seconds):
            return max(1, math.ceil(seconds))
        case _:
            return RETRY_AFTER_S


def _bug(
    req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    if isinstance(error, falcon.HTTPError | falcon.HTTPStatus):
        raise error
    log.exception("%s %s failed", req.method, req.path, exc_info=error)
    raise falcon.HTTPInternalServerError(
        description="This is a bug in the service. Its log has the traceback."
    ) from error
