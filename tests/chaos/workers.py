"""Several workers under load, of which one is killed again and again.

    python -m tests.chaos.workers --minutes 10 --seed 1

`cluster.py` is the service, `harms.py` what is done to its workers, `load.py` and `stream_load.py`
are its clients, `judge.py` says what they may get.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import gevent
import psutil
from rich.console import Console
from rich.table import Table

from tests.chaos.cluster import ClusterHouse
from tests.chaos.deaths import Deaths
from tests.chaos.harms import Harms
from tests.chaos.house import NotRecovered, Scale, wait_until
from tests.chaos.judge import Judge
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.proof import Verdict, prove
from tests.chaos.run import left_behind
from tests.chaos.stream_load import QUERIES, StreamCaller
from tests.chaos.watch import ClusterWatch

# Seconds between two harms: a worker takes about as long to start.
LEAST_PAUSE_S, MOST_PAUSE_S = 1.0, 10.0
# At 2 s between two updates few are missed while another one takes over.
SPEED = 7.5
# All workers may have been killed within a second, on a machine that is busy.
WHOLE_S = 300.0


@dataclass(slots=True)
class WorkersReport:
    """What came of a run."""

    harms: Counter[str]
    judge: Judge
    collectors: int = 0
    """How often another worker began to collect."""
    without_s: list[float] = field(default_factory=list)
    """How long it took each time that the collector was lost."""
    streams: int = 0
    snapshots_again: int = 0
    """How often a client of the stream was sent everything anew."""
    published: int = 0
    late: int = 0
    verdict: Verdict | None = None
    complaints: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        proven = self.verdict is not None and self.verdict.holds and not self.verdict.set_aside
        return proven and not self.complaints and not self.judge.blamed


def run(
    directory: Path,
    *,
    seconds: float,
    seed: int,
    pilots: int = 100,
    clients: int = 20,
    kinds: Iterable[str] | None = None,
    most_pause_s: float = MOST_PAUSE_S,
    tell: Callable[[float, str, str], None] = lambda _at, _kind, _detail: None,
) -> WorkersReport:
    """Harm workers for so long, or by these kinds of harm if they are fewer.

    `most_pause_s`: between two of them.
    """
    house = ClusterHouse(directory, Scale(pilots, seed, SPEED))
    ledger = Ledger(house.home, directory / "copies")
    given = None if kinds is None else iter(kinds)
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    try:
        ledger.start()
        house.open()
        _until_whole(house)
        deaths = Deaths(house.port)
        watch, judge = ClusterWatch(house), Judge(deaths)
        harms = Harms(house, Random(seed), deaths)
        report = WorkersReport(harms.counts, judge)
        watch.start()
        load = Load(house.port, judge, watch, seed)
        load.start(clients)
        streams = [StreamCaller(house, judge, *query) for query in QUERIES]
        following = [gevent.spawn(one.run) for one in streams]
        for at in _pauses(harms.random, seconds, most_pause_s):
            kind = harms.next_kind() if given is None else next(given, None)
            if kind is None:
                break
            tell(at, kind, harms.do(kind))
        report.complaints += _settle(house, load, streams)
        watch.stop()
        gevent.killall(following)
        code = house.stop_service()
        if code != 0:
            report.complaints.append(f"the service ended with {code}")
        ledger.stop()
        _look_at(house, report, watch, harms, streams)
        report.verdict = prove(house, ledger, as_stored=True)
    finally:
        house.close()
    report.complaints += left_behind(before)
    return report


def _pauses(random: Random, seconds: float, most_s: float) -> Iterator[float]:
    """Pause again and again for so long in all; gives the time since the beginning."""
    began = monotonic()
    while monotonic() < began + seconds:
        gevent.sleep(random.uniform(LEAST_PAUSE_S, most_s))
        yield monotonic() - began


def _settle(house: ClusterHouse, load: Load, streams: list[StreamCaller]) -> list[str]:
    """Everything must be well again, first with all clients, then without; what is not."""
    try:
        _until_whole(house)
        load.stop()
        for one in streams:
            one.catch_up()
        stored = house.stored()
        wait_until("another snapshot", lambda: house.stored() > stored)
        _until_whole(house)
    except NotRecovered as error:
        return [str(error)]
    return []


def _until_whole(house: ClusterHouse) -> None:
    why = ""

    def is_whole() -> bool:
        nonlocal why
        why = house.why_not_whole()
        return not why

    try:
        wait_until("everything is well", is_whole, WHOLE_S)
    except NotRecovered as error:
        raise NotRecovered(f"{error}: {why}") from error


def _look_at(
    house: ClusterHouse,
    report: WorkersReport,
    watch: ClusterWatch,
    harms: Harms,
    streams: list[StreamCaller],
) -> None:
    report.collectors = len(watch.reigns)
    report.without_s = watch.without_collector(harms.losses)
    report.streams = sum(one.connections for one in streams)
    report.snapshots_again = sum(max(len(one.stretches) - 1, 0) for one in streams)
    report.published = len(watch.published)
    stored = house.query("SELECT update_timestamp FROM snapshots ORDER BY stored_at")
    report.late = _late(update for (update,) in stored)
    one, two = (stream for stream in streams if not stream.query)
    report.complaints += one.differences(two)
    said = (house.directory / "run.log").read_text()
    for sign in ("Traceback", "and was replaced"):
        if sign in said:
            at = said.index(sign)
            report.complaints.append(f"the log says: {said[max(at - 500, 0) : at + 2000]}")


def _late(stored: Iterable[datetime]) -> int:
    """How many were stored after a newer one."""
    late, latest = 0, datetime.min.replace(tzinfo=UTC)
    for update in stored:
        late += update < latest
        latest = max(update, latest)
    return late


def show(console: Console, report: WorkersReport) -> None:
    """The tables, and the verdict."""
    for title, rows in (("harms", report.harms), ("answers", report.judge.answers)):
        shown = Table(title=f"{sum(rows.values())} {title}")
        shown.add_column(title)
        shown.add_column("count", justify="right")
        for name, count in sorted(rows.items()):
            shown.add_row(name, str(count))
        console.print(shown)
    facts: list[tuple[str, Any]] = [
        ("the longest time without a collector", f"{max(report.without_s, default=0):.2f} s"),
        ("its median", f"{median(report.without_s or [0]):.2f} s, of {len(report.without_s)}"),
        ("times that a worker began to collect", report.collectors),
        ("the longest age of a live state that a client saw", f"{report.judge.oldest_s:.1f} s"),
        ("the longest time until an answer", f"{report.judge.slowest_s:.1f} s"),
        ("connections of the stream's clients", report.streams),
        ("times that one of them got all anew", report.snapshots_again),
        ("snapshots published meanwhile", report.published),
        ("snapshots that were stored late", report.late),
    ]
    for name, value in facts:
        console.print(f"{name}: {value}")
    console.print(str(report.verdict))
    for complaint in [*report.judge.faults, *report.complaints]:
        console.print(complaint, style="red", markup=False)
    if report.judge.blamed:
        console.print(f"{report.judge.blamed} faults that clients saw")
    console.print("The promise was kept." if report.holds else "The promise was NOT kept.")


def main() -> None:
    """Run, print, and say by the exit code whether the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.workers", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="the order of the harms")
    parser.add_argument("--pilots", type=int, default=100)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="a directory to keep data and logs in")
    options = parser.parse_args()
    console = Console(highlight=False)

    def tell(at: float, kind: str, detail: str) -> None:
        console.print(f"{at:6.1f} s  {kind:26} {detail}")

    with TemporaryDirectory(prefix="workers-") as temporary:
        report = run(
            options.keep or Path(temporary),
            seconds=60 * options.minutes,
            seed=options.seed,
            pilots=options.pilots,
            clients=options.clients,
            tell=tell,
        )
    show(console, report)
    sys.exit(not report.holds)


if __name__ == "__main__":
    main()
