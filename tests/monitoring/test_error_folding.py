"""Repeats of one error are one row, and none of them is lost in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from tests.monitoring.test_errors import NOON, record
from vatwatch.monitoring.error_folding import (
    LONGEST,
    MANY_KINDS,
    MOST_OPEN,
    OVER_AFTER,
    ErrorFolder,
)
from vatwatch.monitoring.error_statistics import ErrorStatistics
from vatwatch.monitoring.errors import ErrorRecord

POLL = timedelta(seconds=15)


Table: TypeAlias = dict[Any, ErrorRecord]


def rows(folder: ErrorFolder, table: Table | None = None) -> Table:
    """What is in the table once it has all of it."""
    table = {} if table is None else table
    for folded in folder.take():
        table[folded.record.id] = folded.record
    return table


def test_a_night_without_the_feed_is_one_row_an_hour_and_every_poll_is_counted() -> None:
    folder = ErrorFolder()
    table: Table = {}
    polls = int(timedelta(hours=8) / POLL)
    for number in range(polls):
        folder.fold(record(NOON + number * POLL), weather=True)
        rows(folder, table)
    assert len(table) == timedelta(hours=8) / LONGEST
    assert sum(each.count for each in table.values()) == polls
    first = table[next(iter(table))]
    assert (first.time, first.last_at) == (NOON, NOON + LONGEST - POLL)


def test_the_next_outage_is_a_row_of_its_own() -> None:
    folder = ErrorFolder()
    folder.fold(record(), weather=True)
    folder.fold(record(NOON + POLL, service="fetcher", fingerprint="other"), weather=True)
    folder.close("store")
    folder.fold(record(NOON + POLL), weather=True)
    folder.fold(record(NOON + 2 * POLL, service="fetcher", fingerprint="other"), weather=True)
    assert sorted(each.count for each in rows(folder).values()) == [1, 1, 2]
    # Also if nobody has told that it was over.
    folder.fold(record(NOON + POLL + OVER_AFTER + POLL), weather=True)
    assert [each.count for each in rows(folder).values()] == [1]


def test_a_bug_is_a_row_of_its_own_each_time() -> None:
    folder = ErrorFolder()
    for _ in range(3):
        folder.fold(record())
    assert [each.count for each in rows(folder).values()] == [3]
    folder.fold(record(NOON + timedelta(seconds=1)))
    assert [each.count for each in rows(folder).values()] == [1]
    assert folder.take() == ()


def test_each_quarantined_snapshot_and_each_outcome_has_its_own_row() -> None:
    folder = ErrorFolder()
    for about in ("a", "b", "a"):
        folder.fold(record(recovery="quarantine", recovered=True, correlation_id=about))
    folder.fold(record(recovery="retry", recovered=True), weather=True)
    folder.fold(record(recovery="retry", recovered=False), weather=True)
    assert sorted(each.count for each in rows(folder).values()) == [1, 1, 1, 2]


def test_beyond_the_limit_all_further_kinds_are_one_kind_for_each_service() -> None:
    folder = ErrorFolder()
    for number in range(MOST_OPEN + 50):
        folder.fold(record(fingerprint=str(number)))
    found = rows(folder).values()
    assert {each.operation: each.count for each in found}[MANY_KINDS] == 50


STEPS = st.lists(
    st.tuples(
        st.integers(0, 400),  # seconds later
        st.sampled_from(["f", "g"]),
        st.booleans(),  # weather
        st.sampled_from(["fold", "take", "close"]),
        st.integers(1, 5),
    ),
    max_size=80,
)


@given(STEPS)
def test_whatever_comes_rows_and_statistics_have_every_error_once(
    steps: list[tuple[int, str, bool, str, int]],
) -> None:
    folder, statistics = ErrorFolder(), ErrorStatistics(timedelta(hours=24))
    table: Table = {}
    now, given_errors = NOON, 0

    def take() -> None:
        for folded in folder.take():
            assert folded.record.count >= table.get(folded.record.id, folded.record).count
            table[folded.record.id] = folded.record
            statistics.add(folded.record, folded.added)

    for seconds, fingerprint, weather, what, count in steps:
        now += timedelta(seconds=seconds)
        if what == "fold":
            folder.fold(record(now, fingerprint=fingerprint, count=count), weather=weather)
            given_errors += count
        elif what == "take":
            take()
        else:
            folder.close("store")
    take()
    assert sum(each.count for each in table.values()) == given_errors
    assert statistics.analytics(now, timedelta(hours=24)).total == given_errors
    # Read from the table by the next process, they are the same number.
    read = ErrorStatistics(timedelta(hours=24))
    for each in sorted(table.values(), key=lambda row: row.cursor):
        read.add(each)
    assert read.analytics(now, timedelta(hours=24)).total == given_errors


def test_a_row_from_the_table_is_spread_over_its_time() -> None:
    statistics, start = ErrorStatistics(timedelta(hours=24)), NOON.replace(second=0)
    last = start + timedelta(hours=1) - POLL
    statistics.add(record(start, last_at=last, count=240))
    found = statistics.trends(last)
    assert [count for _, count in found.per_minute] == [4] * 60
    assert found.trend == "steady"
