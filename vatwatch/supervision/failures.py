"""An error as text that can be kept, sent and shown (`storable`). Nothing here raises."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import traceback
from typing import TypedDict

from vatwatch.redaction import storable

_TRACEBACK_FRAMES = 30


class ErrorDescription(TypedDict):
    """An error in words; `error_kinds` as `kinds_of` has them."""

    error_type: str
    error_kinds: tuple[str, ...]
    error_text: str
    traceback: str


def describe_error(error: BaseException | None, trace: str | None = None) -> ErrorDescription:
    """Describe an error for a notice; None stands for a failure without an error. `trace`: a better
    traceback than the error's own."""
    if error is None:
        return ErrorDescription(error_type="", error_kinds=(), error_text="", traceback=trace or "")
    return ErrorDescription(
        error_type=type(error).__name__,
        error_kinds=kinds_of(error),
        error_text=text_of(error),
        traceback=traceback_of(error) if trace is None else trace,
    )


def text_of(error: BaseException) -> str:
    """What the error says."""
    try:
        return storable(str(error))
    except Exception:  # noqa: BLE001 - the error's own __str__ may fail
        return f"<{type(error).__name__} with a failing __str__>"


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """The full names of its class and its base classes, so that receivers can tell what it is."""
    return tuple(
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in type(error).__mro__
        if kind not in (object, BaseException, Exception)
    )


def traceback_of(error: BaseException) -> str:
    """Its traceback, causes included: the last frames of each."""
    return storable("".join(traceback.format_exception(error, limit=-_TRACEBACK_FRAMES)))


def system_words(error: BaseException) -> str:
    """The system's message for the root cause, or a fault of the other side: `connection refused`.

    It may be deep in the chain of errors. Empty if neither is known. Contains no address, path or
    secret."""
    seen: list[BaseException] = []
    within: list[object] = [error]
    while within:
        one = within.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        if isinstance(one, socket.gaierror):
            return "its name does not resolve"
        if isinstance(one, ssl.SSLCertVerificationError):
            return "its certificate is not valid"
        if isinstance(one, ssl.SSLError):  # its number is not one of the system's
            return "no TLS connection"
        if isinstance(one, http.client.HTTPException):
            return "the answer is not HTTP"
        if isinstance(one, OSError) and one.errno is not None and one.errno > 0:
            return os.strerror(one.errno).lower()
        # urllib3 keeps the cause in `reason`, requests keeps urllib3's among its arguments.
        within += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return ""
