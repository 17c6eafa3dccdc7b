"""CircuitBreakers around dependencies: what they count, what they remember, whom they tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.errors import BreakerOpen
from vatwatch.supervision import (
    Breaker,
    BreakerChanged,
    BreakerPolicy,
    BreakerState,
    CircuitBreaker,
)
from vatwatch.supervision.breaker import Calls

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail() -> None:
    raise OSError("down")


def fails(breaker: CircuitBreaker) -> None:
    with pytest.raises(OSError, match="down"):
        breaker.call(fail)


@given(st.integers(1, 8), st.lists(st.tuples(st.booleans(), st.booleans())))
def test_the_window_holds_the_last_calls_and_no_others(
    window: int, history: list[tuple[bool, bool]]
) -> None:
    calls = Calls()
    for failed, slow in history:
        calls = calls.add(window, failed=failed, slow=slow)
    kept = history[-window:]
    assert calls.count == len(kept)
    if kept:
        assert calls.failure_rate == sum(failed for failed, _ in kept) / len(kept)
        assert calls.slow_rate == sum(slow for _, slow in kept) / len(kept)


def test_failures_that_are_never_many_in_a_row_open_it_by_their_rate() -> None:
    policy = BreakerPolicy(failure_threshold=3, window=10, min_calls=4, failure_rate=0.5)
    breaker = Breaker(policy)
    states = []
    for number in range(4):
        report = breaker.failure if number % 2 else breaker.success
        breaker = report(float(number))
        states.append(breaker.state)
    assert states == [BreakerState.CLOSED] * 3 + [BreakerState.OPEN]


def test_below_the_least_number_of_calls_there_is_no_rate() -> None:
    policy = BreakerPolicy(failure_threshold=9, window=10, min_calls=5, failure_rate=0.1)
    breaker = Breaker(policy)
    for _ in range(4):
        breaker = breaker.failure(0)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.failure(0).state is BreakerState.OPEN


def test_calls_that_succeed_too_slowly_open_it() -> None:
    clock = Clock()
    policy = BreakerPolicy(window=4, min_calls=2, slow_call_s=1.0, slow_rate=1.0)
    breaker = CircuitBreaker("slow", policy, clock)

    def take(seconds: float) -> None:
        clock.now += seconds

    breaker.call(lambda: take(1.5))
    assert breaker.state is BreakerState.CLOSED
    breaker.call(lambda: take(1.5))
    assert breaker.state is BreakerState.OPEN


def test_a_trial_that_succeeds_too_slowly_has_failed() -> None:
    policy = BreakerPolicy(1, timeout_s=10, window=4, min_calls=2, slow_call_s=1.0)
    breaker, allowed = Breaker(policy).failure(0).allow(10)
    assert allowed
    assert breaker.success(12, elapsed_s=2).state is BreakerState.OPEN
    assert breaker.success(10.5, elapsed_s=0.5).state is BreakerState.CLOSED


def test_several_trials_must_all_succeed() -> None:
    policy = BreakerPolicy(1, timeout_s=10, half_open_trials=2)
    breaker = Breaker(policy).failure(0).half_open(10)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker = breaker.success(10)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.success(10).state is BreakerState.CLOSED
    assert breaker.failure(10).state is BreakerState.OPEN


def test_trials_do_not_begin_before_their_time() -> None:
    breaker = Breaker(BreakerPolicy(1, timeout_s=10)).failure(0)
    assert breaker.half_open(9.9).state is BreakerState.OPEN


def test_it_remembers_its_changes_and_reports_them() -> None:
    clock = Clock()
    told: list[BreakerChanged] = []
    policy = BreakerPolicy(2, timeout_s=10)
    breaker = CircuitBreaker("db", policy, clock, wall_clock=lambda: NOON, observe=told.append)
    fails(breaker)
    fails(breaker)
    with pytest.raises(BreakerOpen):
        breaker.call(fail)
    clock.now = 10
    breaker.call(lambda: None)
    closed, opened, half = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
    assert [(t.before, t.after) for t in told] == [
        (closed, opened),
        (opened, half),
        (half, closed),
    ]
    assert told[0].retry_in_s == 10
    assert "down" in told[0].reason
    info = breaker.info()
    assert [t.after for t in info.transitions] == [opened, half, closed]
    assert (info.successes, info.failures, info.rejected, info.opened) == (1, 2, 1, 1)
    assert (info.last_failure, info.last_failure_at) == ("OSError: down", NOON)


def test_a_reset_closes_it_at_once() -> None:
    breaker = CircuitBreaker("db", BreakerPolicy(1, timeout_s=10), Clock())
    fails(breaker)
    assert breaker.state is BreakerState.OPEN
    breaker.reset("mended")
    assert breaker.call(lambda: 7) == 7
    assert breaker.info().transitions[-1].reason == "mended"


def test_a_call_that_fails_by_injection_is_a_failure_of_its_kind_and_calls_nothing() -> None:
    left = [True, True, False]
    breaker = CircuitBreaker(
        "db",
        BreakerPolicy(5),
        Clock(),
        failure_types=OSError,
        before_call=lambda _name: left.pop(0),
    )
    called: list[int] = []
    for _ in range(2):
        with pytest.raises(OSError, match="injection"):
            breaker.call(lambda: called.append(1))
    assert not called
    breaker.call(lambda: called.append(1))
    assert called == [1]
    assert breaker.info().failures == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 5, "min_calls": 6},
        {"window": 5, "min_calls": 0},
        {"failure_rate": 0.0},
        {"slow_rate": 1.1},
        {"slow_call_s": 0.0},
    ],
)
def test_a_window_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        BreakerPolicy(**wrong)  # type: ignore[arg-type]
