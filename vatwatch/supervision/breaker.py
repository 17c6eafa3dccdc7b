"""Circuit breaker: whether to try. A pure state machine, and a small holder for it.

CLOSED ──failure_threshold failures in a row──▶ OPEN
OPEN ──allow() after the timeout──▶ HALF_OPEN
HALF_OPEN ──every trial succeeded──▶ CLOSED, the timeout as at first
HALF_OPEN ──a trial failed, or did not report by its deadline──▶ OPEN, the timeout doubled
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from vatwatch.errors import BreakerOpen

T = TypeVar("T")


class BreakerState(Enum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long."""

    failure_threshold: int = 5
    timeout_s: float = 60.0
    max_timeout_s: float = 600.0
    half_open_trials: int = 1
    trial_deadline_s: float = 60.0

    def __post_init__(self) -> None:
        if self.failure_threshold < 1 or self.half_open_trials < 1:
            raise ValueError("failure_threshold and half_open_trials are at least 1")
        if not 0 < self.timeout_s <= self.max_timeout_s or self.trial_deadline_s <= 0:
            raise ValueError("0 < timeout_s <= max_timeout_s, and 0 < trial_deadline_s")


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker at one moment; every call gives the breaker of the next. `now` never goes back."""

    policy: BreakerPolicy
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    """In a row, while closed."""
    timeout_s: float = 0.0
    """Of the present or last opening."""
    opened_at: float = 0.0
    trials: tuple[float, ...] = ()
    """When each trial in flight must have reported."""
    trials_succeeded: int = 0
    epoch: int = 0
    """Changes of state so far. A call that was allowed in another epoch has nothing to report."""

    def allow(self, now: float) -> tuple[Breaker, bool]:
        """Whether one call may be tried now. A call that was allowed reports once."""
        breaker = self._expired(now)
        match breaker.state:
            case BreakerState.CLOSED:
                return breaker, True
            case BreakerState.OPEN:
                if breaker.retry_in_s(now) > 0:
                    return breaker, False
                return breaker._enter(BreakerState.HALF_OPEN)._try(now), True
            case BreakerState.HALF_OPEN:
                under_way = len(breaker.trials) + breaker.trials_succeeded
                if under_way < breaker.policy.half_open_trials:
                    return breaker._try(now), True
                return breaker, False

    def success(self, now: float) -> Breaker:
        """A call succeeded."""
        breaker = self._expired(now)
        match breaker.state:
            case BreakerState.CLOSED:
                return replace(breaker, failures=0)
            case BreakerState.OPEN:
                return breaker
            case BreakerState.HALF_OPEN:
                succeeded = breaker.trials_succeeded + 1
                if succeeded >= breaker.policy.half_open_trials:
                    return breaker._enter(BreakerState.CLOSED)
                return replace(breaker, trials=breaker.trials[1:], trials_succeeded=succeeded)

    def failure(self, now: float) -> Breaker:
        """A call failed."""
        breaker = self._expired(now)
        match breaker.state:
            case BreakerState.CLOSED:
                failures = breaker.failures + 1
                if failures >= breaker.policy.failure_threshold:
                    return breaker._open(now, breaker.policy.timeout_s)
                return replace(breaker, failures=failures)
            case BreakerState.OPEN:
                return breaker
            case BreakerState.HALF_OPEN:
                return breaker._reopen(now)

    def retry_in_s(self, now: float) -> float:
        """Seconds until a call may be tried; 0 when it may be now, as far as time can tell."""
        breaker = self._expired(now)
        match breaker.state:
            case BreakerState.CLOSED:
                return 0.0
            case BreakerState.OPEN:
                return max(0.0, breaker.opened_at + breaker.timeout_s - now)
            case BreakerState.HALF_OPEN:
                under_way = len(breaker.trials) + breaker.trials_succeeded
                if under_way < breaker.policy.half_open_trials:
                    return 0.0
                return max(0.0, min(breaker.trials) - now)

    def _try(self, now: float) -> Breaker:
        return replace(self, trials=(*self.trials, now + self.policy.trial_deadline_s))

    def _expired(self, now: float) -> Breaker:
        """Count a trial that has not reported by its deadline as failed, then."""
        if self.trials and self.trials[0] <= now:
            return self._reopen(self.trials[0])
        return self

    def _reopen(self, at: float) -> Breaker:
        return self._open(at, min(self.timeout_s * 2, self.policy.max_timeout_s))

    def _open(self, at: float, timeout_s: float) -> Breaker:
        return replace(self._enter(BreakerState.OPEN), opened_at=at, timeout_s=timeout_s)

    def _enter(self, state: BreakerState) -> Breaker:
        return replace(
            self, state=state, failures=0, trials=(), trials_succeeded=0, epoch=self.epoch + 1
        )


class Guard:
    """A breaker around one outside dependency."""

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        clock: Callable[[], float],
        *,
        counts: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> None:
        """`counts`: the errors that speak against the dependency; any other is an answer."""
        self.name = name
        self._breaker = Breaker(policy)
        self._clock = clock
        self._counts = counts

    @property
    def state(self) -> BreakerState:
        """Where the breaker stands; OPEN until the first call after the timeout."""
        return self._breaker.state

    @property
    def retry_in_s(self) -> float:
        """Seconds until a call may be tried."""
        return self._breaker.retry_in_s(self._clock())

    def call(self, fn: Callable[[], T]) -> T:
        """Call `fn` if the breaker allows it.

        Raises:
            BreakerOpen: it does not
            BaseException: what `fn` raised
        """
        now = self._clock()
        self._breaker, allowed = self._breaker.allow(now)
        if not allowed:
            raise BreakerOpen(self.name, self._breaker.retry_in_s(now))
        epoch = self._breaker.epoch
        try:
            result = fn()
        except BaseException as error:
            # A kill or a gevent.Timeout is no Exception: the dependency has not answered.
            answered = isinstance(error, Exception) and not isinstance(error, self._counts)
            self._report(epoch, answered)
            raise
        self._report(epoch, succeeded=True)
        return result

    def _report(self, epoch: int, succeeded: bool) -> None:
        # A straggler from before the breaker opened must not decide a trial.
        if self._breaker.epoch == epoch:
            report = self._breaker.success if succeeded else self._breaker.failure
            self._breaker = report(self._clock())
