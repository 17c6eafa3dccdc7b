"""Restarts that somebody orders, in whatever state the tree is."""

from __future__ import annotations

from typing import Any

import pytest
from gevent.event import Event

from vatwatch.supervision import (
    Backoff,
    BreakerPolicy,
    BreakerState,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    Escalated,
    Restart,
    State,
    Strategy,
    Tree,
)

from .helpers import (
    PATIENCE_S,
    Do,
    Fail,
    Hang,
    Notices,
    StopYourself,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)

BUG = Fail(RuntimeError("bug"))
# Nobody waits so long in a test: whoever comes back was started by the order.
LONG = Backoff(3600, 3600)
NEVER = BreakerPolicy(timeout_s=3600, max_timeout_s=3600)


def wait_for_backoff(tree: Tree, notices: Notices, name: str) -> None:
    """Let a child fail, so that it waits for its backoff."""
    path = node(tree, name).path
    tree.directory.address(name).tell(BUG)
    notices.wait(ChildRestarting, path)


@pytest.mark.parametrize("ordered", ["a", "b", "c"])
@pytest.mark.parametrize("failed", ["a", "b", "c"])
@pytest.mark.parametrize("strategy", [Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL])
def test_order_starts_all_that_wait_for_one_another(
    strategy: Strategy, failed: str, ordered: str
) -> None:
    log: list[str] = []
    spec = root(*(scribe(name, log) for name in "abc"), strategy=strategy, backoff=LONG)
    with running(spec, random=lambda: 1.0) as (tree, notices):
        wait_for_backoff(tree, notices, failed)
        log.clear()
        tree.restart(f"root/{ordered}")
        notices.wait(ChildStarted, "root/c", count=2)
        for name in "abc":
            assert wait_until_handled(tree, name)
        assert {info.state for info in tree.snapshot().walk()} == {State.RUNNING}
        starts = [line[0] for line in log if line.endswith("started")]
        assert starts == sorted(starts)


def test_order_for_one_leaves_the_backoff_of_another_to_itself() -> None:
    spec = root(scribe("a", []), scribe("b", []), backoff=LONG)
    with running(spec, random=lambda: 1.0) as (tree, notices):
        wait_for_backoff(tree, notices, "a")
        tree.restart("root/b")
        notices.wait(ChildStarted, "root/b", count=2)
        a = node(tree, "a")
        assert a.state is State.RESTARTING
        assert a.retry_in_s == pytest.approx(3600, abs=60)


def test_order_for_one_does_not_make_the_backoff_of_another_vanish() -> None:
    spec = root(scribe("a", []), scribe("b", []), backoff=Backoff(0.2, 0.2))
    with running(spec, random=lambda: 1.0) as (tree, notices):
        wait_for_backoff(tree, notices, "a")
        tree.restart("root/b")
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")
        assert wait_until_handled(tree, "b")


@pytest.mark.parametrize("strategy", list(Strategy))
def test_order_for_a_supervisor_that_waits_starts_it_with_its_children(
    strategy: Strategy,
) -> None:
    inner = root(scribe("a", []), scribe("b", []), name="data", intensity=0)
    spec = root(inner, scribe("c", []), strategy=strategy, backoff=LONG)
    with running(spec, random=lambda: 1.0) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildRestarting, "root/data")
        data = node(tree, "data")
        assert {info.state for info in data.walk()} == {State.RESTARTING}
        # Those below come back with it, and say so.
        assert all(info.retry_in_s == pytest.approx(3600, abs=60) for info in data.walk())
        tree.restart("root/data")
        notices.wait(ChildStarted, "root/data", count=2)
        for name in "abc":
            assert wait_until_handled(tree, name)


def test_order_is_carried_out_by_the_successor_of_a_supervisor_that_ends() -> None:
    log: list[str] = []
    stopping, gate = Event(), Event()

    def stop_slowly(actor: Any) -> None:
        stopping.set()
        gate.wait()

    inner = root(scribe("a", log, breaker=NEVER), scribe("b", log), name="data", intensity=0)
    with running(root(inner)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        while node(tree, "a").state is not State.SUSPENDED:
            wait_until_handled(tree, "b")
        tree.directory.address("b").tell(Do(stop_slowly))
        stopping.wait(PATIENCE_S)
        # In one turn: the order is given, and its supervisor is killed before it comes to it.
        nodes = {each.name: each for each in tree._root.walk()}
        tree.restart("root/data/a")
        nodes["data"].incarnation.kill("crash", RuntimeError("bug"))  # type: ignore[union-attr]
        gate.set()
        notices.wait(ChildStarted, "root/data", count=2)
        assert wait_until_handled(tree, "a")
        assert node(tree, "a").breaker.state is BreakerState.CLOSED


def test_order_during_an_escalation_disturbs_nothing() -> None:
    log: list[str] = []
    hang = Hang()
    inner = root(scribe("a", log), scribe("b", log), name="data", intensity=0)
    with running(root(inner)) as (tree, notices):
        tree.directory.address("b").tell(hang)
        hang.reached.wait(PATIENCE_S)
        tree.directory.address("a").tell(BUG)
        notices.wait(Escalated)
        tree.restart("root/data/a")
        tree.restart("root/data")
        hang.gate.set()
        notices.wait(ChildStarted, "root/data", count=2)
        assert wait_until_handled(tree, "a")
        assert wait_until_handled(tree, "b")


def test_order_while_the_child_starts_restarts_it_once_it_runs() -> None:
    log: list[str] = []
    reached, gate = Event(), Event()

    def slow(_actor: Any) -> None:
        if log:
            reached.set()
            gate.wait()

    with running(root(scribe("a", log, slow))) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        reached.wait(PATIENCE_S)
        assert node(tree, "a").state is State.STARTING
        tree.restart("root/a")
        gate.set()
        notices.wait(ChildStarted, "root/a", count=3)
        assert wait_until_handled(tree, "a")


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
def test_order_brings_a_child_back_that_had_finished(restart: Restart) -> None:
    log: list[str] = []
    with running(root(scribe("a", log, restart=restart))) as (tree, notices):
        tree.directory.address("a").tell(StopYourself())
        notices.wait(ChildStopped, "root/a")
        tree.restart("root/a")
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")


@pytest.mark.parametrize("strategy", list(Strategy))
def test_failed_trial_disturbs_no_sibling(strategy: Strategy) -> None:
    fails = False
    trials: list[int] = []

    def start(_actor: Any) -> None:
        if fails:
            trials.append(1)
            raise RuntimeError("still broken")

    breaker = BreakerPolicy(timeout_s=0.02, max_timeout_s=0.02)
    spec = root(
        scribe("a", []),
        scribe("b", [], start, breaker=breaker),
        scribe("c", []),
        strategy=strategy,
        intensity=2,
    )
    with running(spec) as (tree, notices):
        fails = True
        tree.directory.address("b").tell(BUG)
        while len(trials) < 4:
            wait_until_handled(tree, "a")
            wait_until_handled(tree, "c")
        before = {name: node(tree, name).restarts_total for name in "ac"}
        seen = len(trials)
        while len(trials) < seen + 5:
            wait_until_handled(tree, "a")
            wait_until_handled(tree, "c")
        assert {name: node(tree, name).restarts_total for name in "ac"} == before
        fails = False
        notices.wait(ChildStarted, "root/b", count=2)
        assert wait_until_handled(tree, "b")
        assert {name: node(tree, name).restarts_total for name in "ac"} == before
