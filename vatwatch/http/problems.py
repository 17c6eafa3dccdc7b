"""Errors as problem documents, RFC 9457."""

from __future__ import annotations

import logging
import math
from typing import Any, TypeAlias

import falcon
import msgspec

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


class BadRequest(falcon.HTTPBadRequest):
    """A request that cannot be understood. `members` are added to the problem document."""

    def __init__(self, title: str, description: str, **members: str | None) -> None:
        super().__init__(title=title, description=description)
        self.members = members


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
    problem: dict[str, object] = {
        "type": error.type if isinstance(error, SwitchedOff) else "about:blank",
        "title": str(error.title or error.status).removeprefix(f"{code} "),
        "status": code,
        "instance": req.path,
    }
    if error.description:
        problem["detail"] = redact(error.description)
    if isinstance(error, BadRequest):
        problem |= {name: redact(text) for name, text in error.members.items() if text is not None}
    request_id = current_request_id()
    if request_id:
        problem["request_id"] = request_id
    if isinstance(error, Unprocessable):
        problem["faults"] = [redact(fault) for fault in error.faults]
    resp.data = msgspec.json.encode(problem)
    resp.content_type = MEDIA_TYPE


def _away(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    text, retry_after_s = str(error), _retry_after_s(error)
    if isinstance(error, StorageError):
        text = f"The database is away; ask again in {counted(retry_after_s, 'second')}. ({text}.)"
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
