"""Runtime: the objects that all nodes of one tree share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from vatwatch.supervision.circuit_breaker import CircuitBreakers
from vatwatch.supervision.directory import Directory
from vatwatch.supervision.faults import Faults
from vatwatch.supervision.observers import Observers


class Runtime:
    """One for each tree. Waits use real time; `clock` is used for measurements."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], datetime],
        random: Callable[[], float],
        hang_check_s: float,
    ) -> None:
        """See `Tree`."""
        self.clock = clock
        self.wall_clock = wall_clock
        self.random = random
        self.hang_check_s = hang_check_s
        self.has_started = False
        """Whether the whole tree has run: its first start, which is all or nothing, is over."""
        self.stopping = False
        """Whether the whole tree was ordered to stop, so that nothing is restarted."""
        self.observers = Observers()
        self.directory = Directory(self.observers)
        self.faults = Faults()
        self.circuit_breakers = CircuitBreakers(
            clock, wall_clock, observe=self.observers.notify, before_call=self.faults.fails
        )
