"""Hang check: kills those children of a supervisor that have a message in hand for too long."""

from __future__ import annotations

from gevent import get_hub

from vatwatch.errors import SupervisionError
from vatwatch.supervision.slot import Slot
from vatwatch.supervision.spec import ChildSpec


class HangCheck:
    """Looks at the children of `slot`, in the hub, every `Runtime.hang_check_s`.

    It is not a message to the supervisor, so that hangs are found also while that waits for another
    child.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        interval_s = slot.runtime.hang_check_s
        # Not `ref`, so that a tree that only waits does not keep the process alive.
        self._timer = get_hub().loop.timer(interval_s, interval_s, ref=False)
        self._timer.start(self._find_hung)

    def close(self) -> None:
        """Look no more. Can be repeated."""
        self._timer.close()

    def _find_hung(self) -> None:
        now = self._slot.runtime.clock()
        for slot in self._slot.children:
            _kill_if_hung(slot, now)


def _kill_if_hung(slot: Slot, now: float) -> None:
    life = slot.life
    if life is None or not isinstance(slot.spec, ChildSpec):
        return
    deadline_s = slot.spec.handler_deadline_s
    # Whoever wanted to get in may have found out that the trial is too late.
    if slot.on_trial and slot.guard is not None and slot.guard.expire():
        life.kill("hang", SupervisionError("a trial message took too long"))
    elif (
        deadline_s is not None
        and life.busy_since is not None
        and now - life.busy_since > deadline_s
    ):
        # Again at each check: the handler may catch the first kill.
        life.kill("hang", SupervisionError(f"a handler ran for more than {deadline_s:g} s"))
