"""Benchmark: bytes received to committed, against the least that must be done, in the same run.

    python -m benchmarks.ingest [--quick] [--pilots N ...] [--rounds N] [--seed S]
                                [--positions FILES] [--sectors FILES] [--warning N]

The pipeline is the service's own tree without fetcher and HTTP, on an embedded PostgreSQL that the
tree starts itself: look at the head as the fetcher does, journal (fsync), decode, compare, store,
commit; the cache encodes the live state meanwhile. Taken is the time until the store has said that
the snapshot is committed, and for the stall until the cache is done too.

The floor is the least that anybody would have to do with the same update: decode the same bytes
into the same typed records, and COPY as many rows of positions, and of flights' places, as the
pipeline wrote, their text made beforehand, into bare tables of the same server; commit.

Floor and pipeline take turns with each update of a simulated network, so that other programs
disturb both. The first updates are not counted: there everything is new. The stall is the longest
time by which a greenlet that wakes every millisecond is late while an update is under way: of each
update its longest, and of these the median and the largest.

Files of areas are as in VATWATCH_POSITIONS_DATA and VATWATCH_SECTORS, and the warning level as in
VATWATCH_SECTOR_WARNING. Without them there are no areas.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import gc
import resource
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import gevent
import msgspec
import psycopg2
from gevent.event import Event

from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.actors.event_memory import Subscription
from vatwatch.config.areas import AreaSettings
from vatwatch.config.settings import load
from vatwatch.feed.decode import peek
from vatwatch.feed.records import ClientRadios, Feed
from vatwatch.feed.times import parse_time
from vatwatch.messages import AppendSnapshot, Delivered, GetDsn, GetReports
from vatwatch.messages.areas_status import AreasStatus
from vatwatch.server.service import freeze_startup_objects
from vatwatch.storage.copy import copy_text
from vatwatch.supervision import Actor, NativePool, Strategy, Tree, supervisor, worker
from vatwatch.supervision.offload import SWITCH_INTERVAL_S
from vatwatch.system import declare
from vatwatch.wiring import SUBSCRIPTIONS

if TYPE_CHECKING:
    from psycopg2.extensions import connection

SIZES = (1_000, 2_000, 10_000)
ROUNDS = 60
QUICK_ROUNDS = 10
# Until tables, caches and plans are as they stay.
WARM_UP = 5
PATIENCE_S = 120.0
TICK_S = 0.001

# What the pipeline writes of a position, and what it changes in a flight.
FLOOR_TABLES = """
CREATE TABLE floor_positions (flight_id bigint, time timestamptz, latitude double precision,
    longitude double precision, altitude integer, groundspeed integer, heading integer);
CREATE TABLE floor_flights (flight_id bigint, last_seen timestamptz, latitude double precision,
    longitude double precision, altitude integer, groundspeed integer, heading integer,
    transponder text, qnh_i_hg double precision, qnh_mb integer);
"""
POSITION = ("flight_id", "time", "latitude", "longitude", "altitude", "groundspeed", "heading")
FLIGHT = (
    "flight_id",
    "last_seen",
    *POSITION[2:],
    "transponder",
    "qnh_i_hg",
    "qnh_mb",
)

FEED = msgspec.json.Decoder(Feed, strict=False)
RADIOS = msgspec.json.Decoder(list[ClientRadios], strict=False)


class Update(NamedTuple):
    """What both feeds said at one moment."""

    data: bytes
    transceivers: bytes


@dataclass
class Figures:
    """One size's times, an element an update."""

    pilots: int
    floor_s: list[float] = field(default_factory=list)
    pipeline_s: list[float] = field(default_factory=list)
    stall_s: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbours."""
        pairs = zip(self.pipeline_s, self.floor_s, strict=True)
        return statistics.median(pipeline / floor for pipeline, floor in pairs)


# What the stopwatch hears of.
WANTED = Subscription("stopwatch", frozenset({"DATA_STORED", "DATA_CACHED"}))


class Stopwatch(Actor):
    """Notes when each snapshot was stored and cached, by the events that say so."""

    # Of the class: the benchmark is outside of the tree.
    seen: dict[tuple[str, str], float] = {}  # noqa: RUF012
    news = Event()

    def on_receive(self, message: Delivered) -> None:
        """Note the time."""
        event = message.event
        self.seen[event.type, event.correlation_id] = perf_counter()
        self.news.set()

    @classmethod
    def wait(cls, kind: str, correlation_id: str) -> float:
        """When it happened."""
        while (kind, correlation_id) not in cls.seen:
            cls.news.clear()
            if not cls.news.wait(PATIENCE_S):
                raise SystemExit(f"no {kind} of {correlation_id} within {PATIENCE_S:g} s")
        return cls.seen.pop((kind, correlation_id))


class Lateness:
    """A greenlet that wants to wake every millisecond, and notes how late it is."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    def watch(self) -> None:
        """Until killed."""
        while True:
            due = perf_counter() + TICK_S
            gevent.sleep(TICK_S)
            self.worst_s = max(self.worst_s, perf_counter() - due)


