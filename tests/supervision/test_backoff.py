from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.supervision import Backoff

FRACTIONS = st.floats(0, 1, exclude_max=True)


@given(
    base_s=st.floats(0, 100),
    extra_s=st.floats(0, 1000),
    attempt=st.integers(0, 10**6),
    at=FRACTIONS,
)
def test_delay_is_between_zero_and_the_cap(
    base_s: float, extra_s: float, attempt: int, at: float
) -> None:
    backoff = Backoff(base_s, base_s + extra_s)
    assert 0 <= backoff.delay(attempt, lambda: at) <= backoff.cap_s


@given(attempt=st.integers(0, 1000), at=FRACTIONS)
def test_a_later_attempt_is_drawn_from_no_smaller_range(attempt: int, at: float) -> None:
    backoff = Backoff()
    assert backoff.delay(attempt, lambda: at) <= backoff.delay(attempt + 1, lambda: at)


@given(at=FRACTIONS)
def test_first_delay_is_at_most_the_base(at: float) -> None:
    assert Backoff(0.05, 10).delay(0, lambda: at) <= 0.05


def test_range_doubles_with_each_attempt_up_to_the_cap() -> None:
    delays = [Backoff(1, 10).delay(attempt, lambda: 0.5) for attempt in range(6)]
    assert delays == [0.5, 1, 2, 4, 5, 5]


def test_none_never_waits() -> None:
    assert Backoff.none().delay(99, lambda: 0.999) == 0


def test_cap_under_base_is_refused() -> None:
    with pytest.raises(ValueError, match="cap_s"):
        Backoff(2, 1)
