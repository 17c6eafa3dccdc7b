"""Remedies, alone and composed: what they do, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vatwatch.errors import BreakerOpen
from vatwatch.supervision import (
    Backoff,
    BreakerPolicy,
    BreakerState,
    CircuitBreaker,
    ContinueWithout,
    Fallback,
    Recovery,
    Remedy,
    Retry,
    WithBreaker,
)
from vatwatch.supervision.notices import FailureHandled

BACKOFF = Backoff(base_s=1.0, cap_s=8.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Flaky:
    """Fails as often as it is told to, then gives its result."""

    def __init__(self, failures: int, error: Callable[[], Exception] = lambda: OSError("down")):
        self.failures = failures
        self.error = error
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error()
        return "done"


def recovery(*remedies: Remedy) -> tuple[Recovery, list[FailureHandled]]:
    told: list[FailureHandled] = []
    return Recovery("vatwatch/data/store", "write", remedies, told.append), told


def retry(attempts: int, clock: Clock, **options: Any) -> Retry:
    return Retry(attempts, BACKOFF, sleep=clock.sleep, clock=clock, random=lambda: 1.0, **options)


def test_a_call_that_goes_well_tells_nothing() -> None:
    trace, told = recovery(retry(3, Clock()))
    assert trace.call(Flaky(0)) == "done"
    assert not told


def test_retrying_waits_longer_each_time_and_tells_that_it_worked() -> None:
    clock = Clock()
    trace, told = recovery(retry(3, clock))
    assert trace.call(Flaky(2), correlation_id="snapshot") == "done"
    assert clock.now == 1 + 2
    assert [(n.tried, n.recovered, n.error_type) for n in told] == [(("retry",), True, "OSError")]
    assert told[0].correlation_id == "snapshot"
    assert "builtins.OSError" in told[0].error_kinds
    assert "down" in told[0].traceback


def test_retrying_ends_after_its_attempts_and_tells_that_it_did_not_work() -> None:
    trace, told = recovery(retry(2, Clock()))
    flaky = Flaky(9)
    with pytest.raises(OSError, match="down"):
        trace.call(flaky)
    assert flaky.calls == 3
    assert [(n.tried, n.recovered) for n in told] == [(("retry",), False)]


def test_no_try_begins_beyond_the_budget() -> None:
    clock = Clock()
    flaky = Flaky(9)
    trace, _ = recovery(retry(9, clock, within_s=4.0))
    with pytest.raises(OSError, match="down"):
        trace.call(flaky)
    assert flaky.calls == 3  # after 1 and 2 seconds; the next would come at 7
    assert clock.now == 3


def test_an_error_that_is_not_worth_it_is_not_tried_again_but_told() -> None:
    flaky = Flaky(1, lambda: KeyError("bug"))
    trace, told = recovery(retry(3, Clock(), on=(OSError,)))
    with pytest.raises(KeyError):
        trace.call(flaky)
    assert flaky.calls == 1
    assert [(n.tried, n.recovered) for n in told] == [((), False)]


def test_whether_it_is_worth_it_can_be_asked_of_the_error() -> None:
    trace, _ = recovery(retry(3, Clock(), on=lambda error: "down" in str(error)))
    assert trace.call(Flaky(1)) == "done"


def test_a_fallback_gives_something_else_and_tells_so() -> None:
    trace, told = recovery(Fallback(lambda: "last good", on=(OSError,)))
    assert trace.call(Flaky(1)) == "last good"
    assert [(n.tried, n.recovered) for n in told] == [(("fallback",), True)]


def test_a_fallback_that_fails_is_a_failure() -> None:
    trace, told = recovery(Fallback(Flaky(1, lambda: ValueError("nothing yet"))))
    with pytest.raises(ValueError, match="nothing yet"):
        trace.call(Flaky(1))
    assert [(n.error_type, n.recovered) for n in told] == [("ValueError", False)]


def test_a_degraded_operation_goes_on_and_the_service_is_told() -> None:
    errors: list[Exception] = []
    trace, told = recovery(ContinueWithout((OSError,), errors.append))
    assert trace.call(Flaky(1)) is None
    assert [str(error) for error in errors] == ["down"]
    assert told[0].tried == ("degrade",)


def test_an_open_breaker_is_not_called_and_what_stands_around_it_decides() -> None:
    clock = Clock()
    breaker = CircuitBreaker("db", BreakerPolicy(2, timeout_s=10), clock)
    trace, told = recovery(
        Fallback(lambda: "cached", on=(OSError, BreakerOpen)), WithBreaker(breaker), retry(1, clock)
    )
    flaky = Flaky(99)
    assert [trace.call(flaky) for _ in range(3)] == ["cached"] * 3
    assert breaker.state is BreakerState.OPEN
    assert flaky.calls == 4  # two calls of two tries, then none
    assert [n.tried for n in told] == [
        ("retry", "fallback"),
        ("retry", "fallback"),
        ("breaker", "fallback"),
    ]


def test_a_remedy_within_another_is_tried_first() -> None:
    clock = Clock()
    breaker = CircuitBreaker("db", BreakerPolicy(2), clock)
    flaky = Flaky(1)
    trace, _ = recovery(WithBreaker(breaker), retry(1, clock))
    assert trace.call(flaky) == "done"
    assert breaker.info().failures == 0
