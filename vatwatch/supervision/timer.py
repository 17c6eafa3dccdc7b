"""Timer: a call that will be made in the hub, unless it is cancelled before."""

from __future__ import annotations

from collections.abc import Callable

from gevent import get_hub


class Timer:
    """Made by `Actor.after` and by supervisors; its actor cancels it at its end."""

    __slots__ = ("_timers", "_watcher")

    def __init__(self, timers: set[Timer], seconds: float, due: Callable[[], None]) -> None:
        """Call `due` in `seconds`, in the hub: it must not block.

        Until then, or until it is cancelled, the timer is among `timers`.
        """
        self._timers = timers
        self._watcher = get_hub().loop.timer(max(seconds, 0.0))
        self._watcher.start(self._fire, due)
        timers.add(self)

    def cancel(self) -> None:
        """Cancel the call. Can be called again. A message that is in a mailbox already stays
        there."""
        self._watcher.close()
        self._timers.discard(self)

    def _fire(self, due: Callable[[], None]) -> None:
        self.cancel()
        due()
