"""Counts of a service over all its restarts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from vatwatch.messages.status import FetcherStatus, Status, StoreStatus
from vatwatch.monitoring.counters import Totals, counters_of

# What happens: so many more are stored, or the service starts again.
LIVES = st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=8)


@given(LIVES)
def test_the_total_is_all_that_was_ever_counted_and_never_falls(lives: list[list[int]]) -> None:
    totals, ever, latest = Totals(), 0, 0
    for life in lives:
        totals.begin()
        own = 0
        for more in life:
            own += more
            ever += more
            shown = totals.over(StoreStatus(stored=own, waiting=more))
            assert (shown.stored, shown.waiting) == (ever, more)
            assert shown.stored >= latest
            latest = shown.stored


@given(st.lists(st.lists(st.sampled_from(["advanced", "timeout"]), max_size=6), max_size=6))
def test_counts_by_name_are_added_name_by_name(lives: list[list[str]]) -> None:
    totals, ever = Totals(), Counter[str]()
    for life in lives:
        totals.begin()
        own: Counter[str] = Counter()
        for outcome in life:
            own[outcome] += 1
            ever[outcome] += 1
            assert totals.over(FetcherStatus(outcomes=dict(own))).outcomes == dict(ever)


def test_a_count_that_is_reset_within_one_incarnation_is_added_too() -> None:
    totals = Totals()
    totals.begin()
    assert totals.over(StoreStatus(stored=5)).stored == 5
    assert totals.over(StoreStatus(stored=2)).stored == 7
    assert totals.over(StoreStatus(stored=3)).stored == 8


def test_counts_of_another_kind_are_dropped_and_cost_no_report() -> None:
    """A restart must cure what is wrong with them: they outlive each incarnation."""
    totals = Totals()
    totals.begin()
    totals.over(FetcherStatus(outcomes={"advanced": 5}))
    totals._own["outcomes"] = 7
    totals.begin()
    assert totals.over(FetcherStatus(outcomes={"advanced": 1})).outcomes == {"advanced": 1}
    assert totals.over(FetcherStatus(outcomes={"advanced": 2})).outcomes == {"advanced": 2}


def test_counters_are_numbers_and_no_states() -> None:
    for kind in get_args(Status):
        for name in counters_of(kind()):
            value = getattr(kind(), name)
            assert value in (0, {}), (kind, name)
            assert not isinstance(value, bool | datetime)
