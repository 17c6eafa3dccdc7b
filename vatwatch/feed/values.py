"""Reads single values of the feed, if they have one clear meaning.

Each function takes any JSON value and returns the value, None if there is none (missing or null),
or `LOST` if it cannot be read. A number may come as a text and a text as a number; a fraction is
rounded if a whole number is needed. `true` is not a number: it could be 1 or a mistake.
"""

from __future__ import annotations

import math
import re
from typing import Any, TypeAlias

from vatwatch.feed.lenient import LOST
from vatwatch.feed.records import INT4_MAX, INT4_MIN
from vatwatch.feed.times import parse_feed_time

Lost: TypeAlias = Any
"""`LOST`, which has no type of its own that a checker could narrow by identity."""

# Callsigns of 1 to 12 characters were seen; anything longer is not a callsign.
CALLSIGN_LIMIT = 20

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# Matches nearly all times, in half the time of parsing them: any day that each month has.
_PLAINLY_A_TIME = re.compile(
    r"20(?:0[1-9]|[1-9][0-9])-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z"
).fullmatch
# Length of a number that is sent as a text. Longer ones have no meaning here.
_LONGEST_NUMBER = 60


def number(value: Any) -> float | Lost | None:
    """A finite number; `LOST` for NaN, infinity, true and false, and what is not a number."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
            return LOST
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return LOST
    try:
        value = float(value)
    except OverflowError:
        return LOST
    return value if math.isfinite(value) else LOST


def integer(value: Any, low: int = INT4_MIN, high: int = INT4_MAX) -> int | Lost | None:
    """A whole number within these bounds, rounded if it has a fraction."""
    found = _exact(value)
    if found is None or found is LOST:
        return found
    whole = round(found)
    return whole if low <= whole <= high else LOST


def identifier(value: Any, high: int = INT4_MAX) -> int | Lost | None:
    """A number that is an id: not negative, and never rounded."""
    found = _exact(value)
    if found is None or found is LOST:
        return found
    return round(found) if found == round(found) and 0 <= found <= high else LOST


def _exact(value: Any) -> int | float | Lost | None:
    """A number without the loss of digits that a whole number would have as a float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
            return int(text)
    return number(value)


def text(value: Any) -> str | Lost | None:
    """A text that PostgreSQL can keep."""
    if value is None or isinstance(value, str):
        return None if value is None else storable(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return LOST
    return _digits(value)


def code(value: Any) -> str | Lost | None:
    """A text of four digits (a transponder's code, HHMM), whose leading zeros a number lacks."""
    found = text(value)
    if isinstance(value, int) and isinstance(found, str) and found.isdigit():
        return found.zfill(4)
    return found


def frequency(value: Any) -> str | Lost | None:
    """A frequency in MHz with three decimals, as a controller's is sent."""
    found = text(value)
    if isinstance(value, int | float) and isinstance(found, str) and 0 < value < 1000:
        return f"{value:.3f}"
    return found


def lines(value: Any) -> list[str] | Lost | None:
    """The lines of a text; those that are null or not a text are left out."""
    if value is None:
        return None
    if isinstance(value, str):
        return None if value.lower() == "null" else storable(value).splitlines()
    if not isinstance(value, list):
        return LOST
    found = [text(line) for line in value]
    return [line for line in found if isinstance(line, str)]


def truth(value: Any) -> bool | Lost | None:
    """True or false, also as 0, 1 or a text; else `LOST`."""
    if value is None or isinstance(value, bool):
        return value
    return (
        {0: False, 1: True, "false": False, "true": True}.get(value, LOST)
        if isinstance(value, int | str)
        else LOST
    )


def callsign(value: Any) -> str | Lost | None:
    """1 to 20 printable characters without a space."""
    if isinstance(value, float):
        return LOST
    found = text(value)
    if not isinstance(found, str):
        return found
    found = found.strip()
    if not found:
        return None
    return found if is_callsign(found) else LOST


def time(value: Any) -> str | Lost | None:
    """A time as it was sent."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return LOST
    found = value.strip()
    return found if is_time(found) else LOST


def is_callsign(text: str) -> bool:
    """Whether it can be somebody's callsign."""
    return 0 < len(text) <= CALLSIGN_LIMIT and text.isprintable() and " " not in text


def is_time(text: str) -> bool:
    """Whether it is a time of the network's: one that `parse_feed_time` reads."""
    if _PLAINLY_A_TIME(text) is not None:
        return True
    try:
        parse_feed_time(text)
    except ValueError:
        return False
    return True


def storable(text: str) -> str:
    """A text that PostgreSQL can keep: without NUL, and without half a character."""
    if text.isascii() and "\x00" not in text:
        return text
    whole = text.replace("\x00", "").encode("utf-16", "surrogatepass")
    return whole.decode("utf-16", "replace")


def _digits(value: int | float) -> str | Lost:
    if isinstance(value, int):
        # Python refuses to write more than 4,300 digits, and nothing here means so many.
        return str(value) if abs(value) < 10**_LONGEST_NUMBER else LOST
    if not math.isfinite(value):
        return LOST
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
