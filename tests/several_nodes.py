"""Several services on one PostgreSQL and one Redis, as processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.actors.harness import Query, as_url, eventually, until
from tests.feed_server import FeedServer
from tests.process import Process, alive, started
from vatwatch.feed.times import parse_time

KEY = "a-key-for-all-nodes"
# What a fault interrupts differs each time. `make test-ha` does it 20 times.
TURNS = range(1, int(os.environ.get("HA_TURNS", "2")) + 1)


@contextmanager
def nodes(
    tmp_path: Path,
    database: str,
    redis: str,
    feeds: FeedServer,
    *,
    first_database: str | None = None,
    **more: object,
) -> Iterator[list[Process]]:
    """Two services of one worker each, which answer, and one of which collects.

    `first_database`: the way of the first one to the database; it starts first, and collects.
    """
    with ExitStack() as stack:
        every = []
        for number in (1, 2):
            place = tmp_path / f"host-{number}"
            place.mkdir(exist_ok=True)
            every.append(
                stack.enter_context(
                    started(
                        place / "home",
                        place / "log",
                        DATABASE_URL=as_url((number == 1 and first_database) or database),
                        REDIS_URL=redis,
                        VATSIM_API_URL=feeds.url,
                        VATSIM_POLL_INTERVAL=0.2,
                        VATWATCH_API_KEYS=KEY,
                        VATWATCH_FAULTS="on",
                        SERVICE_HEALTH_CHECK_INTERVAL=0.5,
                        **more,
                    )
                )
            )
            if first_database is not None:
                every[0].until_ready()
        for process in every:
            process.until_ready()
        until(lambda: len(seen_by(every[0])) == 2, "they see each other")
        yield every


def seen_by(process: Process) -> list[dict[str, Any]]:
    """The nodes that are alive, as one of them says."""
    code, body = process.get("/api/status")
    return [] if code != 200 else [one for one in body["nodes"] if one["alive"]]


def name_of(process: Process) -> str:
    """Of its one node."""
    return (process.home / "node").read_text().strip()


def collects(process: Process) -> bool:
    """Whether this service has the collector, as its own tree says."""
    code, body = process.get(f"/api/supervision/vatwatch/pipeline?node={name_of(process)}")
    return code == 200 and body["state"] == "running"


def collector_among(processes: list[Process]) -> Process:
    return until(
        lambda: next((one for one in processes if collects(one)), None), "one of them collects"
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two services, and who of them collected at first."""

    collector: Process
    other: Process
    feeds: FeedServer
    sql: Query

    def next_is_stored(self) -> datetime:
        """As below."""
        return next_is_stored(self.feeds, self.sql)

    def until_both_serve(self, moment: datetime) -> None:
        """Both serve this snapshot."""

        def both_serve_it() -> None:
            for one in (self.collector, self.other):
                assert parse_time(one.get("/api/network")[1]["updated_at"]) == moment

        eventually(both_serve_it)

    def each_is_stored_once(self) -> None:
        """No snapshot is stored twice."""
        stored = self.sql.snapshots()
        assert len(stored) == len(set(stored))


def next_is_stored(feeds: FeedServer, sql: Query) -> datetime:
    """The network goes on by one snapshot, which is stored by whoever collects."""
    moment = parse_time(feeds.advance().counts.update_timestamp)
    until(lambda: moment in sql.snapshots(), f"{moment} is stored")
    return moment


@contextmanager
def a_pair(
    tmp_path: Path, database: str, redis: str, *, snapshots: int = 1, **more: Any
) -> Iterator[Pair]:
    """Two services that have stored some snapshots."""
    with FeedServer(pilots=20) as feeds, nodes(tmp_path, database, redis, feeds, **more) as both:
        collector = collector_among(both)
        (other,) = (one for one in both if one is not collector)
        pair = Pair(collector, other, feeds, Query(database))
        for _ in range(snapshots):
            pair.next_is_stored()
        yield pair


def kill_whole(process: Process) -> None:
    """As when its host loses power."""
    worker = process.worker()
    process.popen.kill()
    worker.kill()
    process.popen.wait()
    until(lambda: not alive(worker))


@contextmanager
def stopped(process: Process) -> Iterator[psutil.Process]:
    """Its worker stands still, and its master does not mind."""
    worker = process.worker()
    os.kill(process.popen.pid, signal.SIGSTOP)
    worker.suspend()
    try:
        yield worker
    finally:
        worker.resume()
        os.kill(process.popen.pid, signal.SIGCONT)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """For `make test-ha`: note how long it took."""
    began = time.monotonic()
    yield
    if "HA_TIMES" in os.environ:
        with Path(os.environ["HA_TIMES"]).open("a") as file:
            file.write(f"{what}\t{time.monotonic() - began:.2f}\n")
