"""The run: attacks on a running service, whose memory, descriptors and snapshots are watched."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import gevent
import psutil
from gevent.pool import Pool

from tests.actors.harness import until
from tests.feed_server import DATA, FeedServer
from tests.hostile.attacks import attack
from tests.hostile.client import PATIENCE_S, Seen, strike
from tests.process import Process

# More than gunicorn waits for; fewer than there are places for clients who are not of the stream.
AT_ONCE = 200
# Pages of events that are read to learn when snapshots were stored.
PAGE = 1000
# A service that rests may hold a file open a moment longer, and pages of memory that Python keeps
# for the next requests.
MORE_DESCRIPTORS, MORE_MEMORY = 6, 1.15


@dataclass(frozen=True, slots=True)
class Reading:
    """What the service's process has, when nobody asks anything."""

    mib: float
    descriptors: int
    """Without connections to the database, which are kept, and have a bound of their own."""
    threads: int


@dataclass(slots=True)
class HostileRun:
    """Attacks, and what they did to the service."""

    service: Process
    feeds: FeedServer
    seed: int
    update_s: float
    """An update of the feed comes this often."""
    idle: int = 0
    """Connections that are open all the time, and say nothing."""
    seen: Seen = field(default_factory=Seen)
    updates: dict[str, float] = field(default_factory=dict)
    """When each was handed in (seconds of the wall clock), by its time as sent."""
    readings: list[Reading] = field(default_factory=list)
    reopened: int = 0
    took_s: float = 0.0
    slowest_s: float = 0.0
    """How long it took at most until an update was stored."""
    _asked: int = -1
    """How often the service had asked for the feed before the latest update."""

    def go(self, requests: int) -> None:
        """Attack so often, and take a reading when it is quiet again."""
        began = time.monotonic()
        random, pool = Random(f"{self.seed} {len(self.readings)}"), Pool(AT_ONCE)
        around = [gevent.spawn(self._publish)]
        around += [gevent.spawn(self._sit) for _ in range(self.idle)]
        for _ in range(requests):
            pool.spawn(strike, self.service.port, attack(random), self.seen)
        pool.join()
        gevent.killall(around)
        self._until_fetched()
        self.took_s += time.monotonic() - began
        self.readings.append(self._reading())

    def late(self) -> list[str]:
        """The updates that were not stored within their interval, or not at all."""
        deadline = time.monotonic() + PATIENCE_S
        while len(stored := self._stored()) < len(self.updates) and time.monotonic() < deadline:
            gevent.sleep(1)
        never = [f"{key}: not stored" for key in self.updates if key not in stored]
        took = {key: stored[key] - at for key, at in self.updates.items() if key in stored}
        self.slowest_s = max(took.values(), default=0.0)
        return never + [f"{key}: {s:.1f} s" for key, s in took.items() if s > self.update_s]

    def until_all_are_stored(self) -> None:
        """Each update that was handed in is in the database."""
        until(lambda: len(self._stored()) >= len(self.updates), "all updates are stored")

    def leaks(self) -> list[str]:
        """What the last reading has more of than the first one, which the warm-up has left."""
        first, last = self.readings[0], self.readings[-1]
        found = []
        if last.descriptors > first.descriptors + MORE_DESCRIPTORS:
            found.append(f"{last.descriptors} descriptors, {first.descriptors} before")
        if last.mib > first.mib * MORE_MEMORY:
            found.append(f"{last.mib:.0f} MiB, {first.mib:.0f} before")
        return found

    def _publish(self) -> None:
        while True:
            self._until_fetched()
            self._asked = self.feeds.requests[DATA]
            self.updates[str(self.feeds.advance().counts.update_timestamp)] = time.time()
            gevent.sleep(self.update_s)

    def _until_fetched(self) -> None:
        """The service has asked since the latest update: the next one may take its place."""
        until(lambda: self.feeds.requests[DATA] > self._asked, "the update is fetched")

    def _sit(self) -> None:
        """Open a connection and say nothing; open another one when it is closed."""
        while True:
            try:
                with closing(socket.create_connection(("127.0.0.1", self.service.port))) as client:
                    client.recv(1)
            except OSError:
                gevent.sleep(0.1)
            self.reopened += 1

    def _stored(self) -> dict[str, float]:
        """When each snapshot was stored, by its time as sent."""
        found: dict[str, float] = {}
        first = f"/api/events?type=DATA_STORED&limit={PAGE}"
        path: str | None = first
        while path is not None:
            page: dict[str, Any] = self.service.get(path)[1]
            for event in page["events"]:
                at = datetime.fromisoformat(event["time"]).timestamp()
                found[event["correlation_id"]] = at
            after = page["next_cursor"]
            path = None if after is None else f"{first}&cursor={after}"
        return {key: at for key, at in found.items() if key in self.updates}

    def _reading(self) -> Reading:
        worker = self.service.worker()

        def is_quiet() -> bool:
            """Whether nobody is connected but who asks for this."""
            ours = [c for c in worker.net_connections("tcp") if c.laddr.port == self.service.port]
            return sum(c.status == psutil.CONN_ESTABLISHED for c in ours) == 0

        until(is_quiet, "the service has let go of all clients")
        assert self.service.get("/healthz")[0] == 200
        until(is_quiet)
        with worker.oneshot():
            mib = worker.memory_info().rss / 2**20
            descriptors = worker.num_fds() - self._database_connections()
            return Reading(mib, descriptors, worker.num_threads())

    def _database_connections(self) -> int:
        """How many the service has to its embedded PostgreSQL, by the titles of the processes."""
        return sum("[local]" in "".join(one.cmdline()) for one in self.service.family())
