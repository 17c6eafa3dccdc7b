"""The promise, on a short run: what was fetched is stored once, whatever is killed or broken."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.chaos.faults import KINDS, FaultKind
from tests.chaos.house import Scale
from tests.chaos.run import run

KILLS = (
    "kill -9 PostgreSQL",
    "kill -9 the worker",
    "kill -9 the master",
    "kill -9 service and database",
)
# One of each kind that a short run can have; `make chaos` has all of them, hundreds of times.
OTHERS = (
    "send odd input",
    "order restarts",
    "hang a watcher under load",
    "let file operations fail",
    "start right after a kill",
    "change the settings",
    "spoil the files of areas",
    "crash an actor",
    "crash it again and again",
    "kill -9 Redis",
    "spoil the feed",
    "cut connections",
    "refuse connections",
)


def of(name: str) -> FaultKind:
    return next(kind for kind in KINDS if kind.name == name)


@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    names = KILLS + OTHERS
    given = iter([of(name) for name in names])

    def next_kind(_random: Random) -> FaultKind:
        return next(given)

    report = run(
        tmp_path,
        faults=len(names),
        seed=11,
        scale=Scale(pilots=80, seed=11, speed=10),
        kinds=next_kind,
    )
    assert report.complaints == []
    assert [outcome for outcome in report.outcomes if outcome.recovered_s is None] == []
    assert report.verdict is not None
    assert report.verdict.fetched > 10
    assert report.verdict.lost == report.verdict.doubled == 0
    assert [f"{n} in {table}" for table, n in report.verdict.differing.items() if n.rows] == []
    assert report.holds
