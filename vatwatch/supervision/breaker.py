"""Circuit breaker: whether to try. A pure state machine; `circuit_breaker.py` holds one.

CLOSED ──failures in a row, or too many of the last calls failed or slow; or tripped──▶ OPEN
OPEN ──allow() after the timeout──▶ HALF_OPEN
HALF_OPEN ──every trial succeeded──▶ CLOSED, the timeout as at first
HALF_OPEN ──a trial failed, was slow, or did not report by its deadline──▶ OPEN, the timeout doubled

A breaker answers one question: is it worth trying? While it is open, callers fail at once instead
of waiting for a call that would fail anyway, and the dependency gets no load. The states are those
of Michael Nygard's "Release It!"; the rates over a sliding window of calls, and what counts as
slow, are as in resilience4j. Two rules are our own, since a trial may hang or end late: each trial
has a deadline, and each change of state begins a new epoch, so that an earlier call cannot decide a
trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class BreakerState(Enum):
    """The states of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long."""

    failure_threshold: int = 5
    """Failures in a row that open it."""
    timeout_s: float = 60.0
    """How long it stays open at first, in seconds."""
    max_timeout_s: float = 600.0
    """The maximum of that time, which is doubled by each failed trial."""
    half_open_trials: int = 1
    """Trials that must succeed before it closes; at most so many run at once."""
    trial_deadline_s: float = 60.0
    """A trial that has not reported within this time has failed."""
    window: int = 0
    """Calls over which the rates are computed; 0: rates do not matter."""
    min_calls: int = 10
    """Below this many calls there is no rate."""
    failure_rate: float = 0.5
    """This share of failed calls in the window opens it."""
    slow_call_s: float | None = None
    """A call that takes longer is slow; None: no call is."""
    slow_rate: float = 1.0
    """This share of slow calls in the window opens it."""

    def __post_init__(self) -> None:
        if self.failure_threshold < 1 or self.half_open_trials < 1:
            raise ValueError("failure_threshold and half_open_trials are at least 1")
        if not 0 < self.timeout_s <= self.max_timeout_s or self.trial_deadline_s <= 0:
            raise ValueError("0 < timeout_s <= max_timeout_s, and 0 < trial_deadline_s")
        if self.window and not 1 <= self.min_calls <= self.window:
            raise ValueError("1 <= min_calls <= window")
        if not (0 < self.failure_rate <= 1 and 0 < self.slow_rate <= 1):
            raise ValueError("rates are above 0 and at most 1")
        if self.slow_call_s is not None and self.slow_call_s <= 0:
            raise ValueError("slow_call_s is above 0, or None")


@dataclass(frozen=True, slots=True)
class Calls:
    """The last calls, the newest in the lowest bit: a sliding window that is cheap to copy."""

    count: int = 0
    failed: int = 0
    slow: int = 0

    def add(self, window: int, *, failed: bool, slow: bool) -> Calls:
        """The window with one more call; the oldest falls out of a full one."""
        mask = (1 << window) - 1
        return Calls(
            min(self.count + 1, window),
            (self.failed << 1 | failed) & mask,
            (self.slow << 1 | slow) & mask,
        )

    @property
    def failure_rate(self) -> float:
        """The share of failed calls; 0 without calls."""
        return self.failed.bit_count() / self.count if self.count else 0.0

    @property
    def slow_rate(self) -> float:
        """The share of slow calls; 0 without calls."""
        return self.slow.bit_count() / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker at one moment; every call gives the breaker of the next. `now` never goes back."""

    policy: BreakerPolicy
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    """In a row, while closed."""
    calls: Calls = Calls()
    """While closed, if the policy has a window."""
    timeout_s: float = 0.0
    """Of the present or last opening."""
    opened_at: float = 0.0
    trials: tuple[float, ...] = ()
    """The deadline of each trial that runs."""
    trials_succeeded: int = 0
    epoch: int = 0
    """Changes of state so far. The outcome of a call that was allowed in another epoch is
    ignored."""

    def allow(self, now: float) -> tuple[Breaker, bool]:
        """Ask whether one call may be tried now.

        Returns:
            the next breaker, and whether the call may be tried. If so, it is the caller's duty to
            report once, by `success` or `failure`, unless the epoch has changed meanwhile
        """
        breaker = self.expire(now)
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

    def success(self, now: float, elapsed_s: float = 0.0) -> Breaker:
        """An allowed call has succeeded after `seconds`. While half open, a slow call is a failed
        trial.
        """
        breaker = self.expire(now)
        slow = breaker._is_slow(elapsed_s)
        match breaker.state:
            case BreakerState.CLOSED:
                return replace(breaker, failures=0)._count(now, failed=False, slow=slow)
            case BreakerState.OPEN:
                return breaker
            case BreakerState.HALF_OPEN:
                if slow:
                    return breaker._reopen(now)
                succeeded = breaker.trials_succeeded + 1
                if succeeded >= breaker.policy.half_open_trials:
                    return breaker._enter(BreakerState.CLOSED)
                return replace(breaker, trials=breaker.trials[1:], trials_succeeded=succeeded)

    def failure(self, now: float, elapsed_s: float = 0.0) -> Breaker:
        """An allowed call has failed after `seconds`."""
        breaker = self.expire(now)
        match breaker.state:
            case BreakerState.CLOSED:
                failures = breaker.failures + 1
                if failures >= breaker.policy.failure_threshold:
                    return breaker._open(now, breaker.policy.timeout_s)
                slow = breaker._is_slow(elapsed_s)
                return replace(breaker, failures=failures)._count(now, failed=True, slow=slow)
            case BreakerState.OPEN:
                return breaker
            case BreakerState.HALF_OPEN:
                return breaker._reopen(now)

    def trip(self, now: float) -> Breaker:
        """Open it regardless of the counts: for a supervisor, which counts by its own rule."""
        breaker = self.expire(now)
        match breaker.state:
            case BreakerState.CLOSED:
                return breaker._open(now, breaker.policy.timeout_s)
            case BreakerState.OPEN:
                return breaker
            case BreakerState.HALF_OPEN:
                return breaker._reopen(now)

    def half_open(self, now: float) -> Breaker:
        """Become half open without a running trial, if the timeout is over; else change nothing."""
        breaker = self.expire(now)
        if breaker.state is BreakerState.OPEN and breaker.retry_in_s(now) <= 0:
            return breaker._enter(BreakerState.HALF_OPEN)
        return breaker

    def restart_trials(self) -> Breaker:
        """Forget the running trials, because the child under trial was stopped by order. Changes
        nothing unless the breaker is half open.
        """
        return self._enter(BreakerState.HALF_OPEN) if self.trials or self.trials_succeeded else self

    def reset(self) -> Breaker:
        """Close it and reset the timeout: the caller knows that it works again."""
        return Breaker(self.policy, epoch=self.epoch + 1)

    def with_policy(self, policy: BreakerPolicy) -> Breaker:
        """The same breaker, under another policy from now on.

        It keeps its state. If it is open for longer than the new policy allows, that time is cut.
            Trials start over: more may be running than the new policy allows, and then no further
            trial would ever be allowed.
        """
        if policy == self.policy:
            return self
        calls = self.calls if policy.window == self.policy.window else Calls()
        timeout_s = min(self.timeout_s, policy.max_timeout_s)
        changed = replace(self, policy=policy, calls=calls, timeout_s=timeout_s)
        if self.state is BreakerState.HALF_OPEN:
            return changed._enter(BreakerState.HALF_OPEN)
        return changed

    def expire(self, now: float) -> Breaker:
        """Count a trial that has not reported by its deadline as failed, then."""
        if self.trials and self.trials[0] <= now:
            return self._reopen(self.trials[0])
        return self

    def retry_in_s(self, now: float) -> float:
        """Seconds until a call may be tried; 0 if the time does not forbid one now."""
        breaker = self.expire(now)
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

    def _is_slow(self, elapsed_s: float) -> bool:
        return self.policy.slow_call_s is not None and elapsed_s > self.policy.slow_call_s

    def _count(self, now: float, *, failed: bool, slow: bool) -> Breaker:
        """Add a call to the window, while closed; open if that makes one of the rates too high."""
        policy = self.policy
        if not policy.window:
            return self
        calls = self.calls.add(policy.window, failed=failed, slow=slow)
        if calls.count >= policy.min_calls and (
            calls.failure_rate >= policy.failure_rate
            or (policy.slow_call_s is not None and calls.slow_rate >= policy.slow_rate)
        ):
            return self._open(now, policy.timeout_s)
        return replace(self, calls=calls)

    def _try(self, now: float) -> Breaker:
        return replace(self, trials=(*self.trials, now + self.policy.trial_deadline_s))

    def _reopen(self, at: float) -> Breaker:
        return self._open(at, min(self.timeout_s * 2, self.policy.max_timeout_s))

    def _open(self, at: float, timeout_s: float) -> Breaker:
        return replace(self._enter(BreakerState.OPEN), opened_at=at, timeout_s=timeout_s)

    def _enter(self, state: BreakerState) -> Breaker:
        return replace(
            self,
            state=state,
            failures=0,
            calls=Calls(),
            trials=(),
            trials_succeeded=0,
            epoch=self.epoch + 1,
        )
