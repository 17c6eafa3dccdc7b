"""CircuitBreaker: a breaker around something that can fail, with its counts and its history.

Around an outside dependency it is asked to `call`; a supervisor holds one for each child and tells
it what became of the child.
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
    """Over the sliding window, from 0 to 1; 0 without one."""
    slow_rate: float
    calls_in_window: int
    retry_in_s: float
    timeout_s: float
    """Of the present or last opening; 0 if it has never opened."""
    successes: int
    failures: int
    rejected: int
    """Calls that were not tried, as it was open."""
    opened: int
    last_failure: str
    last_failure_at: datetime | None
    transitions: tuple[Transition, ...]
    """The latest last."""


def _now_utc() -> datetime:
    return datetime.now(UTC)


class CircuitBreaker:
    """A breaker that is shared: by all who call the dependency, or by a child's incarnations.

    For the thread of the tree. The decisions are `Breaker`'s; here are the clock, the counts since
    it was made, and the last 20 changes.
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
        """Make it closed.

        Args:
            name: what it is around, for people
            policy: when it opens, and for how long
            clock: seconds that never go back
            failure_types: the errors that speak against the dependency; any other is an answer.
                What is no `Exception` (a kill, a gevent.Timeout) is a failure: nobody answered
            kind: how it is listed
            wall_clock: the time, in UTC, for what is shown
            observe: told of each change of state; it must not block
            before_call: says whether this call is to fail by injection; then the first of
                `failure_types` is raised instead of calling
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
        """Where the breaker stands; OPEN until the first call after the timeout."""
        return self._breaker.state

    @property
    def breaker(self) -> Breaker:
        """The breaker as it stands."""
        return self._breaker

    @property
    def retry_in_s(self) -> float:
        """Seconds until a call may be tried."""
        return self._breaker.retry_in_s(self._clock())

    def call(self, fn: Callable[[], T]) -> T:
        """Call `fn` if the breaker allows it, and count how it went.

        Returns:
            what `fn` returns

        Raises:
            BreakerOpen: it was not called; `retry_in_s` of the error says when it is worth to try
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
        """Whether a call may be tried; if so, its outcome must be reported. See `call`, which does.

        A mailbox asks it for each message while its child is on trial.
        """
        breaker, allowed = self._breaker.allow(self._clock())
        self._become(breaker, "its timeout is over" if allowed else "a trial did not report")
        self._rejected += not allowed
        return allowed

    def succeeded(self) -> None:
        """For a supervisor: a trial of the child went well."""
        self._successes += 1
        self._become(self._breaker.success(self._clock()), "every trial succeeded")

    def follow(self, breaker: Breaker, reason: str, *, failed: bool = False) -> None:
        """For a supervisor: take over what it decided; `failed`: that is because of a failure."""
        if failed:
            self._failed(reason)
        self._become(breaker, reason)

    def expire(self) -> bool:
        """For a supervisor: whether it is open, if only since a trial missed its deadline."""
        self._become(self._breaker.expire(self._clock()), "a trial did not report in time")
        return self._breaker.state is BreakerState.OPEN

    def use_policy(self, policy: BreakerPolicy) -> None:
        """Go on under this policy (`Breaker.with_policy`)."""
        self._breaker = self._breaker.with_policy(policy)

    def reset(self, reason: str) -> None:
        """Close it: somebody knows that the dependency is back. `reason` is for people."""
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
        # A straggler from before the breaker opened must not decide a trial.
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
    """The breakers of one tree's dependencies, by name: they outlive the actors that use them."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], datetime],
        *,
        observe: Callable[[BreakerChanged], None],
        before_call: Callable[[str], bool],
    ) -> None:
        """See `CircuitBreaker`; all of them are made with these."""
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
        """The breaker of this name: made at the first use, and the same from then on.

        A later use may bring another `policy`, which holds from then on; what it says of
        `failure_types` and `kind` changes nothing.
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
        """Those that were made so far."""
        return tuple(self._circuit_breakers.values())
