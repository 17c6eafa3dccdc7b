"""Formats a log line for people or as JSON.

Its content may come from anywhere. It always stays one line (in the format for people: one line,
with indented lines below), and contains no secret that the process knows.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from vatwatch.logs.context import current_ids
from vatwatch.redaction import redact

# Characters that move the cursor, hide text, or begin a new line.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# Attribute of a record for its formatted line, since several handlers write the same one.
_KEPT = "vatwatch_line"


def line_of(handler: logging.Handler, record: logging.LogRecord) -> bytes:
    """The record as the handler's formatter writes it, with a line end. Never raises."""
    kept = record.__dict__.get(_KEPT)
    if kept is not None and kept[0] is handler.formatter:
        line: bytes = kept[1]
        return line
    try:
        text = handler.format(record)
    except Exception as error:  # noqa: BLE001 - a wrong call must not end the caller
        why = f"no line for {record.msg!r} of {record.pathname}:{record.lineno}: {error!r}"
        text = handler.format(own_record(logging.ERROR, why))
    line = (text + "\n").encode("utf-8", "backslashreplace")
    record.__dict__[_KEPT] = (handler.formatter, line)
    return line


def own_record(level: int, text: str) -> logging.LogRecord:
    """A record of the log about itself."""
    return logging.LogRecord(__name__, level, "", 0, text, None, None)


class ConsoleFormatter(logging.Formatter):
    """`2026-11-26T15:00:01.250Z LEVEL part: message [request_id=…]`, further lines indented."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as text, without the last line's end."""
        text = record.getMessage()
        ids = current_ids()
        named = [f"{name}={one}" for name, one in zip(ids._fields, ids, strict=True) if one]
        if named:
            first, line_end, rest = text.partition("\n")
            text = f"{first} [{' '.join(named)}]{line_end}{rest}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        text = _CONTROL.sub(_escape, redact(text)).rstrip("\n").replace("\n", "\n    ")
        return f"{moment(record.created)} {record.levelname} {record.name}: {text}"


class JsonFormatter(logging.Formatter):
    """An object on one line: `time`, `level`, `logger`, `message`, and what else there is.

    `request_id`, `correlation_id` and `exception` (the traceback) stand there if there is any.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record as text, without the line's end."""
        line = {
            "time": moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            "process": record.process,
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json_line({**line, **current_ids()._asdict()})


def json_line(members: dict[str, Any]) -> str:
    """A JSON object on one line, printable, without members that are "" or None."""
    line = {
        name: _encodable(value) if isinstance(value, str) else value
        for name, value in members.items()
        if value is not None and value != ""
    }
    encoded = msgspec.json.encode(line).decode()
    if encoded.isprintable():
        return encoded
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in encoded)


def moment(seconds: float) -> str:
    """A time since 1970 as `2026-11-26T15:00:01.250Z`."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03}Z"


# All lines of one second share this part.
@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"


def _encodable(text: str) -> str:
    """The text without halves of surrogate pairs, which UTF-8 cannot contain."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()
