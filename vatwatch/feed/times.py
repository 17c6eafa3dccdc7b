"""Reads times from texts in one way, for the feeds, for commands and for the API's parameters.

`datetime.fromisoformat` alone accepts more than PostgreSQL, JavaScript and other programs do: week
dates, dates without hyphens, any character between date and time. This module accepts RFC 3339.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Python keeps microseconds; VATSIM sends up to 7 digits, other programs up to 9.
_STRICT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

# VATSIM began in July 2001. A time outside this range is a mistake of a clock or program, and near
# the ends of the calendar even a time zone makes it unreadable for others.
FIRST_YEAR, LAST_YEAR = 2001, 2100


def parse_time(text: str) -> datetime:
    """Read `YYYY-MM-DDTHH:MM:SS[.fraction]` followed by `Z` or `±HH:MM`.

    Returns:
        an aware time in UTC, its fraction cut to microseconds

    Raises:
        ValueError: the text has another form, or the time is not in the calendar
    """
    if _STRICT.fullmatch(text) is None:
        raise ValueError(f"not a time such as 2026-01-31T12:00:00Z: {text[:40]!r}")
    # RFC 3339 has the letters in either case, Python only in capitals.
    time = datetime.fromisoformat(text.upper())
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"not in the calendar: {text!r}") from error


def time_text(time: datetime) -> str:
    """A time as the feed writes it: `2026-01-31T12:00:00.123456Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_feed_time(time: datetime) -> bool:
    """Whether the network can have sent it: it is within the years 2001 to 2100."""
    return FIRST_YEAR <= time.year <= LAST_YEAR


def parse_feed_time(text: str) -> datetime:
    """Read a time that the network sent: as `parse_time`, and within the years 2001 to 2100.

    Raises:
        ValueError: it is not a time, or not one of the network's
    """
    time = parse_time(text)
    if not is_feed_time(time):
        raise ValueError(f"not within the years {FIRST_YEAR} to {LAST_YEAR}: {text!r}")
    return time
