"""When snapshots arrived, to tell when the next one will.

The feed is written at a fixed phase of its period, and what is made of it is served a little later.
So the next snapshot is expected a period after the latest one's own time, and as much later as the
quickest of the last ones was served. A feed with another clock (a replay, a simulator at speed)
is expected at the pace at which it came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

from msgspec import structs

from vatwatch.feed.phase import FEED_PERIOD_S
from vatwatch.live.records import Body, Collection

# Two minutes of the network's feed: of the delays of so many the least is a usual one.
REMEMBERED = 8


class SnapshotArrivals:
    """The latest ones. Times are seconds since 1970: the snapshot's own, and ours."""

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def note(self, time: datetime, now_s: float) -> None:
        """A snapshot of this time is served from now on. The same one again changes nothing."""
        time_s = time.timestamp()
        if self._latest and time_s == self._latest[-1][0]:
            return
        if self._latest and (time_s < self._latest[-1][0] or now_s < self._latest[-1][1]):
            # A clock was set back: what was before tells nothing.
            self._latest.clear()
        self._latest.append((time_s, now_s))

    def due_s(self) -> float:
        """When the next one is expected, by our clock; 0 if there was none."""
        if not self._latest:
            return 0.0
        pairs = list(pairwise(self._latest))
        gaps = [after[clock] - before[clock] for before, after in pairs for clock in (0, 1)]
        delay_s = min(now_s - time_s for time_s, now_s in self._latest)
        return self._latest[-1][0] + delay_s + min([FEED_PERIOD_S, *gaps])

    def date(
        self,
        bodies: Mapping[Collection, Body],
        time: datetime | None,
        now_s: float,
        *,
        new: bool,
    ) -> dict[Collection, Body]:
        """Bodies that are served from now on, with their times.

        Args:
            bodies: of one snapshot
            time: the snapshot's
            now_s: our clock
            new: whether it has just been fetched; else it tells nothing of when others come
        """
        if time is None:
            return dict(bodies)
        if new:
            self.note(time, now_s)
        modified_s, due_s = int(time.timestamp()), self.due_s()
        return {
            one: structs.replace(body, modified_s=modified_s, due_s=due_s)
            for one, body in bodies.items()
        }
