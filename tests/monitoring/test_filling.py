"""When a disk is full: by its pace, and not before anything is known of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.monitoring.filling import EACH, LEAST, READINGS, Filling

START = datetime(2026, 5, 1, tzinfo=UTC)


def filled(*free_mb: float, begin: Filling | None = None) -> Filling:
    """A reading a minute."""
    filling = begin or Filling()
    for minute, free in enumerate(free_mb):
        filling = filling.with_reading(START + minute * EACH, free)
    return filling


@given(st.floats(1, 100), st.integers(LEAST, 100))
def test_a_disk_that_fills_evenly_is_full_when_nothing_is_left(a_minute: float, count: int) -> None:
    free = [20_000 - a_minute * minute for minute in range(count)]
    full_at = filled(*free).full_at()
    assert full_at is not None
    wanted = START + timedelta(minutes=20_000 / a_minute)
    assert abs(full_at - wanted) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "free",
    [
        [],
        [1000.0 - minute for minute in range(LEAST - 1)],
        [1000.0] * 50,
        [1000.0 + minute for minute in range(50)],
        [1e9 - minute * 1e-3 for minute in range(50)],
    ],
    ids=["nothing known", "too little known", "as it was", "more free", "in a thousand years"],
)
def test_what_is_not_known_or_does_not_come_is_not_told(free: list[float]) -> None:
    assert filled(*free).full_at() is None


def test_readings_of_the_same_minute_count_once_and_old_ones_go() -> None:
    filling = filled(*range(2 * READINGS, 0, -1))
    assert len(filling.readings) == READINGS
    last, _ = filling.readings[-1]
    assert filling.with_reading(last + EACH / 2, 5.0) is filling
    assert filling.with_reading(last + EACH, 5.0).readings[-1] == (last + EACH, 5.0)


def test_after_a_clock_was_set_back_it_begins_anew() -> None:
    filling = filled(*range(100, 50, -1)).with_reading(START - timedelta(days=1), 40.0)
    assert filling.readings == ((START - timedelta(days=1), 40.0),)
