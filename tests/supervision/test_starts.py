"""When each node was started last, how long that took, and the lines about it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from tests.supervision.helpers import Fail, Scribe, node, root, running, scribe
from vatwatch.supervision import ChildStarted, Strategy, Tree, worker


class Clocks:
    """Of the tree, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=self.now_s)


def test_a_node_tells_when_it_had_started_and_how_long_that_took() -> None:
    clocks = Clocks()

    def start_slowly(_scribe: Scribe) -> None:
        clocks.now_s += 2.5

    spec = root(worker("slow", Scribe, [], start_slowly), scribe("quick", []))
    with running(spec, clock=clocks.monotonic, wall_clock=clocks.wall) as (tree, notices):
        slow, quick = node(tree, "slow"), node(tree, "quick")
        assert (slow.last_start_s, quick.last_start_s) == (2.5, 0.0)
        assert slow.last_start_at == quick.last_start_at == clocks.wall()
        # What is above has started when all below it has.
        assert tree.snapshot().last_start_s == 2.5

        clocks.now_s += 60
        tree.directory.address("slow").tell(Fail(RuntimeError("bug")))
        notices.wait(ChildStarted, "root/slow", 2)
        again = node(tree, "slow")
        assert again.last_start_at == clocks.wall()
        assert again.last_start_s == 2.5
        assert node(tree, "quick").last_start_at == quick.last_start_at


def test_what_has_not_started_yet_has_no_start_and_what_has_ended_keeps_its_last() -> None:
    spec = root(scribe("a", []))
    assert node(Tree(spec), "a").last_start_at is None
    assert node(Tree(spec), "a").last_start_s is None
    with running(spec) as (tree, _):
        pass
    assert node(tree, "a").last_start_at is not None


def test_the_log_tells_the_order_of_starts_and_stops(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vatwatch.supervision.child_control")
    spec = root(scribe("a", []), scribe("b", []), strategy=Strategy.REST_FOR_ONE)
    with running(spec):
        pass
    said = [record.getMessage().rpartition(" in ")[0] for record in caplog.records]
    assert said == ["root/a started", "root/b started", "root/b stopped", "root/a stopped"]
