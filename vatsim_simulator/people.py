"""Who there is to come: CIDs, callsigns that are taken, servers; and the chance of arrivals."""

from __future__ import annotations

from collections import deque
from math import exp, expm1, log1p
from random import Random

from vatsim_simulator.picture import IDENT_SHARES, IDENTS
from vatsim_simulator.stamps import TICKS_PER_S
from vatsim_simulator.texts import HIGHEST_CID, LOWEST_CID

UPDATE_S = 15
UPDATE_TICKS = UPDATE_S * TICKS_PER_S
# How much of a lack is made good in a step, beyond what goes.
PULL = 0.02
# Coprime with the number of CIDs: each comes once before any comes again.
_CID_STRIDE = 7_919


class People:
    """The members of the network, as far as they are drawn."""

    def __init__(self, random: Random, resting: int) -> None:
        self._random = random
        self._cids_drawn = random.randrange(HIGHEST_CID - LOWEST_CID)
        self.taken: set[str] = set()
        """The callsigns that somebody has, or comes back to."""
        self._resting: deque[int] = deque(maxlen=max(1, resting))

    def new_cid(self) -> int:
        """Somebody who was not there before."""
        self._cids_drawn += _CID_STRIDE
        return LOWEST_CID + self._cids_drawn % (HIGHEST_CID - LOWEST_CID + 1)

    def rests(self, cid: int) -> None:
        """Somebody has gone, and may come again."""
        self._resting.append(cid)

    def rested(self) -> int | None:
        """One who has rested for long; while as many rest as can, the first has."""
        return self._resting.popleft() if len(self._resting) == self._resting.maxlen else None

    def server(self) -> str:
        """Where somebody connects."""
        return self._random.choices(IDENTS, IDENT_SHARES)[0]

    def a_little_before(self, now: int) -> int:
        """A time since the update before."""
        return now - self._random.randrange(UPDATE_TICKS)

    def back_since(self, dropped: int, now: int) -> int:
        """When somebody has come back, since the update before and after the connection fell."""
        return min(now, max(self.a_little_before(now), dropped + TICKS_PER_S))

    def arrivals(self, wanted: float, there: int, stay_s: float, updates: float) -> int:
        """How many come, so that there are as many as wanted."""
        mean = wanted * UPDATE_S / stay_s + (wanted - there) * PULL
        return poisson(self._random, max(0.0, mean * updates))


def poisson(random: Random, mean: float) -> int:
    """How many there are of what comes so often on average (Knuth); many come evenly."""
    if mean > 200:
        return max(0, round(random.gauss(mean, mean**0.5)))
    limit, product, number = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        number += 1
    return number


def draw_age_s(random: Random, lasts_s: float, quits_a_s: float) -> float:
    """How long ago a flight began: the longer ago, the fewer have not quit since."""
    quits_a_s = max(quits_a_s, 1e-9)
    gone_by_its_end = -expm1(-quits_a_s * lasts_s)
    return -log1p(-random.random() * gone_by_its_end) / quits_a_s
