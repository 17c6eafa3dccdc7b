"""Recovery: what is done about failures of an operation, composed of remedies.

    self._recovery = self.recovery(
        "mirror",
        ContinueWithout(on=(RedisError, BreakerOpen)),
        WithBreaker(breaker),
        Retry(2, BACKOFF, on=...),
    )
    self._recovery.call(lambda: write(bodies))

The first remedy is the outermost. If remedies were needed, the observers are told once a call
(`FailureHandled`): which ones were tried, and whether the last one worked. A call that succeeds at
once is not reported. Restarts are the supervisors' remedy and have their own notices.
"""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import gevent

from vatwatch.errors import BreakerOpen
from vatwatch.supervision.backoff import Backoff
from vatwatch.supervision.circuit_breaker import CircuitBreaker
from vatwatch.supervision.failures import describe_error
from vatwatch.supervision.notices import FailureHandled
from vatwatch.supervision.vocabulary import RemedyName

log = logging.getLogger(__name__)


T = TypeVar("T")

Errors = tuple[type[Exception], ...]


@dataclass(slots=True)
class CallTrace:
    """The trace of one call: the latest error, and the remedies that were tried."""

    error: BaseException | None = None
    tried: list[RemedyName] = field(default_factory=list)

    def try_with(self, name: RemedyName, error: BaseException) -> None:
        """Note a remedy that is tried; repeated tries count once."""
        self.error = error
        if name in self.tried:
            self.tried.remove(name)
        self.tried.append(name)


class Remedy(Protocol):
    """One way to handle a failure."""

    def run(self, fn: Callable[[], Any], trace: CallTrace) -> Any:
        """Call `fn`, which includes the inner remedies, and handle its errors.

        Note in `trace` what is tried, so that it is reported. Re-raise errors that this remedy is
        not for. A kill and a `gevent.Timeout` are not an `Exception`, and no remedy handles them.
        """


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, with a backoff between the tries.

    The caller waits for all tries. So use it for failures that are soon over and for operations
    that may be repeated; longer failures are a matter for the breaker and the supervisor.
    """

    attempts: int
    """Retries after the first try: 2 means three tries."""
    backoff: Backoff
    on: Errors | Callable[[Exception], bool] = (Exception,)
    """The errors to retry: their types, or a function that decides."""
    within_s: float | None = None
    """Limit of the whole: no try begins later than that, and no backoff lasts longer."""
    sleep: Callable[[float], None] = gevent.sleep
    random: Callable[[], float] = random_module.random
    clock: Callable[[], float] = time.monotonic

    def run(self, fn: Callable[[], Any], trace: CallTrace) -> Any:
        """Raises the error of the last try."""
        until = None if self.within_s is None else self.clock() + self.within_s
        for attempt in range(self.attempts + 1):
            try:
                return fn()
            except Exception as error:
                delay_s, kind = self.backoff.delay(attempt, self.random), type(error).__name__
                late = until is not None and self.clock() + delay_s >= until
                if not self._worth_it(error):
                    raise
                if attempt:
                    trace.try_with("retry", error)
                if late or attempt == self.attempts:
                    raise
                trace.try_with("retry", error)
            # Only the kind of the error, since its text may contain secrets.
            log.debug("Attempt %d failed (%s); the next is in %.2f s", attempt + 1, kind, delay_s)
            self.sleep(delay_s)
        raise AssertionError("the last attempt returns or raises")

    def _worth_it(self, error: Exception) -> bool:
        return isinstance(error, self.on) if isinstance(self.on, tuple) else self.on(error)


@dataclass(frozen=True, slots=True)
class WithBreaker:
    """Do not try while the breaker is open: the call fails at once and the caller does not wait."""

    circuit_breaker: CircuitBreaker

    def run(self, fn: Callable[[], Any], trace: CallTrace) -> Any:
        """Raises BreakerOpen, which says when a call may be tried again (`retry_in_s`)."""
        try:
            return self.circuit_breaker.call(fn)
        except BreakerOpen as error:
            trace.try_with("breaker", error)
            raise


@dataclass(frozen=True, slots=True)
class Fallback(Generic[T]):
    """Return something else instead, such as the last good value."""

    instead: Callable[[], T]
    on: Errors = (Exception,)

    def run(self, fn: Callable[[], T], trace: CallTrace) -> T:
        """Returns the result of `fn`, or else of `instead`. Errors of `instead` are raised."""
        try:
            return fn()
        except self.on as error:
            trace.try_with("fallback", error)
            return self.instead()


@dataclass(frozen=True, slots=True)
class ContinueWithout:
    """Continue without a result, and report it."""

    on: Errors
    """The errors to ignore; any other is raised."""
    then: Callable[[Exception], None]
    """Called with the error, so that the service can report that it is degraded."""

    def run(self, fn: Callable[[], Any], trace: CallTrace) -> Any:
        """Returns None if `fn` failed."""
        try:
            return fn()
        except self.on as error:
            trace.try_with("degrade", error)
            self.then(error)
            return None


class Recovery:
    """An operation of an actor, with its remedies; made by `Actor.recovery`."""

    def __init__(
        self,
        path: str,
        operation: str,
        remedies: tuple[Remedy, ...],
        observe: Callable[[FailureHandled], None],
        correlation: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._operation = operation
        self._remedies = remedies
        self._observe = observe
        self._correlation = correlation
        self._clock = clock

    def call(self, fn: Callable[[], T], *, correlation_id: str = "") -> T:
        """Call `fn` with the remedies around it.

        Observers are told once, at the end (`FailureHandled`), and only if something failed.

        Args:
            fn: the operation; it may be called several times
            correlation_id: what a failure belongs to, if not the message that the actor handles

        Returns:
            the result of `fn`, or of a remedy

        Raises:
            Exception: an error that no remedy handled
        """
        trace = CallTrace()
        began = self._clock()
        run: Callable[[], Any] = fn
        for remedy in reversed(self._remedies):
            run = partial(remedy.run, run, trace)
        try:
            result: T = run()
        except Exception as error:
            self._tell(error, trace, began, correlation_id, recovered=False)
            raise
        if trace.error is not None:
            self._tell(trace.error, trace, began, correlation_id, recovered=True)
        return result

    def _tell(
        self,
        error: BaseException,
        trace: CallTrace,
        began: float,
        correlation_id: str,
        *,
        recovered: bool,
    ) -> None:
        self._observe(
            FailureHandled(
                path=self._path,
                operation=self._operation,
                correlation_id=correlation_id or self._correlation(),
                tried=tuple(trace.tried),
                recovered=recovered,
                elapsed_s=self._clock() - began,
                **describe_error(error),
            )
        )
