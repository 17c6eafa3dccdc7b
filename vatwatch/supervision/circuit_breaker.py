"""CircuitBreaker: a breaker at work, with its counts and its history.

Around a dependency it makes the calls (`call`). A supervisor has one for each child and reports the
child's successes and failures to it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from vatwatch.errors import BreakerOpen
from vatwatch.supervision.breaker import Breaker, BreakerPolicy, BreakerState
from vatwatch.supervision.failures import text_of
from vatwatch.supervision.notices import BreakerChanged
from vatwatch.supervision.vocabulary import BreakerKind

log = logging.getLogger(__name__)


T = TypeVar("T")

_TRANSITIONS = 20


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a breaker's state."""

    at: datetime
    before: BreakerState
    after: BreakerState
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerInfo:
    """A breaker, its counts since it was made, and its latest changes."""

    name: str
    kind: BreakerKind
    state: BreakerState
    failures_in_a_row: int
    failure_rate: float
    """Share of failed calls in the sliding window, from 0 to 1; 0 without a window."""
    slow_rate: float
    calls_in_window: int
    retry_in_s: float
    timeout_s: float
    """Duration of the present or last opening; 0 if it has never opened."""
    successes: int
    failures: int
    rejected: int
    """Calls that were rejected because it was open."""
    opened: int
    last_failure: str
    last_failure_at: datetime | None
    transitions: tuple[Transition, ...]
    """The latest last."""


def _now_utc() -> datetime:
    return datetime.now(UTC)


