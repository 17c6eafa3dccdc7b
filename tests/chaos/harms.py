"""What is done to the workers of a service, one harm after the other, in an order of a seed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import gevent
import psutil

from tests.chaos.cluster import ClusterHouse
from tests.chaos.deaths import Deaths

# A hub may be blocked for much longer (VATWATCH_HUB_TIMEOUT).
STANDS_STILL_S = (0.5, 2.5, 5.0)
# Who stands still for longer has lost the lock (docs/scaling.md).
LOSES_S = 1.5


@dataclass(slots=True)
class Harms:
    """Does them, and knows which of them have cost the service its collector."""

    house: ClusterHouse
    random: Random
    deaths: Deaths
    counts: Counter[str] = field(default_factory=Counter)
    losses: list[float] = field(default_factory=list)
    """When the collector was killed or stopped, or told to end; seconds since 1970."""

    def do(self, kind: str) -> str:
        """Do one; returns what was done."""
        detail = KINDS[kind](self)
        self.counts[kind] += 1
        return detail

    def next_kind(self) -> str:
        """The next one."""
        return self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def kill(self, workers: Sequence[psutil.Process]) -> str:
        """`kill -9` of these."""
        roles = [self._lose(worker) for worker in workers]
        for worker in workers:
            self.deaths.kill(worker)
        return " and ".join(roles) or "nobody"

    def some(self, count: int = 1) -> list[psutil.Process]:
        """So many workers, as it comes."""
        living = self.house.living()
        return self.random.sample(living, min(count, len(living)))

    def collector(self) -> list[psutil.Process]:
        """The one that collects, or whoever comes while there is none."""
        found = self.house.collector()
        return self.some() if found is None else [found]

    def stand_still(self) -> str:
        """SIGSTOP of one for a while; nobody waits for it."""
        seconds = self.random.choice(STANDS_STILL_S)
        for worker in self.random.choice((self.some, self.collector))():
            role = self._lose(worker) if seconds > LOSES_S else self._role(worker)
            with suppress(psutil.Error):
                worker.suspend()
            gevent.spawn_later(seconds, _go_on, worker)
            return f"{role} for {seconds:g} s"
        return "nobody"

    def end_in_order(self) -> str:
        """SIGTERM of one; the main process starts another."""
        for worker in self.some():
            role = self._lose(worker)
            self.deaths.end(worker)
            return role
        return "nobody"

    def more_or_less(self) -> str:
        """SIGTTIN, or SIGTTOU, which ends the oldest worker."""
        if not self.house.is_full():
            return self.house.one_more()
        for worker in self.house.living()[:1]:
            self._lose(worker)
            self.deaths.see_end(worker)
        return self.house.one_less()

    def hang_up(self) -> str:
        """SIGHUP: the settings are read again."""
        self.house.hang_up()
        return ""

    def _role(self, worker: psutil.Process) -> str:
        return "the collector" if worker == self.house.collector() else "a follower"

    def _lose(self, worker: psutil.Process) -> str:
        """Note it if the service is about to lose its collector; returns who this is."""
        role = self._role(worker)
        if role == "the collector":
            self.losses.append(time.time())
        return role


def _go_on(worker: psutil.Process) -> None:
    with suppress(psutil.Error):
        worker.resume()


KINDS: dict[str, Callable[[Harms], str]] = {
    "kill -9 a worker": lambda harms: harms.kill(harms.some()),
    "kill -9 the collector": lambda harms: harms.kill(harms.collector()),
    "kill -9 two at once": lambda harms: harms.kill(harms.some(2)),
    "stop one for a while": Harms.stand_still,
    "end one in order": Harms.end_in_order,
    "one worker more or less": Harms.more_or_less,
    "read the settings again": Harms.hang_up,
}
WEIGHTS = {
    "kill -9 a worker": 8,
    "kill -9 the collector": 5,
    "kill -9 two at once": 3,
    "stop one for a while": 4,
    "end one in order": 2,
    "one worker more or less": 2,
    "read the settings again": 2,
}
