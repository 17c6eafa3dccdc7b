"""Hand-over: what an actor leaves to its successor, and when that is thrown away. Pure.

A restart cures because the successor begins afresh. State that is handed on takes a part of that
away: what made the actor fail may be in it. So it is thrown away at the second failure:

    The first failure hands the state on. If the successor fails, too, before it has run for a whole
    period (`period_s` of its supervisor, 30 s if nothing else is said), its own successor begins
    without. After a whole period the state is trusted again.

A stop by order is not a failure: it hands the state on, and neither makes it trusted nor throws it
away. The period is the one after which a supervisor takes a child as well again, too
(`decision.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HandOver:
    """What waits at a place in the tree for the next incarnation."""

    value: Any = None
    """What `Actor.hand_over` gave; None: nothing."""
    suspect: bool = False
    """Whether it comes from an actor that failed, and nobody has run well with it since."""

    def taken(self) -> HandOver:
        """The successor runs: the value is its own from now on."""
        return HandOver(None, self.suspect)

    def left(self, value: Any, *, failed: bool, proven: bool) -> HandOver:
        """What waits for the next one when an actor has ended that left `value`.

        Args:
            value: what it gave, or what it did not come to take
            failed: whether it failed; else it was stopped by order, or stopped by itself
            proven: whether it had run for a whole period
        """
        suspect = self.suspect and not proven
        if failed and suspect:
            return HandOver()
        return HandOver(value, value is not None and (failed or suspect))
