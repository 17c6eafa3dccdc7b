"""One run: fault after fault, each followed by a recovery, and the proof at the end."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from tests.chaos.areas import areas_hold
from tests.chaos.faults import DOUBTED, FaultKind, choose
from tests.chaos.house import House, NotRecovered, Scale, wait_until
from tests.chaos.ledger import Ledger
from tests.chaos.proof import Verdict, prove

# Of the worker's memory: what a busy hour may add to a fresh one.
MEMORY_SLACK_MB = 64
DESCRIPTOR_SLACK = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fault, and how long the service took to be whole again; None if it never was."""

    kind: str
    detail: str
    recovered_s: float | None


@dataclass(slots=True)
class Report:
    """What came of a run."""

    outcomes: list[Outcome] = field(default_factory=list)
    verdict: Verdict | None = None
    complaints: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return (
            not self.complaints
            and self.verdict is not None
            and self.verdict.holds
            and all(outcome.recovered_s is not None for outcome in self.outcomes)
        )


def run(
    directory: Path,
    *,
    faults: int,
    seed: int,
    seconds: float | None = None,
    scale: Scale | None = None,
    kinds: Callable[[Random], FaultKind] = choose,
    tell: Callable[[int, Outcome], None] = lambda _number, _outcome: None,
) -> Report:
    """Do so many faults, or as many as fit into `seconds`, in an order that the seed decides."""
    random = Random(seed)
    house = House(directory, scale or Scale(seed=seed))
    ledger = Ledger(house.home, directory / "copies")
    report = Report()
    ends_at = None if seconds is None else time.monotonic() + seconds
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    try:
        ledger.start()
        house.open()
        wait_until("the first recovery", lambda: is_whole(house))
        at_first = _burden(house)
        for number in range(faults):
            if ends_at is not None and time.monotonic() > ends_at:
                break
            outcome = _fault(house, random, kinds(random))
            report.outcomes.append(outcome)
            tell(number + 1, outcome)
            if outcome.recovered_s is None:
                break
        _settle(house)
        report.complaints += _compare(at_first, _burden(house))
        code = house.stop_service()
        if code != 0:
            report.complaints.append(f"the service ended with {code}")
        ledger.stop()
        report.verdict = prove(house, ledger)
        report.complaints += _unexplained(report)
    finally:
        house.close()
    report.complaints += left_behind(before)
    return report


def left_behind(before: set[int]) -> list[str]:
    """A complaint for each process of ours that was not there before, and still runs."""
    complaints = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is one, too: it has ended
            words = process.cmdline()[:6]
            if process.pid not in before:
                complaints.append(f"left behind: {' '.join(words)}")
    return complaints


def is_whole(house: House) -> bool:
    """Ready, every node runs, every breaker is closed, nothing waits for the database, the last
    good settings are in force, and all areas are in use."""
    nodes = house.nodes()
    status = house.get("/api/status")
    return (
        bool(nodes)
        and status is not None
        and status["journal"]["pending"] <= 1
        and not status["processor"]["behind"]
        and all(node["state"] == "running" for node in nodes)
        and all(node["breaker"] is None or node["breaker"]["state"] == "closed" for node in nodes)
        and house.get("/readyz") is not None
        and house.settings_hold()
        and areas_hold(house)
    )


def _fault(house: House, random: Random, kind: FaultKind) -> Outcome:
    try:
        detail = kind.harm(house, random)
    except NotRecovered as error:
        return Outcome(kind.name, f"it never happened: {error}", None)
    began = time.monotonic()
    stored = house.stored()
    try:
        wait_until("a new snapshot", lambda: house.stored() > stored)
        wait_until("a whole tree", lambda: is_whole(house))
    except NotRecovered as error:
        return Outcome(kind.name, f"{detail}: {error}", None)
    return Outcome(kind.name, detail, time.monotonic() - began)


def _settle(house: House) -> None:
    """Let everything that is on its way arrive."""
    wait_until("the journal is empty", lambda: is_whole(house))


def _burden(house: House) -> tuple[int, float, int]:
    """File descriptors and memory (MB) of the worker, and how many processes there are."""
    (worker,) = house.workers()
    return worker.num_fds(), worker.memory_info().rss / 2**20, len(worker.children())


def _compare(first: tuple[int, float, int], last: tuple[int, float, int]) -> list[str]:
    complaints = []
    if last[0] > first[0] + DESCRIPTOR_SLACK:
        complaints.append(f"file descriptors rose from {first[0]} to {last[0]}")
    if last[1] > first[1] + MEMORY_SLACK_MB:
        complaints.append(f"memory rose from {first[1]:.0f} to {last[1]:.0f} MB")
    if last[2] > first[2]:
        complaints.append(f"child processes rose from {first[2]} to {last[2]}")
    return complaints


def _unexplained(report: Report) -> list[str]:
    """Only updates with a wrong clock may be set aside; everything else can be read and stored."""
    assert report.verdict is not None
    doubted = sum(DOUBTED.get(outcome.kind, 0) for outcome in report.outcomes)
    if report.verdict.set_aside <= doubted:
        return []
    return [f"{report.verdict.set_aside} snapshots are set aside, {doubted} may be"]


def table(report: Report) -> list[tuple[str, int, int, str, str]]:
    """By kind: how many, how many recovered, median and longest time to recover."""
    rows = []
    for name in sorted({outcome.kind for outcome in report.outcomes}):
        of_kind = [outcome for outcome in report.outcomes if outcome.kind == name]
        times = [o.recovered_s for o in of_kind if o.recovered_s is not None]
        median = f"{statistics.median(times):.2f}" if times else "-"
        rows.append((name, len(of_kind), len(times), median, f"{max(times, default=0):.2f}"))
    return rows
