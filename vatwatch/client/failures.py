"""What goes wrong when a service is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

PROBLEM_TYPE = "application/problem+json"


class ClientError(Exception):
    """Any of the errors below."""


class NoAnswer(ClientError):
    """Nobody answers there, or not in time, or the connection broke."""


class ConnectionCut(NoAnswer):
    """There was a connection, and it broke. What only reads may be asked again."""


class NotUnderstood(ClientError):
    """An answer that vatwatch would not give: something else answers there."""


class ProblemReceived(ClientError):
    """The service said no, by a problem document (RFC 9457); or something before it did.

    Attributes:
        status: the HTTP status
        title: what kind of problem it is
        detail: this problem, in words for people; empty if a proxy answered
        parameter: the parameter of the address that is wrong
        field: the field of the body that is wrong
        did_you_mean: what was probably meant in its place
        request_id: by which the service's log knows the request
        retry_after_s: when to ask again, in seconds from now; None: it was not said
        document: the whole document; empty if there was none
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        document = _document(headers, body)
        self.status = status
        self.document = document
        self.title = _text(document.get("title")) or _phrase(status)
        self.detail = _text(document.get("detail"))
        self.parameter = _text(document.get("parameter")) or None
        self.field = _text(document.get("field")) or None
        self.did_you_mean = _text(document.get("did_you_mean")) or None
        self.request_id = _text(document.get("request_id")) or headers.get("X-Request-ID")
        self.retry_after_s = retry_after_s(headers.get("Retry-After"))
        super().__init__(status, self.title, self.detail)

    def __str__(self) -> str:
        return f"{self.status} {self.title}{f': {self.detail}' if self.detail else ''}"


def retry_after_s(value: str | None) -> float | None:
    """Seconds from now, of a `Retry-After` in seconds or as a date; None if it cannot be read."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000" is what RFC 5322 has for UTC of an unknown place
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _document(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if not headers.get("Content-Type", "").startswith(PROBLEM_TYPE):
        return {}
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
