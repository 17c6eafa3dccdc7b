"""Error statistics: counts of errors by kind and minute, for the retention time.

Its memory is bounded: a minute has as many numbers as there are services and fingerprints, and only
the latest fingerprints are counted separately. Changed in place by its only owner, the error
manager.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from vatwatch.monitoring.errors import ErrorRecord

# A service has a few dozen places where it can fail; more are a storm of new ones.
MOST_GROUPS = 500
MOST_COMMON = 10
MINUTE_S = 60
# The last minutes are compared with the minutes before them.
RECENT_MINUTES, BEFORE_MINUTES = 5, 25
# A change of fewer errors a minute than this does not count as a trend.
LEAST_CHANGE = 0.5

Trend: TypeAlias = Literal["rising", "falling", "steady"]


class ErrorGroup(Struct):
    """Errors of one fingerprint."""

    fingerprint: str
    service: str
    operation: str
    error_type: str
    message: str  # of the latest
    category: str
    severity: str
    count: int
    first_seen: datetime
    last_seen: datetime


class RecoveryNumbers(Struct):
    """The tries of one strategy; `mean_s` is over those that worked."""

    tries: int = 0
    successes: int = 0
    rate: float | None = None
    mean_s: float | None = None


class Analytics(Struct, frozen=True):
    """The errors of a window: counts of single errors, with folded ones counted in full."""

    window_s: float
    total: int
    by_category: dict[str, int]
    by_severity: dict[str, int]
    by_service: dict[str, int]
    most_common: list[ErrorGroup]
    recovery_success_rate: float | None


class Trends(Struct, frozen=True):
    """Errors per minute and per hour, the oldest first, and the trend."""

    trend: Trend
    per_minute: list[tuple[datetime, int]]
    per_hour: list[tuple[datetime, int]]
    groups: list[ErrorGroup]


@dataclass(slots=True)
class _Minute:
    begins: int
    total: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    services: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)


class ErrorStatistics:
    """Counts errors by kind and minute; see the module's docstring."""

    def __init__(self, retention: timedelta) -> None:
        self._minutes: list[_Minute] = []
        self._groups: OrderedDict[str, ErrorGroup] = OrderedDict()
        self.keep_for(retention)

    def keep_for(self, retention: timedelta) -> None:
        """Set how far back they go, from the next minute on; at least a minute."""
        self._most = max(1, int(retention.total_seconds() // MINUTE_S))

    def add(self, record: ErrorRecord, added: int | None = None) -> None:
        """Count the errors of a record, and the recovery that was tried.

        `added`: how many of them are new, all of the last moment. Without it the record is read
        from the table: all are counted, spread evenly over the time from its first to its last.
        """
        shares = _spread(record) if added is None else [(_minute_of(record.last_at), added)]
        counted = sum(self._count(record, minute, count) for minute, count in shares)
        if counted:
            self._group(record, counted)

    def _count(self, record: ErrorRecord, begins: int, count: int) -> int:
        """Count in a minute. Returns how many were counted: none if that minute is too long ago."""
        minute = self._minute(begins)
        if minute is None:
            return 0
        minute.total += count
        minute.categories[record.category] += count
        minute.severities[record.severity] += count
        minute.services[record.service] += count
        minute.groups[record.fingerprint] += count
        if record.recovery != "none" and record.recovered is not None:
            _count_recovery(
                minute, record.recovery, record.recovered, record.recovery_s or 0.0, count
            )
        return count

    def add_recovery(self, strategy: str, at: datetime, worked: bool, seconds: float) -> None:
        """Count a try of a strategy that has no error record, such as a breaker's trial."""
        minute = self._minute(_minute_of(at))
        if minute is not None:
            _count_recovery(minute, strategy, worked, seconds, 1)

    def analytics(self, now: datetime, window: timedelta) -> Analytics:
        """Errors in the window that ends at `now`, by whole minutes; at most `retention` back."""
        minutes = self._within(now, window)
        groups = _sum(minute.groups for minute in minutes)
        tries = sum(minute.tries.total() for minute in minutes)
        successes = sum(minute.successes.total() for minute in minutes)
        return Analytics(
            window_s=window.total_seconds(),
            total=sum(minute.total for minute in minutes),
            by_category=dict(_sum(minute.categories for minute in minutes)),
            by_severity=dict(_sum(minute.severities for minute in minutes)),
            by_service=dict(_sum(minute.services for minute in minutes)),
            most_common=[
                _with_count(self._groups[fingerprint], count)
                for fingerprint, count in groups.most_common()
                if fingerprint in self._groups
            ][:MOST_COMMON],
            recovery_success_rate=successes / tries if tries else None,
        )

    def recovery(self, now: datetime, window: timedelta) -> dict[str, RecoveryNumbers]:
        """Tries and successes in the window, by strategy (`retry`, `breaker`, ...); `mean_s` of the
        successes, None without any."""
        minutes = self._within(now, window)
        tries = _sum(minute.tries for minute in minutes)
        successes = _sum(minute.successes for minute in minutes)
        seconds: dict[str, float] = {}
        for minute in minutes:
            for strategy, sum_s in minute.seconds.items():
                seconds[strategy] = seconds.get(strategy, 0.0) + sum_s
        return {
            strategy: RecoveryNumbers(
                tries=count,
                successes=successes[strategy],
                rate=successes[strategy] / count,
                mean_s=seconds[strategy] / successes[strategy] if successes[strategy] else None,
            )
            for strategy, count in sorted(tries.items())
        }

    def trends(self, now: datetime) -> Trends:
        """Per minute of the last hour, per hour of the last day; rising, falling or steady.

        Rising: the last five minutes had more than twice as many a minute as the twenty-five before
        them; falling: less than half. A change of half an error a minute is not a trend.
        """
        totals = {minute.begins: minute.total for minute in self._minutes}
        this = _minute_of(now)
        per_minute = [(n, totals.get(n, 0)) for n in range(this - 59, this + 1)]
        hour = this // 60
        per_hour = [
            (n, sum(totals.get(minute, 0) for minute in range(n * 60, n * 60 + 60)))
            for n in range(hour - 23, hour + 1)
        ]
        return Trends(
            trend=_trend([count for _, count in per_minute]),
            per_minute=[(_moment(n, now), count) for n, count in per_minute],
            per_hour=[(_moment(n * 60, now), count) for n, count in per_hour],
            groups=sorted(self._groups.values(), key=lambda g: g.last_seen, reverse=True),
        )

    @property
    def groups(self) -> int:
        """The known fingerprints."""
        return len(self._groups)

    def _minute(self, begins: int) -> _Minute | None:
        """The counts of that minute, created at its first use; None if it is too long ago."""
        minutes = self._minutes
        newest = minutes[-1].begins if minutes else begins
        if newest - begins >= self._most:
            return None
        # Nearly always the last one. Earlier: it is late, the clock was set back, or it was read.
        at = bisect_left(minutes, begins, key=lambda minute: minute.begins)
        if at == len(minutes) or minutes[at].begins != begins:
            minutes.insert(at, _Minute(begins))
        found = minutes[at]
        while minutes[-1].begins - minutes[0].begins >= self._most:
            del minutes[0]
        return found

    def _within(self, now: datetime, window: timedelta) -> list[_Minute]:
        since = _minute_of(now - window)
        return [minute for minute in self._minutes if minute.begins > since]

    def _group(self, record: ErrorRecord, count: int) -> None:
        group = self._groups.get(record.fingerprint)
        if group is None:
            self._groups[record.fingerprint] = ErrorGroup(
                record.fingerprint,
                record.service,
                record.operation,
                record.error_type,
                record.message,
                record.category,
                record.severity,
                count,
                record.time,
                record.last_at,
            )
            if len(self._groups) > MOST_GROUPS:
                self._groups.popitem(last=False)
            return
        group.count += count
        group.last_seen = max(group.last_seen, record.last_at)
        group.message, group.severity = record.message, record.severity
        self._groups.move_to_end(record.fingerprint)


def _with_count(group: ErrorGroup, count: int) -> ErrorGroup:
    return ErrorGroup(
        **{name: getattr(group, name) for name in group.__struct_fields__ if name != "count"},
        count=count,
    )


def _count_recovery(
    minute: _Minute, strategy: str, worked: bool, seconds: float, count: int
) -> None:
    minute.tries[strategy] += count
    if worked:
        minute.successes[strategy] += count
        minute.seconds[strategy] = minute.seconds.get(strategy, 0.0) + seconds * count


def _spread(record: ErrorRecord) -> list[tuple[int, int]]:
    """The minutes of a record, and how many of its errors each gets."""
    first, last = _minute_of(record.time), _minute_of(record.last_at)
    minutes = max(1, last - first + 1)
    shares = [
        record.count * (n + 1) // minutes - record.count * n // minutes for n in range(minutes)
    ]
    return [(last - minutes + 1 + n, share) for n, share in enumerate(shares) if share]


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _trend(per_minute: list[int]) -> Trend:
    recent = sum(per_minute[-RECENT_MINUTES:]) / RECENT_MINUTES
    before = sum(per_minute[-RECENT_MINUTES - BEFORE_MINUTES : -RECENT_MINUTES]) / BEFORE_MINUTES
    if recent > 2 * before and recent - before >= LEAST_CHANGE:
        return "rising"
    if recent < before / 2 and before - recent >= LEAST_CHANGE:
        return "falling"
    return "steady"


def _minute_of(moment: datetime) -> int:
    return int(moment.timestamp() // MINUTE_S)


def _moment(minute: int, like: datetime) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE_S, like.tzinfo)
