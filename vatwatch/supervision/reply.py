"""Reply: the answer that an asker waits for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

import pykka
from gevent import get_hub
from gevent.hub import Waiter

from vatwatch.errors import AskTimeout

R = TypeVar("R")

OptExcInfo: TypeAlias = tuple[
    type[BaseException] | None, BaseException | None, TracebackType | None
]


class Reply(pykka.Future[R]):
    """The answer to one ask: a pykka future that waits with gevent.

    The first `set` or `fail` counts. Later ones are ignored, since an answer may race with the
    death of the actor that owes it. Any number of greenlets may wait. Use it only in the tree's
    thread: there is no lock, and that thread's hub wakes the waiters.

    Waits end with ordinary exceptions. A `gevent.Timeout` would be a `BaseException`, at which
    pykka's loop stops every actor.
    """

    # One is created for each ask. Values that most of them never change cost nothing as class
    # attributes.
    _done = False
    _value: Any = None
    _error: BaseException | None = None
    _waiters: list[Waiter[None]] | None = None
    _when_resolved: Callable[[Reply[R], BaseException | None], None] | None = None
    abandoned = False
    """The asker has gone, so the answer is not needed any more."""
    public = False
    """The asker is outside the tree (`Address.ask`)."""
    request_id = ""
    """The id of the HTTP request behind the ask, if any, for log lines."""

    def set(self, value: R | None = None) -> None:
        """Answer."""
        if not self._done:
            self._value = value
            self._resolve(None)

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which is raised in the asker."""
        if not self._done:
            self._error = error
            self._resolve(error)

    @property
    def answered(self) -> bool:
        """Whether there is an answer or an error."""
        return self._done

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for the answer, for `timeout_s` seconds (None: without end).

        Returns:
            whether there is one; then `get` does not wait
        """
        if self._done:
            return True
        hub = get_hub()
        waiter: Waiter[None] = Waiter(hub)
        if self._waiters is None:
            self._waiters = [waiter]
        else:
            self._waiters.append(waiter)
        if timeout_s is None:
            waiter.get()
            return True
        # A plain timer, not a gevent.Timeout: it raises nothing that could escape.
        timer = hub.loop.timer(max(timeout_s, 0.0))
        timer.start(waiter.switch, None)
        try:
            waiter.get()
        finally:
            timer.close()
        return self._done

    def get(self, *, timeout: float | None = None) -> R:
        """Wait for the answer.

        Raises:
            AskTimeout: there is none within `timeout` seconds
            BaseException: the error that was given to `fail`
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self.wait(timeout):
            raise AskTimeout(f"no reply within {timeout} s")
        if self._error is not None:
            raise self._error
        value: R = self._value
        return value

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Pykka's name for `fail`; the default is the exception that is being handled."""
        error = (exc_info or sys.exc_info())[1]
        assert error is not None, "set_exception() outside of an except block"
        self.fail(error)

    def when_answered(
        self, callback: Callable[[Reply[R], BaseException | None], None] | None
    ) -> None:
        """Call `callback(reply, error)` when it is answered, in the greenlet that answers.

        `error` is None if the answer is a value. There is one callback, and it must not block; None
        takes it back.
        """
        self._when_resolved = callback

    def _resolve(self, error: BaseException | None) -> None:
        self._done = True
        if self._waiters is not None:
            run_callback = get_hub().loop.run_callback
            for waiter in self._waiters:
                run_callback(waiter.switch, None)
            self._waiters = None
        if self._when_resolved is not None:
            self._when_resolved(self, error)
            self._when_resolved = None
