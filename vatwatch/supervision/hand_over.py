"""Hand-over: the state that an actor leaves to its successor, and when it is thrown away. Pure.

A restart helps because the successor starts fresh. State that is handed on weakens that, since it
may contain the cause of the failure. So it is thrown away at the second failure:

    The first failure hands the state on. If the successor fails, too, before it has run for a whole
    period (`period_s` of its supervisor, 30 s if nothing else is said), its own successor starts
    without it. After a whole period the state is trusted again.

A stop by order is not a failure: it hands the state on, and neither makes it trusted nor throws it
away. The same period decides when a supervisor forgets a child's earlier failures (`decision.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HandOver:
    """The state that waits at a node for the next incarnation."""

    value: Any = None
    """What `Actor.hand_over` returned; None: nothing."""
    suspect: bool = False
    """Whether it comes from an actor that failed, and no incarnation has run well with it since."""

    def taken(self) -> HandOver:
        """The successor runs and owns the value from now on."""
        return HandOver(None, self.suspect)

    def left(self, value: Any, *, failed: bool, proven: bool) -> HandOver:
        """The hand-over for the next incarnation, after an actor has ended and left `value`.

        Args:
            value: what it returned, or what it had not taken from its predecessor
            failed: whether it failed; otherwise it was stopped by order or stopped by itself
            proven: whether it had run for a whole period
        """
        suspect = self.suspect and not proven
        if failed and suspect:
            return HandOver()
        return HandOver(value, value is not None and (failed or suspect))
