"""What an error is, which ones are the same, and what they have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import redis
import requests
from hypothesis import given
from hypothesis import strategies as st

from vatwatch import errors
from vatwatch.monitoring.error_statistics import MOST_GROUPS, ErrorStatistics
from vatwatch.monitoring.errors import (
    Category,
    ErrorFilter,
    ErrorRecord,
    ErrorSeverity,
    category_of,
    fingerprint_of,
    is_bug,
    is_weather,
)
from vatwatch.supervision.failures import kinds_of

NOON = datetime(2024, 1, 1, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(at: datetime = NOON, **more: Any) -> ErrorRecord:
    fields: dict[str, Any] = {
        "id": uuid4(),
        "time": at,
        "last_at": at,
        "count": 1,
        "fingerprint": "f",
        "service": "store",
        "path": "vatwatch/data/store",
        "operation": "transaction",
        "category": "database",
        "severity": "high",
        "error_type": "DatabaseUnavailable",
        "message": "no",
        "correlation_id": "",
        "traceback": "",
        "recovery": "none",
        "recovered": None,
        "recovery_s": None,
    }
    return ErrorRecord(**{**fields, **more})


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (errors.FetchTimeout("late"), Category.TIMEOUT),
        (errors.FetchStatus(500, "http://x"), Category.API),
        (errors.FetchUnreachable("away"), Category.NETWORK),
        (errors.FeedTruncated("cut"), Category.VALIDATION),
        (errors.DatabaseUnavailable("away"), Category.DATABASE),
        (psycopg2.OperationalError("gone"), Category.DATABASE),
        (errors.ConfigurationError("wrong"), Category.CONFIGURATION),
        (errors.JournalFull("full"), Category.RESOURCE),
        (redis.ConnectionError("gone"), Category.NETWORK),
        (requests.ConnectTimeout(), Category.TIMEOUT),
        (ConnectionResetError(), Category.NETWORK),
        (OSError(28, "No space left"), Category.RESOURCE),
        (TimeoutError(), Category.TIMEOUT),
        (ValueError("no number"), Category.VALIDATION),
        (KeyError("bug"), Category.UNKNOWN),
    ],
)
def test_the_class_of_an_error_says_where_its_cause_lies(
    error: Exception, category: Category
) -> None:
    assert category_of(kinds_of(error)) is category


@pytest.mark.parametrize(
    ("error", "handled", "bug", "weather"),
    [
        (errors.DatabaseUnavailable("away"), True, False, True),
        (errors.DatabaseConflict("deadlock"), True, False, True),
        (errors.RedisUnavailable("away"), True, False, True),
        (errors.FetchTimeout("late"), True, False, True),
        (errors.JournalFull("full"), True, False, True),
        (errors.WebhookUnavailable("away"), True, False, True),
        (errors.BreakerOpen("x", 1), True, False, True),
        (errors.DatabaseBroken("no column", "42703"), True, True, False),
        (errors.EventRefused("X", "no field"), True, True, False),
        (errors.InjectedFault("ordered"), False, False, False),
        (errors.AskTimeout("late"), False, False, False),
        (errors.OutOfSequence("other past"), True, False, False),
        (OSError(28, "No space left"), True, False, False),
        (OSError(28, "No space left"), False, True, False),
        (psycopg2.errors.UniqueViolation("twice"), True, True, False),
        (redis.ResponseError("ERR unknown command"), True, True, False),
        (KeyError("bug"), True, True, False),
    ],
)
def test_a_bug_has_a_traceback_and_weather_is_logged_by_another_part(
    error: Exception, handled: bool, bug: bool, weather: bool
) -> None:
    kinds = kinds_of(error)
    assert (is_bug(kinds, handled=handled), is_weather(kinds)) == (bug, weather)


def test_a_hang_or_an_end_without_an_error_is_a_bug() -> None:
    assert is_bug((), handled=False)
    assert not is_weather(())


def test_one_error_is_one_fingerprint_whatever_its_text_and_line() -> None:
    def at(line: int, file: str = "vatwatch/actors/store.py") -> str:
        trace = f'  File "/srv/app/{file}", line {line}, in _write\n    x\n'
        trace += '  File "/usr/lib/python3/json.py", line 3, in loads\n    y\n'
        return fingerprint_of("store", "StoreBatch", "ValueError", trace)

    assert at(10) == at(99)
    assert at(10) != at(10, "vatwatch/actors/journal.py")
    assert at(10) != fingerprint_of("store", "StoreBatch", "KeyError", "")


def test_a_record_must_match_all_parts_of_the_filter() -> None:
    wanted = ErrorFilter(service="store", severity="high", since=NOON, until=NOON + HOUR)
    assert wanted.wants(record())
    assert not wanted.wants(record(service="cache"))
    assert not wanted.wants(record(NOON - HOUR))
    assert not wanted.wants(record(NOON + HOUR))
    assert ErrorFilter(recovered=False).wants(record(recovered=False))
    assert not ErrorFilter(recovered=False).wants(record(recovered=None))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.sampled_from([each.value for each in Category]),
            st.sampled_from([each.value for each in ErrorSeverity]),
            st.integers(1, 50),
        )
    ),
    st.integers(1, 300),
)
def test_the_analytics_count_the_errors_in_the_window(
    given_errors: list[tuple[int, str, str, int]], window_minutes: int
) -> None:
    statistics = ErrorStatistics(timedelta(hours=24))
    now = NOON + timedelta(minutes=300)
    # They come in their order, as they happen.
    for minute, category, severity, count in sorted(given_errors):
        at = NOON + timedelta(minutes=minute)
        statistics.add(record(at, category=category, severity=severity, count=count))
    found = statistics.analytics(now, timedelta(minutes=window_minutes))
    inside = [e for e in given_errors if e[0] > 300 - window_minutes]
    assert found.total == sum(count for *_, count in inside)
    for numbers in (found.by_category, found.by_severity, found.by_service):
        assert sum(numbers.values()) == found.total
    assert sum(group.count for group in found.most_common) == found.total


def test_errors_older_than_the_retention_are_forgotten() -> None:
    statistics = ErrorStatistics(timedelta(minutes=10))
    statistics.add(record(NOON))
    statistics.add(record(NOON + timedelta(minutes=20)))
    found = statistics.analytics(NOON + timedelta(minutes=20), timedelta(hours=24))
    assert found.total == 1


def test_a_storm_of_new_kinds_of_errors_is_bounded() -> None:
    statistics = ErrorStatistics(timedelta(hours=1))
    for number in range(3 * MOST_GROUPS):
        statistics.add(record(fingerprint=str(number)))
    assert statistics.groups == MOST_GROUPS
    assert statistics.analytics(NOON, HOUR).total == 3 * MOST_GROUPS


def test_recoveries_are_counted_by_strategy() -> None:
    statistics = ErrorStatistics(timedelta(hours=1))
    statistics.add(record(recovery="retry", recovered=True, recovery_s=2.0))
    statistics.add(record(recovery="retry", recovered=True, recovery_s=4.0))
    statistics.add(record(recovery="retry", recovered=False, recovery_s=9.0))
    statistics.add(record(recovery="restart", recovered=None))
    statistics.add_recovery("breaker", NOON, worked=True, seconds=60.0)
    found = statistics.recovery(NOON, HOUR)
    assert (found["retry"].tries, found["retry"].successes) == (3, 2)
    assert found["retry"].rate == pytest.approx(2 / 3)
    assert found["retry"].mean_s == 3.0
    assert found["breaker"].mean_s == 60.0
    assert "restart" not in found
    assert statistics.analytics(NOON, HOUR).recovery_success_rate == 3 / 4


@pytest.mark.parametrize(
    ("per_minute", "trend"),
    [
        ([0] * 30, "steady"),
        ([1] * 30, "steady"),
        ([0] * 25 + [3] * 5, "rising"),
        ([4] * 25 + [1] * 5, "falling"),
        ([0] * 29 + [1], "steady"),
    ],
)
def test_the_trend_follows_its_documented_rule(per_minute: list[int], trend: str) -> None:
    statistics = ErrorStatistics(timedelta(hours=24))
    for minute, count in enumerate(per_minute):
        if count:
            statistics.add(record(NOON + timedelta(minutes=minute), count=count))
    found = statistics.trends(NOON + timedelta(minutes=29))
    assert found.trend == trend
    assert [count for _, count in found.per_minute[-30:]] == per_minute
    assert sum(count for _, count in found.per_hour) == sum(per_minute)
    assert len(found.per_minute) == 60
    assert len(found.per_hour) == 24
