"""Errors: what an error is (category), what it costs (severity), and which ones are the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct


class Category(Enum):
    """Where the cause is, by the class of the error, never by its text."""

    NETWORK = "network"
    DATABASE = "database"
    API = "api"
    VALIDATION = "validation"
    CONFIGURATION = "configuration"
    RESOURCE = "resource"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


class ErrorSeverity(Enum):
    """The effect of an error.

    low: it was handled where it happened. medium: something is missing now, without further effect:
    an answer, a poll, the mirror in Redis. high: a part was restarted, or a dependency is given up
    for a while. critical: a part stays down, or a supervisor gave up.
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class ErrorRecord(Struct, frozen=True):
    """An error, or several that were folded (`error_folding`). Times are of the wall clock."""

    id: UUID
    time: datetime  # of the first
    last_at: datetime
    count: int
    fingerprint: str
    service: str
    path: str
    operation: str  # or the type of the message in hand
    category: str
    severity: str
    error_type: str
    message: str
    correlation_id: str
    traceback: str
    recovery: str  # none, or what was tried last: retry, breaker, fallback, degrade, restart
    recovered: bool | None  # None: it is not known
    recovery_s: float | None

    @property
    def cursor(self) -> tuple[datetime, UUID]:
        """Its position in the list."""
        return (self.time, self.id)


class ErrorFilter(Struct, frozen=True):
    """A filter for errors; an empty text matches any."""

    service: str = ""
    category: str = ""
    severity: str = ""
    fingerprint: str = ""
    correlation_id: str = ""
    recovered: bool | None = None
    since: datetime | None = None
    """The last of the record's errors came at this time or later."""
    until: datetime | None = None
    """The first of the record's errors came before this time (exclusive)."""

    def wants(self, record: ErrorRecord) -> bool:
        """Whether the record matches."""
        return (
            all(
                getattr(self, name) in ("", getattr(record, name))
                for name in ("service", "category", "severity", "fingerprint", "correlation_id")
            )
            and self.recovered in (None, record.recovered)
            and (self.since is None or record.last_at >= self.since)
            and (self.until is None or record.time < self.until)
        )


# The first match among an error's classes decides; special classes come before general ones.
_CATEGORIES: tuple[tuple[str, Category], ...] = (
    ("vatwatch.errors.FetchTimeout", Category.TIMEOUT),
    ("vatwatch.errors.AskTimeout", Category.TIMEOUT),
    ("builtins.TimeoutError", Category.TIMEOUT),
    ("gevent.timeout.Timeout", Category.TIMEOUT),
    ("requests.exceptions.Timeout", Category.TIMEOUT),
    ("vatwatch.errors.FetchStatus", Category.API),
    ("vatwatch.errors.WebhookRefused", Category.API),
    ("vatwatch.errors.FetchError", Category.NETWORK),
    ("vatwatch.errors.WebhookError", Category.NETWORK),
    ("vatwatch.errors.RedisUnavailable", Category.NETWORK),
    ("vatwatch.errors.BreakerOpen", Category.NETWORK),
    ("requests.exceptions.RequestException", Category.NETWORK),
    ("redis.exceptions.RedisError", Category.NETWORK),
    ("builtins.ConnectionError", Category.NETWORK),
    ("vatwatch.errors.FeedError", Category.VALIDATION),
    ("vatwatch.errors.EventRefused", Category.VALIDATION),
    ("vatwatch.errors.SnapshotQuarantined", Category.VALIDATION),
    ("msgspec.ValidationError", Category.VALIDATION),
    ("vatwatch.errors.ConfigurationError", Category.CONFIGURATION),
    ("vatwatch.errors.JournalError", Category.RESOURCE),
    ("vatwatch.errors.MailboxFull", Category.RESOURCE),
    ("vatwatch.errors.StorageError", Category.DATABASE),
    ("psycopg2.Error", Category.DATABASE),
    ("builtins.MemoryError", Category.RESOURCE),
    ("builtins.OSError", Category.RESOURCE),
    ("builtins.ValueError", Category.VALIDATION),
)

# Weather: the part that depends on it logs it once, when it begins and when it is over.
_WEATHER = frozenset(
    {
        "vatwatch.errors.DatabaseUnavailable",
        "vatwatch.errors.RedisUnavailable",
        "vatwatch.errors.FetchError",
        "vatwatch.errors.FeedEmpty",
        "vatwatch.errors.FeedNotJson",
        "vatwatch.errors.FeedTruncated",
        "vatwatch.errors.FeedMalformed",
        "vatwatch.errors.JournalError",
        "vatwatch.errors.WebhookError",
        "vatwatch.errors.BreakerOpen",
    }
)
# Errors that this project raises because of something outside, or of an order: not bugs.
_EXPECTED = "vatwatch.errors.VatwatchError"
# But these are bugs: the code and its environment do not fit.
_BUGS = frozenset({"vatwatch.errors.DatabaseBroken", "vatwatch.errors.EventRefused"})
# A disk's error that was handled is not a bug; an actor that crashes from one has a bug.
_DISK = "builtins.OSError"

# A frame of our own code in a traceback's text.
_OWN_FRAME = re.compile(r'File ".*?(vatwatch/[\w/]+\.py)", line \d+, in (\S+)')


def category_of(kinds: Sequence[str]) -> Category:
    """The category, from the error's classes, the most derived first, as notices name them."""
    for name, category in _CATEGORIES:
        if name in kinds:
            return category
    return Category.UNKNOWN


def is_weather(kinds: Sequence[str]) -> bool:
    """Whether the error means that a dependency fails, which another part reports."""
    return not _WEATHER.isdisjoint(kinds)


def is_bug(kinds: Sequence[str], *, handled: bool) -> bool:
    """Whether the code must be fixed, so that a traceback is useful.

    `handled`: something was done about the error where it came up. Without kinds there was no
    error: a handler that hung, or an actor that ended by itself, which is a bug as well.
    """
    if not _BUGS.isdisjoint(kinds):
        return True
    return _EXPECTED not in kinds and not (handled and _DISK in kinds)


def fingerprint_of(service: str, operation: str, error_type: str, traceback: str) -> str:
    """What makes two errors the same: the service, what it was doing, the error's class, and the
    place in our own code. Not the text, which contains numbers and addresses.
    """
    frames = _OWN_FRAME.findall(traceback)
    where = ":".join(frames[-1]) if frames else ""
    parts = "\x1f".join((service, operation, error_type, where))
    return blake2b(parts.encode(errors="replace"), digest_size=8).hexdigest()
