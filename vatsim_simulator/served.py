"""Records what was really served, for checks of a service that fetches from here."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec

from vatsim_simulator.publication import UpdateCounts

MOST_SERVED = 10_000


class Served:
    """The updates whose main feed was served whole, with status 200; the last 10,000 of them."""

    def __init__(self) -> None:
        self._times: OrderedDict[int, tuple[UpdateCounts, int]] = OrderedDict()

    def add(self, counts: UpdateCounts) -> None:
        """The last byte of this update has been handed to the socket."""
        _, times = self._times.get(counts.number, (counts, 0))
        self._times[counts.number] = (counts, times + 1)
        if len(self._times) > MOST_SERVED:
            self._times.popitem(last=False)

    def tell(self) -> list[dict[str, Any]]:
        """Each with its counts and how often it was served."""
        return [
            {**msgspec.structs.asdict(counts), "times": times}
            for counts, times in self._times.values()
        ]
