"""Clients of several workers get what they ask for, and nothing is lost, whoever is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.workers import run

# One of each kind that a short run can have; `make chaos` has all of them for ten minutes.
HARMS = (
    "kill -9 the collector",
    "stop one for a while",
    "kill -9 a worker",
    "kill -9 the collector",
    "end one in order",
    "kill -9 two at once",
)


@pytest.mark.timeout(900)
def test_clients_are_served_and_nothing_is_lost_whoever_is_killed(tmp_path: Path) -> None:
    report = run(
        tmp_path,
        seconds=600,
        seed=5,
        pilots=30,
        clients=6,
        kinds=HARMS,
        most_pause_s=4,
    )
    assert report.judge.faults == []
    assert report.complaints == []
    assert report.harms.total() == len(HARMS)
    assert report.judge.answers["200"] > 50
    # The one at the start, and another one for each that was lost.
    assert report.collectors >= 3
    assert report.verdict is not None
    assert report.verdict.fetched > 10
    assert report.verdict.lost == report.verdict.doubled == 0
    assert [f"{n} in {table}" for table, n in report.verdict.differing.items() if n.rows] == []
    assert report.holds