class CircuitBreaker:
    """A shared breaker: all callers of a dependency use it, or all incarnations of a child.

    Use it in the tree's thread. `Breaker` makes the decisions; this class has the clock, the counts
    since it was created, and the last 20 changes.
    """

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        clock: Callable[[], float],
        *,
        failure_types: type[Exception] | tuple[type[Exception], ...] = Exception,
        kind: BreakerKind = "dependency",
        wall_clock: Callable[[], datetime] = _now_utc,
        observe: Callable[[BreakerChanged], None] | None = None,
        before_call: Callable[[str], bool] | None = None,
    ) -> None:
        """It starts closed.

        Args:
            name: what it protects, for people
            policy: when it opens, and for how long
            clock: seconds that never go back
            failure_types: the errors that count as failures of the dependency; any other is an
                answer. A `BaseException` that is not an `Exception` (a kill, a gevent.Timeout) is a
                failure, too: there was no answer
            kind: how it is listed
            wall_clock: the time, in UTC, for what is shown
            observe: told of each change of state; it must not block
            before_call: returns whether this call must fail by injection; then the first of
                `failure_types` is raised instead
        """
        self.name = name
        self.kind = kind
        self._breaker = Breaker(policy)
        self._clock = clock
        self._wall_clock = wall_clock
        self._failure_types = (
            failure_types if isinstance(failure_types, tuple) else (failure_types,)
        )
        self._observe = observe
        self._before_call = before_call
        self._successes = self._failures = self._rejected = self._opened = 0
        self._last_failure = ""
        self._last_failure_at: datetime | None = None
        self._transitions: deque[Transition] = deque(maxlen=_TRANSITIONS)

    @property
    def state(self) -> BreakerState:
        """The state of the breaker; OPEN until the first call after the timeout."""
        return self._breaker.state

    @property
    def breaker(self) -> Breaker:
        """The current breaker value."""
        return self._breaker

    @property
    def retry_in_s(self) -> float:
        """Seconds until a call may be tried."""
        return self._breaker.retry_in_s(self._clock())

    def call(self, fn: Callable[[], T]) -> T:
        """Call `fn` if the breaker allows it, and count the outcome.

        Returns:
            what `fn` returns

        Raises:
            BreakerOpen: it was not called; `retry_in_s` of the error says when the next try is
                allowed
            BaseException: what `fn` raised
        """
        if not self.allow():
            raise BreakerOpen(self.name, self.retry_in_s)
        epoch = self._breaker.epoch
        began = self._clock()
        try:
            self._inject()
            result = fn()
        except BaseException as error:
            # A kill or a gevent.Timeout is not an Exception: the dependency has not answered.
            if isinstance(error, Exception) and not isinstance(error, self._failure_types):
                self._report(epoch, began, None)
            else:
                self._report(epoch, began, error)
            raise
        self._report(epoch, began, None)
        return result

    def allow(self) -> bool:
        """Whether a call may be tried; if so, its outcome must be reported, as `call` does.

        A mailbox asks this for each message while its child is on trial.
        """
        breaker, allowed = self._breaker.allow(self._clock())
        self._become(breaker, "its timeout is over" if allowed else "a trial did not report")
        self._rejected += not allowed
        return allowed

    def succeeded(self) -> None:
        """For a supervisor: a trial of the child succeeded."""
        self._successes += 1
        self._become(self._breaker.success(self._clock()), "every trial succeeded")

    def follow(self, breaker: Breaker, reason: str, *, failed: bool = False) -> None:
        """For a supervisor: use the breaker that it decided on; `failed`: because of a failure."""
        if failed:
            self._failed(reason)
        self._become(breaker, reason)

    def expire(self) -> bool:
        """For a supervisor: whether it is open, also because a trial has just missed its
        deadline."""
        self._become(self._breaker.expire(self._clock()), "a trial did not report in time")
        return self._breaker.state is BreakerState.OPEN

    def use_policy(self, policy: BreakerPolicy) -> None:
        """Use this policy from now on (`Breaker.with_policy`)."""
        self._breaker = self._breaker.with_policy(policy)

    def reset(self, reason: str) -> None:
        """Close it, because the caller knows that the dependency is back. `reason` is for
        people."""
        if self._breaker.state is not BreakerState.CLOSED:
            self._become(self._breaker.reset(), reason)

    def info(self) -> BreakerInfo:
        """What is known."""
        breaker, now = self._breaker, self._clock()
        return BreakerInfo(
            name=self.name,
            kind=self.kind,
            state=breaker.state,
            failures_in_a_row=breaker.failures,
            failure_rate=breaker.calls.failure_rate,
            slow_rate=breaker.calls.slow_rate,
            calls_in_window=breaker.calls.count,
            retry_in_s=breaker.retry_in_s(now),
            timeout_s=breaker.timeout_s,
            successes=self._successes,
            failures=self._failures,
            rejected=self._rejected,
            opened=self._opened,
            last_failure=self._last_failure,
            last_failure_at=self._last_failure_at,
            transitions=tuple(self._transitions),
        )

    def _inject(self) -> None:
        if self._before_call is not None and self._before_call(self.name):
            raise self._failure_types[0](f"{self.name}: failed by injection")

    def _report(self, epoch: int, began: float, error: BaseException | None) -> None:
        now = self._clock()
        if error is None:
            self._successes += 1
        else:
            self._failed(f"{type(error).__name__}: {text_of(error)}")
        # A late outcome from before the breaker opened must not decide a trial.
        if self._breaker.epoch == epoch:
            elapsed_s = now - began
            if error is None:
                self._become(self._breaker.success(now, elapsed_s), "calls went well, or too slow")
            else:
                self._become(self._breaker.failure(now, elapsed_s), self._last_failure)

    def _failed(self, text: str) -> None:
        self._failures += 1
        self._last_failure = text
        self._last_failure_at = self._wall_clock()

    def _become(self, breaker: Breaker, reason: str) -> None:
        before, self._breaker = self._breaker, breaker
        if breaker.state is before.state:
            return
        self._opened += breaker.state is BreakerState.OPEN
        self._transitions.append(
            Transition(self._wall_clock(), before.state, breaker.state, reason)
        )
        if self._observe is not None:
            log.debug(
                "%s: %s, was %s: %s", self.name, breaker.state.value, before.state.value, reason
            )
            self._observe(
                BreakerChanged(
                    self.name,
                    self.kind,
                    before.state,
                    breaker.state,
                    reason,
                    breaker.retry_in_s(self._clock()),
                )
            )


class CircuitBreakers:
    """The breakers around one tree's dependencies, by name. They outlive the actors that use
    them."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], datetime],
        *,
        observe: Callable[[BreakerChanged], None],
        before_call: Callable[[str], bool],
    ) -> None:
        """All breakers are created with these arguments; see `CircuitBreaker`."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._observe = observe
        self._before_call = before_call
        self._circuit_breakers: dict[str, CircuitBreaker] = {}

    def get(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        failure_types: type[Exception] | tuple[type[Exception], ...] = Exception,
        kind: BreakerKind = "dependency",
    ) -> CircuitBreaker:
        """The breaker of this name: created at the first use, and the same from then on.

        A later use may bring another `policy`, which then holds; its `failure_types` and `kind` are
        ignored.
        """
        if name not in self._circuit_breakers:
            self._circuit_breakers[name] = CircuitBreaker(
                name,
                policy,
                self._clock,
                failure_types=failure_types,
                kind=kind,
                wall_clock=self._wall_clock,
                observe=self._observe,
                before_call=self._before_call,
            )
        else:
            self._circuit_breakers[name].use_policy(policy)
        return self._circuit_breakers[name]

    def all(self) -> tuple[CircuitBreaker, ...]:
        """All breakers that were created so far."""
        return tuple(self._circuit_breakers.values())
