"""How a line looks: for people, or as JSON. What stands in it may come from anywhere.

Whatever a line holds, it stays one line (in the format for people: one, and indented ones below
it), and no secret that the process knows is in it.
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

# Characters that move the cursor, hide text, or begin a line of their own.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# Where a record keeps its line, and whose it is: each handler writes the same.
_KEPT = "vatwatch_line"


def line_of(handler: logging.Handler, record: logging.LogRecord) -> bytes:
    """The record as the handler's formatter writes it, with the line's end. Raises nothing."""
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
    """What the log has to say of itself."""
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
    """An object on one line, all of it printable, without members that are "" or None."""
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


# Of the lines of one second each has the same.
@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"


def _encodable(text: str) -> str:
    """Without halves of surrogate pairs, which UTF-8 does not have."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()