def updates(seed: int, pilots: int, count: int, directory: Path) -> Iterator[Update]:
    """Successive steps of one world.

    All of them are made first, and wait on disk: a world is a million objects that the service does
    not have, and the garbage collector would go through them while the pipeline is timed.
    """
    world = World(seed, pilots, datetime(2026, 5, 1, 12, tzinfo=UTC))
    for number in range(count):
        world.advance()
        publication = publish(number, world.feed(), world.radios())
        (directory / f"{number}.data").write_bytes(publication.data.raw)
        (directory / f"{number}.radios").write_bytes(publication.transceivers.raw)
    del world, publication
    gc.collect()
    for number in range(count):
        data, radios = directory / f"{number}.data", directory / f"{number}.radios"
        yield Update(data.read_bytes(), radios.read_bytes())
        data.unlink()
        radios.unlink()


@contextmanager
def service(home: Path, given: Mapping[str, str]) -> Iterator[Tree]:
    """The service's tree with a stopwatch in it, and no fetcher. `given`: settings."""
    settings = load(env={**given, "VATWATCH_HOME": str(home)}, directory=home)
    tree = Tree(
        supervisor(
            "benchmark",
            Strategy.ONE_FOR_ONE,
            children=[
                declare(settings, polls=False, subscriptions=[*SUBSCRIPTIONS, WANTED]),
                worker("stopwatch", Stopwatch),
            ],
        )
    )
    tree.start()
    _wait_for_areas(tree, settings.areas)
    freeze_startup_objects()
    try:
        yield tree
    finally:
        tree.stop()


def _wait_for_areas(tree: Tree, given: AreaSettings) -> None:
    """Until all files are in use: whoever derives is told before that is reported."""
    wanted = len(given.positions_data) + len(given.sectors)
    monitor = tree.directory.address("health_monitor")
    deadline = perf_counter() + PATIENCE_S
    while wanted and perf_counter() < deadline:
        areas = monitor.ask(GetReports(), timeout_s=PATIENCE_S).services.get("areas")
        status = None if areas is None else areas.status
        if isinstance(status, AreasStatus):
            if status.errors:
                raise SystemExit("; ".join(status.errors))
            if status.files >= wanted:
                return
        gevent.sleep(0.05)
    if wanted:
        raise SystemExit(f"the areas are not in use after {PATIENCE_S:g} s")


class Pipeline:
    """The service, from the bytes to the commit."""

    def __init__(self, tree: Tree) -> None:
        self._journal = tree.directory.address("journal")
        self._monitor = tree.directory.address("health_monitor")
        self._fetcher_pool = NativePool(1, "benchmark")

    def measure(self, update: Update) -> tuple[float, float]:
        """Seconds until it is committed, and the longest stall until it is served too."""
        lateness = Lateness()
        watcher = gevent.spawn(lateness.watch)
        gevent.sleep(0)
        began = perf_counter()
        head = self._fetcher_pool.run(peek, update.data)
        self._journal.ask(
            AppendSnapshot(
                parse_time(head.update_timestamp), datetime.now(UTC), *update, "benchmark"
            ),
            timeout_s=PATIENCE_S,
        )
        committed = Stopwatch.wait("DATA_STORED", head.update_timestamp)
        Stopwatch.wait("DATA_CACHED", head.update_timestamp)
        watcher.kill()
        self._settle()
        return committed - began, lateness.worst_s

    def _settle(self) -> None:
        """Let it finish what follows, so that the floor is not disturbed by it."""
        deadline = perf_counter() + PATIENCE_S
        while perf_counter() < deadline:
            services = self._monitor.ask(GetReports(), timeout_s=PATIENCE_S).services
            if services["journal"].status.pending == 0:  # type: ignore[union-attr]
                gevent.sleep(0.02)
                return
            gevent.sleep(0.005)
        raise SystemExit(f"something is still pending after {PATIENCE_S:g} s")


