"""What is seen of a cluster from outside while it runs: what is published, and who collects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import gevent
import psycopg2

from tests.chaos.cluster import ClusterHouse
from vatwatch.feed.times import parse_time

LOOK_S = 0.2


class ClusterWatch:
    """Looks again and again until it is stopped."""

    def __init__(self, house: ClusterHouse) -> None:
        self._house = house
        self.published: dict[datetime, float] = {}
        """When each update was seen first (monotonic seconds)."""
        self.reigns: dict[int, float] = {}
        """When each epoch began (seconds since 1970)."""
        self._watcher: Any = None

    def start(self) -> None:
        """Begin to look."""
        self._watcher = gevent.spawn(self._watch)

    def stop(self) -> None:
        """Look no more."""
        self._watcher.kill()

    def age_s(self, update: datetime) -> float:
        """How long ago it was published; 0 if that was just now."""
        seen = self.published.get(update)
        return 0.0 if seen is None else monotonic() - seen

    def without_collector(self, losses: Sequence[float]) -> list[float]:
        """How long it took after each loss until another epoch began, in seconds."""
        began = sorted(self.reigns.values())
        following = (next((at for at in began if at > loss), None) for loss in losses)
        return [at - loss for at, loss in zip(following, losses, strict=True) if at is not None]

    def _watch(self) -> None:
        while True:
            update = self._house.published()
            if update is not None:
                self.published.setdefault(parse_time(update), monotonic())
            with suppress(psycopg2.Error):
                sql = "SELECT epoch, extract(epoch FROM since)::float8 FROM collector"
                self.reigns |= dict(self._house.query(sql))
            gevent.sleep(LOOK_S)
