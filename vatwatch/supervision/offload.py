"""Native threads for work that would block the hub: blocking C calls, long computations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import gevent
from gevent.threadpool import ThreadPool

from vatwatch.errors import AskTimeout, SupervisionError
from vatwatch.logs.context import current_ids, work_on

T = TypeVar("T")

# How long a thread may keep the interpreter while another one wants it; the process sets it when it
# begins (`vatwatch.__main__`). With Python's own 5 ms the hub is late by as much whenever a pool
# computes, and so is each of the store's short statements when it comes back from the server:
# docs/performance.md.
SWITCH_INTERVAL_S = 0.0005

# Pools that own a resource and have not ended, by resource, the oldest first.
_owners: dict[str, list[NativePool]] = {}


# Not sleep(0): the loop checks timers and sockets only after fifty of those, i.e. 250 ms.
_YIELD_S = 1e-6


def give_way() -> None:
    """Yield to other greenlets for one turn; call it inside long work on the hub."""
    gevent.sleep(_YIELD_S)


class NativePool:
    """A few native threads. Use it from the thread that created it.

    A function that runs in them takes values and returns a value: it does not tell, ask, or take a
    lock of the main thread. A native thread cannot be killed, so a function needs its own
    deadlines, and may outlive the actor that called it. If the function only computes, that does no
    harm: its result is lost. But a pool whose functions change something outside of the process
    (files, say) must *own* it: then its calls begin only after every earlier owner that was closed
    has finished its last call. (PostgreSQL keeps two writers apart by itself: see
    `storage.writer`.)
    """

    def __init__(
        self, size: int, name: str, *, owns: str = "", release: Callable[[], None] | None = None
    ) -> None:
        """Threads are started on demand.

        Args:
            size: how many threads there may be
            name: what errors call the pool
            owns: names what two pools must not change at once, such as a directory's absolute path
            release: called once, when the pool is closed and no thread is busy any more, and before
                the next owner begins. Runs in a greenlet, and must not block.
        """
        self.name = name
        self.size = size
        self._threads = ThreadPool(size)
        self._closed = False
        self._ending: gevent.Greenlet[[], None] | None = None
        self._release = release
        self._owns = owns
        self._before: list[NativePool] = []
        if owns:
            owners = _owners.setdefault(owns, [])
            self._before = list(owners)
            owners.append(self)

    def run(self, fn: Callable[..., T], *args: object, timeout_s: float | None = None) -> T:
        """Run `fn(*args)` in a thread and wait for it, as long as `timeout_s` at most.

        If the time is up or the caller is killed, a call that has begun runs to its end and its
        result is lost; one that still waits for a thread never begins. The first call of a pool
        that owns something also waits for the owners before it.

        Raises:
            AskTimeout: the time is up
            SupervisionError: the pool is closed
            BaseException: what `fn` raised
        """
        task = _Task(fn, args)
        timer = gevent.Timeout(timeout_s)
        timer.start()
        try:
            self._wait_for_predecessors()
            if self._closed:
                raise SupervisionError(f"{self.name}: the pool is closed")
            outcome = self._threads.spawn(task).get()
        except gevent.Timeout as timeout:
            if timeout is not timer:
                raise
            raise AskTimeout(f"{self.name}: no result within {timeout_s} s") from None
        finally:
            task.given_up = True
            timer.close()
        assert outcome is not None, "a task that was not given up has an outcome"
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome.value

    def close(self, timeout_s: float = 10.0) -> bool:
        """Refuse further calls, and wait for the accepted ones. Can be called again.

        Returns:
            whether all have ended. If not, their resource is still in use: the next user must own
                it (see the class), and resources must be released in `release`
        """
        self._closed = True
        if self._ending is None:
            self._ending = gevent.spawn(self._end)
        self._ending.join(timeout_s)
        return self._ending.ready()

    def _end(self) -> None:
        """Wait for the last call, in the background if the caller does not wait."""
        self._threads.kill()
        try:
            if self._release is not None:
                self._release()
        finally:
            if self._owns:
                owners = _owners[self._owns]
                owners.remove(self)
                if not owners:
                    del _owners[self._owns]

    def _wait_for_predecessors(self) -> None:
        # A pool that is not closed is still in use; the resource's own lock will show that.
        for predecessor in self._before:
            if predecessor._ending is not None:
                predecessor._ending.join()
        self._before = []


@dataclass(frozen=True, slots=True)
class _Returned(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _Task(Generic[T]):
    """One call. gevent prints every exception of a pool's task, so it is returned instead."""

    __slots__ = ("args", "fn", "given_up", "ids")

    def __init__(self, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        self.fn = fn
        self.args = args
        self.given_up = False
        # Log lines of the thread get the ids of its caller's work.
        self.ids = current_ids()

    def __call__(self) -> _Returned[T] | _Raised | None:
        if self.given_up:
            return None
        work_on(self.ids)
        try:
            return _Returned(self.fn(*self.args))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            return _Raised(error)
