from __future__ import annotations

import gevent
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vatwatch.errors import BreakerOpen
from vatwatch.supervision import Breaker, BreakerPolicy, BreakerState, CircuitBreaker


class BreakerModel(RuleBasedStateMachine):
    """The same rules, told as a history: when it opened, for how long, and who is being tried."""

    @initialize(threshold=st.integers(1, 4), trials=st.integers(1, 3))
    def begin(self, threshold: int, trials: int) -> None:
        self.policy = BreakerPolicy(
            threshold, timeout_s=10, max_timeout_s=40, half_open_trials=trials, trial_deadline_s=7
        )
        self.breaker = Breaker(self.policy)
        self.now = 0.0
        self.in_a_row = 0
        self.open_until: float | None = None
        self.timeout_s = 10.0
        self.deadlines: list[float] | None = None
        self.successes = 0

    @rule(seconds=st.sampled_from([0, 1, 3, 7, 10, 25, 60]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def asks(self) -> None:
        self.breaker, allowed = self.breaker.allow(self.now)
        self.expire()
        if self.open_until is not None:
            expected = self.now >= self.open_until
            if expected:
                self.open_until, self.deadlines, self.successes = None, [self.now + 7], 0
        elif self.deadlines is not None:
            expected = len(self.deadlines) + self.successes < self.policy.half_open_trials
            if expected:
                self.deadlines.append(self.now + 7)
        else:
            expected = True
        assert allowed == expected

    @rule()
    def succeeds(self) -> None:
        self.breaker = self.breaker.success(self.now)
        self.expire()
        if self.open_until is not None:
            return
        self.in_a_row = 0
        if self.deadlines is not None:
            self.successes += 1
            if self.successes == self.policy.half_open_trials:
                self.deadlines, self.timeout_s = None, 10.0
            else:
                self.deadlines = self.deadlines[1:]

    @rule()
    def fails(self) -> None:
        self.breaker = self.breaker.failure(self.now)
        self.expire()
        if self.open_until is not None:
            return
        if self.deadlines is not None:
            self.reopen(self.now)
            return
        self.in_a_row += 1
        if self.in_a_row == self.policy.failure_threshold:
            self.in_a_row = 0
            self.timeout_s = 10.0
            self.open_until = self.now + 10.0

    def expire(self) -> None:
        if self.deadlines and self.deadlines[0] <= self.now:
            self.reopen(self.deadlines[0])

    def reopen(self, at: float) -> None:
        self.deadlines, self.successes = None, 0
        self.timeout_s = min(40.0, self.timeout_s * 2)
        self.open_until = at + self.timeout_s

    @invariant()
    def says_when_to_try_again(self) -> None:
        if not hasattr(self, "breaker"):
            return
        wait_s = self.breaker.retry_in_s(self.now)
        assert wait_s >= 0
        _, allowed = self.breaker.allow(self.now)
        assert allowed == (wait_s == 0)
        if wait_s:
            _, sooner = self.breaker.allow(self.now + wait_s / 2)
            assert not sooner


TestBreaker = BreakerModel.TestCase


def opened(policy: BreakerPolicy, now: float = 0.0) -> Breaker:
    breaker = Breaker(policy)
    for _ in range(policy.failure_threshold):
        breaker = breaker.failure(now)
    return breaker


def test_reopening_doubles_the_timeout_up_to_the_cap_and_closing_resets_it() -> None:
    policy = BreakerPolicy(1, timeout_s=10, max_timeout_s=25)
    breaker = opened(policy)
    waits = []
    now = 0.0
    for _ in range(3):
        waits.append(breaker.retry_in_s(now))
        now += breaker.retry_in_s(now)
        breaker, allowed = breaker.allow(now)
        assert allowed
        breaker = breaker.failure(now)
    assert waits == [10, 20, 25]
    now += 25
    breaker = breaker.allow(now)[0].success(now)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.failure(now).retry_in_s(now) == 10


def test_a_trial_that_never_reports_has_failed_at_its_deadline() -> None:
    policy = BreakerPolicy(1, timeout_s=10, trial_deadline_s=5)
    breaker, _ = opened(policy).allow(10)
    assert breaker.retry_in_s(12) == 3
    refused, allowed = breaker.allow(16)
    assert not allowed
    assert refused.state is BreakerState.OPEN
    assert refused.retry_in_s(16) == 15 + 20 - 16


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def raiser(error: BaseException) -> None:
    raise error


def test_guard_opens_after_the_threshold_and_then_calls_nothing() -> None:
    clock = Clock()
    breaker = CircuitBreaker("feed", BreakerPolicy(2, timeout_s=10), clock)
    for _ in range(2):
        with pytest.raises(OSError, match="down"):
            breaker.call(lambda: raiser(OSError("down")))
    called: list[int] = []
    with pytest.raises(BreakerOpen) as refused:
        breaker.call(lambda: called.append(1))
    assert not called
    assert refused.value.retry_in_s == 10
    assert breaker.retry_in_s == 10
    clock.now = 10
    assert breaker.call(lambda: "up") == "up"
    assert breaker.state is BreakerState.CLOSED


def test_guard_counts_only_the_errors_it_was_told_to() -> None:
    breaker = CircuitBreaker("feed", BreakerPolicy(1), Clock(), failure_types=OSError)
    with pytest.raises(KeyError):
        breaker.call(lambda: raiser(KeyError("ours")))
    assert breaker.state is BreakerState.CLOSED
    with pytest.raises(OSError, match="theirs"):
        breaker.call(lambda: raiser(OSError("theirs")))
    assert breaker.state is BreakerState.OPEN


def test_guard_counts_a_kill_as_no_answer() -> None:
    breaker = CircuitBreaker("feed", BreakerPolicy(1), Clock(), failure_types=OSError)
    with pytest.raises(gevent.GreenletExit):
        breaker.call(lambda: raiser(gevent.GreenletExit()))
    assert breaker.state is BreakerState.OPEN


def test_straggler_from_before_the_breaker_opened_has_nothing_to_report() -> None:
    clock = Clock()
    breaker = CircuitBreaker("feed", BreakerPolicy(1, timeout_s=10), clock)

    def slow() -> None:
        with pytest.raises(OSError, match="down"):
            breaker.call(lambda: raiser(OSError("down")))
        clock.now = 10

        def trial() -> None:
            assert breaker.state is BreakerState.HALF_OPEN

        breaker.call(trial)
        assert breaker.state is BreakerState.CLOSED
        raise OSError("at last")

    with pytest.raises(OSError, match="at last"):
        breaker.call(slow)
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"half_open_trials": 0},
        {"timeout_s": 0},
        {"max_timeout_s": 1},
        {"trial_deadline_s": 0},
    ],
)
def test_policy_without_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        BreakerPolicy(**wrong)
