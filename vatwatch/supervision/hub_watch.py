"""Hub watch: how late the hub is, and where it was blocked.

A greenlet wakes up at each tick and measures how late it is. A native thread, which the hub cannot
delay, checks that the ticks still come; if not, it notes the main thread's stack. It must not log,
tell or take a lock, so it only leaves the note for the greenlet. (gevent's own monitor traces every
switch of greenlets, which slows all of them; this costs only the tick.)
"""

from __future__ import annotations

import gc
import math
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import FrameType
from typing import Any
from weakref import WeakSet

import gevent
from gevent.monkey import get_original

_start_native: Callable[..., int] = get_original("_thread", "start_new_thread")
_native_id: Callable[[], int] = get_original("_thread", "get_ident")
# Used as a sleep: `time.sleep` uses an absolute deadline (`clock_nanosleep`), which libfaketime
# rejects.
_native_select: Callable[..., object] = get_original("select", "select")

_FRAMES = 12
_KEPT = 20
# Ticks over which the percentiles are computed.
_WINDOW = 600

# All greenlets of the process, from the first watch on.
_greenlets: WeakSet[gevent.Greenlet[..., Any]] = WeakSet()


@cache
def _know_greenlets() -> None:
    """Enter those that live, and each that will be spawned.

    To look through all objects blocks the hub for tenths of a second. So it is done once, and not
    again with each restart of who watches.
    """
    _greenlets.update(o for o in gc.get_objects() if isinstance(o, gevent.Greenlet))
    gevent.Greenlet.add_spawn_callback(_greenlets.add)


@dataclass(frozen=True, slots=True)
class Blocked:
    """The hub was blocked. `where`: the stack, innermost last; empty if the block ended before it
    was seen."""

    at: datetime
    seconds: float
    where: tuple[str, ...]

    @property
    def function(self) -> str:
        """What ran: its name alone, which tells nothing of where files lie."""
        return self.where[-1].rpartition(" ")[2] if self.where else ""


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the latest ticks were."""

    p50_s: float
    p99_s: float
    max_s: float


class HubWatch:
    """Watches the hub of the thread that created it, while `run` runs."""

    def __init__(self, *, tick_s: float = 0.1, blocked_s: float = 0.5) -> None:
        self._tick_s = tick_s
        self._blocked_s = blocked_s
        self._thread_id = _native_id()
        self._beat = time.monotonic()
        self._note: tuple[float, tuple[str, ...]] | None = None
        self._running = False
        self._latest: deque[float] = deque(maxlen=_WINDOW)
        self._blocked: deque[Blocked] = deque(maxlen=_KEPT)
        self.times_blocked = 0

    def run(self) -> None:
        """Watch until killed."""
        self._running = True
        _know_greenlets()
        self._beat = time.monotonic()
        _start_native(self._look, ())
        try:
            while True:
                began = self._beat
                gevent.sleep(self._tick_s)
                self._beat = time.monotonic()
                self._ticked(began, max(0.0, self._beat - began - self._tick_s))
        finally:
            self._running = False

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The latest blocks, the latest last."""
        return tuple(self._blocked)

    def greenlets(self) -> int:
        """How many live."""
        return sum(not greenlet.dead for greenlet in list(_greenlets))

    def lateness(self) -> Lateness:
        """How late the latest ticks were."""
        ordered = sorted(self._latest) or [0.0]
        return Lateness(_quantile(ordered, 0.5), _quantile(ordered, 0.99), ordered[-1])

    def _ticked(self, began: float, late_s: float) -> None:
        self._latest.append(late_s)
        if late_s < self._blocked_s:
            return
        note, self._note = self._note, None
        where = note[1] if note is not None and note[0] == began else ()
        self.times_blocked += 1
        self._blocked.append(Blocked(datetime.now(UTC), late_s, where))

    def _look(self) -> None:
        """In the native thread."""
        while self._running:
            _native_select((), (), (), self._tick_s)
            beat = self._beat
            if time.monotonic() - beat < self._blocked_s + self._tick_s:
                continue
            if self._note is not None and self._note[0] == beat:
                continue
            self._note = (beat, _stack(sys._current_frames().get(self._thread_id)))


def _stack(frame: FrameType | None) -> tuple[str, ...]:
    found: list[str] = []
    while frame is not None and len(found) < _FRAMES:
        code = frame.f_code
        found.append(f"{code.co_filename}:{frame.f_lineno} {code.co_qualname}")
        frame = frame.f_back
    return tuple(reversed(found))


def _quantile(ordered: list[float], fraction: float) -> float:
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]
