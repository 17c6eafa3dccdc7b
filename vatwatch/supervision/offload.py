"""Native threads for what would stall the hub: blocking C calls, long computations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gevent
from gevent.threadpool import ThreadPool

from vatwatch.errors import AskTimeout, SupervisionError

T = TypeVar("T")

# How long a thread may keep the interpreter while another one wants it; the process sets it when it
# begins (`vatwatch.__main__`). With Python's own 5 ms the hub is late by as much whenever a pool
# computes, and so is each of the store's short statements when it comes back from the server:
# docs/performance.md.
SWITCH_INTERVAL_S = 0.0005


class NativePool:
    """A few native threads. To be used from the thread that made it.

    What runs in them takes values and returns a value: it does not log, tell, ask, or take a lock
    of the main thread. A native thread cannot be killed, so a function needs deadlines of its own.
    """

    def __init__(self, size: int, name: str) -> None:
        self.name = name
        self.size = size
        self._threads = ThreadPool(size)
        self._closed = False

    def run(self, fn: Callable[..., T], *args: object, timeout_s: float | None = None) -> T:
        """Run `fn(*args)` in a thread and wait for it, as long as `timeout_s` at most.

        When the time is up, or the caller is killed, only the caller goes on: a call that has begun
        runs to its end and its result is lost; one that still waits for a thread never begins.

        Raises:
            AskTimeout: the time is up
            SupervisionError: the pool is closed
            BaseException: what `fn` raised
        """
        if self._closed:
            raise SupervisionError(f"{self.name}: the pool is closed")
        task = _Task(fn, args)
        timer = gevent.Timeout(timeout_s)
        timer.start()
        try:
            succeeded, outcome = self._threads.spawn(task).get()
        except gevent.Timeout as timeout:
            if timeout is not timer:
                raise
            raise AskTimeout(f"{self.name}: no result within {timeout_s} s") from None
        finally:
            task.given_up = True
            timer.close()
        if not succeeded:
            raise outcome
        result: T = outcome
        return result

    def close(self, timeout_s: float = 10.0) -> bool:
        """Take no more calls, and wait for those that run. False: some thread is still busy."""
        self._closed = True
        with gevent.Timeout(timeout_s, False):
            self._threads.kill()
        return not self._threads.size


class _Task:
    """One call. gevent prints every exception of a pool's task, so it is returned instead."""

    __slots__ = ("args", "fn", "given_up")

    def __init__(self, fn: Callable[..., Any], args: tuple[object, ...]) -> None:
        self.fn = fn
        self.args = args
        self.given_up = False

    def __call__(self) -> tuple[bool, Any]:
        if self.given_up:
            return True, None
        try:
            return True, self.fn(*self.args)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            return False, error