class Floor:
    """The least that must be done."""

    def __init__(self, conn: connection) -> None:
        self._conn = conn
        with conn.cursor() as cur:
            cur.execute(FLOOR_TABLES)
        conn.commit()

    def measure(self, update: Update) -> tuple[float, int]:
        """Seconds, and the number of pilots. To be called after the pipeline had the update."""
        positions, flights = self._texts(update)
        began = perf_counter()
        feed = FEED.decode(update.data)
        radios = RADIOS.decode(update.transceivers)
        with self._conn.cursor() as cur:
            copy_text(cur, "floor_positions", POSITION, positions)
            copy_text(cur, "floor_flights", FLIGHT, flights)
        self._conn.commit()
        seconds = perf_counter() - began
        assert radios is not None
        return seconds, len(feed.pilots)

    def _texts(self, update: Update) -> tuple[str, str]:
        """The rows that the pipeline has written of this update, read back."""
        time = peek(update.data).update_timestamp
        with self._conn.cursor() as cur:
            cur.execute(
                f"SELECT {', '.join(POSITION)} FROM positions WHERE time = %s", (parse_time(time),)
            )
            positions = cur.fetchall()
            cur.execute(
                f"SELECT {', '.join(FLIGHT)} FROM flights WHERE last_seen = %s", (parse_time(time),)
            )
            flights = cur.fetchall()
        self._conn.rollback()
        assert positions
        assert flights
        return _text(positions), _text(flights)


def _text(rows: list[tuple[object, ...]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def run(pilots: int, rounds: int, seed: int, given: Mapping[str, str]) -> Figures:
    """Measure one size, on a database of its own."""
    figures = Figures(pilots)
    with tempfile.TemporaryDirectory(prefix="vatwatch-bench-") as directory:
        place = Path(directory)
        # The server runs as another user if we are root, and must be able to pass.
        place.chmod(0o755)
        with service(place / "home", given) as tree:
            dsn = tree.directory.address("postgres").ask(GetDsn(), timeout_s=PATIENCE_S)
            conn = psycopg2.connect(dsn)
            pipeline, floor = Pipeline(tree), Floor(conn)
            count = WARM_UP + rounds
            for number, update in enumerate(updates(seed, pilots, count, place)):
                pipeline_s, stall_s = pipeline.measure(update)
                floor_s, seen = floor.measure(update)
                if number >= WARM_UP:
                    figures.pilots = seen
                    figures.pipeline_s.append(pipeline_s)
                    figures.floor_s.append(floor_s)
                    figures.stall_s.append(stall_s)
                _progress(f"{pilots:,} pilots: {number + 1} of {count}")
            conn.close()
    _progress("")
    return figures


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def show(measured: list[Figures]) -> None:
    """Print the table. Growth is the time a pilot, as a multiple of the first size's."""
    print(
        f"{'pilots':>8}{'floor ms':>10}{'pipeline ms':>13}{'ratio':>7}"
        f"{'stall ms':>10}{'longest ms':>12}{'µs/pilot':>10}{'growth':>8}"
    )
    base = 0.0
    for figures in measured:
        pipeline_s = statistics.median(figures.pipeline_s)
        each_s = pipeline_s / figures.pilots
        base = base or each_s
        print(
            f"{figures.pilots:>8,}{statistics.median(figures.floor_s) * 1e3:>10.1f}"
            f"{pipeline_s * 1e3:>13.1f}{figures.ratio:>7.2f}"
            f"{statistics.median(figures.stall_s) * 1e3:>10.1f}"
            f"{max(figures.stall_s) * 1e3:>12.1f}{each_s * 1e6:>10.1f}{each_s / base:>8.2f}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(measured[0].stall_s)} updates each; peak memory {peak:,.0f} MiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} updates each")
    parser.add_argument("--pilots", type=int, nargs="+", default=SIZES, help="sizes of the network")
    parser.add_argument("--rounds", type=int, help=f"updates of each size [{ROUNDS}]")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated network")
    parser.add_argument("--positions", help="files of positions and areas")
    parser.add_argument("--sectors", help="files of sectors")
    parser.add_argument("--warning", help="the load from which on there is an alert")
    options = parser.parse_args()
    named = {
        "VATWATCH_POSITIONS_DATA": options.positions,
        "VATWATCH_SECTORS": options.sectors,
        "VATWATCH_SECTOR_WARNING": options.warning,
    }
    given = {name: value for name, value in named.items() if value is not None}
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    show([run(pilots, rounds, options.seed, given) for pilots in options.pilots])


if __name__ == "__main__":
    main()
