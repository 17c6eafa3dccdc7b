"""What an actor hands to its successor helps it, and cannot make it fail for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gevent
import pytest
from gevent.event import Event

from vatwatch.supervision import (
    Actor,
    CrashHookFailed,
    HandOverDiscarded,
    State,
    Tree,
    worker,
)
from vatwatch.supervision.hand_over import HandOver

from .helpers import PATIENCE_S, Compute, Do, Fail, Hang, node, root, running

PERIOD_S = 1000.0


class Keeper(Actor):
    """Counts what it is told, hands the counts on, and cannot start with poison."""

    def __init__(self, poison_at: str = "start") -> None:
        super().__init__()
        self.counts: list[str] = []
        self.poison_at = poison_at

    def on_start(self) -> None:
        self.counts = self.inherited(list) or []
        if self.poison_at == "start":
            self.swallow()

    def hand_over(self) -> object:
        return [*self.counts]

    def on_receive(self, message: Any) -> Any:
        match message:
            case Fail(error):
                raise error
            case Hang(gate, reached):
                reached.set()
                gate.wait()
            case Do(fn) | Compute(fn):
                self.swallow()
                return fn(self)
        return None

    def swallow(self) -> None:
        if "poison" in self.counts:
            raise RuntimeError("poisoned")


def put(tree: Tree, text: str) -> None:
    tree.directory.address("k").tell(Do(lambda actor: actor.counts.append(text)))


def counts(tree: Tree) -> list[str]:
    question = Compute(lambda actor: [*actor.counts])
    return tree.directory.address("k").ask(question, timeout_s=PATIENCE_S)


def fail(tree: Tree, restarts: int) -> None:
    """Let it fail, and wait until it runs; it has been restarted so often by then."""
    tree.directory.address("k").tell(Fail(RuntimeError("bug")))
    until_restarted(tree, restarts)


def until_restarted(tree: Tree, times: int) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError(node(tree, "k"))):
        while (k := node(tree, "k")).restarts_total < times or k.state is not State.RUNNING:
            gevent.sleep(0.001)


def keeper(**options: Any) -> Any:
    return root(worker("k", Keeper, breaker=None, **options), intensity=50, period_s=PERIOD_S)


def test_successor_gets_the_hand_over() -> None:
    with running(keeper()) as (tree, _):
        assert counts(tree) == []
        put(tree, "one")
        fail(tree, 1)
        assert counts(tree) == ["one"]
        assert node(tree, "k").hand_overs_discarded == 0


def test_restart_by_order_hands_over_however_often() -> None:
    with running(keeper()) as (tree, notices):
        put(tree, "one")
        for times in range(1, 5):
            tree.restart("root/k")
            until_restarted(tree, times)
        assert counts(tree) == ["one"]
        assert notices.of(HandOverDiscarded) == []


def test_second_failure_in_a_row_throws_it_away_and_says_so() -> None:
    with running(keeper()) as (tree, notices):
        put(tree, "one")
        fail(tree, 1)
        tree.restart("root/k")  # an order in between makes it no better
        until_restarted(tree, 2)
        fail(tree, 3)
        assert counts(tree) == []
        assert notices.of(HandOverDiscarded) == [HandOverDiscarded("root/k")]
        assert node(tree, "k").hand_overs_discarded == 1
        put(tree, "two")
        fail(tree, 4)  # what began afresh is trusted as at first
        assert counts(tree) == ["two"]


@pytest.mark.parametrize("poison_at", ["start", "message"])
def test_second_restart_cures_whatever_is_wrong_with_it(poison_at: str) -> None:
    with running(keeper(poison_at=poison_at)) as (tree, _):
        put(tree, "poison")
        tree.directory.address("k").tell(Fail(RuntimeError("bug")))
        until_restarted(tree, 2 if poison_at == "start" else 1)
        put(tree, "after")  # at which the successor fails if it has not at its start
        until_restarted(tree, 2)
        assert "poison" not in counts(tree)
        assert node(tree, "k").failures == 2
        assert node(tree, "k").hand_overs_discarded == 1


def test_after_a_whole_period_it_is_trusted_again() -> None:
    now = [0.0]
    with running(keeper(), clock=lambda: now[0]) as (tree, _):
        put(tree, "one")
        for times in range(1, 4):
            fail(tree, times)
            assert counts(tree) == ["one"]
            now[0] += PERIOD_S
        now[0] -= 1
        fail(tree, 4)
        now[0] += PERIOD_S - 1
        fail(tree, 5)
        assert counts(tree) == []


def test_hung_actor_hands_over_too() -> None:
    spec = keeper(handler_deadline_s=0.05)
    with running(spec, hang_check_s=0.01) as (tree, _):
        put(tree, "one")
        tree.directory.address("k").tell(Hang())
        until_restarted(tree, 1)
        assert counts(tree) == ["one"]


def test_failing_hand_over_costs_the_state_and_nothing_else() -> None:
    class Clumsy(Keeper):
        def hand_over(self) -> object:
            raise OSError("cannot say")

    spec = root(worker("k", Clumsy, breaker=None), intensity=5)
    with running(spec) as (tree, notices):
        put(tree, "one")
        fail(tree, 1)
        assert counts(tree) == []
        assert notices.wait(CrashHookFailed).error_text == "cannot say"
        assert node(tree, "k").hand_overs_discarded == 1


def test_value_of_another_kind_is_a_failed_start_and_thrown_away() -> None:
    class Fickle(Keeper):
        def hand_over(self) -> object:
            return ("no", "list")

    spec = root(worker("k", Fickle, breaker=None), intensity=5)
    with running(spec) as (tree, _):
        tree.directory.address("k").tell(Fail(RuntimeError("bug")))
        until_restarted(tree, 2)
        failure = node(tree, "k").last_failure
        assert failure is not None
        assert failure.error_text == "root/k: tuple was handed over, no list"
        assert counts(tree) == []


def test_no_actor_is_asked_for_a_hand_over_when_the_tree_stops() -> None:
    asked: list[str] = []

    class Asked(Keeper):
        def hand_over(self) -> object:
            asked.append("asked")
            return None

    with running(root(worker("k", Asked, breaker=None))) as (tree, _):
        assert tree.stop(PATIENCE_S)
    assert asked == []


def test_actor_that_never_started_leaves_the_hand_over_of_its_predecessor() -> None:
    """It is stopped by order in the middle of its start."""
    reached, gate = Event(), Event()

    class Slow(Keeper):
        def on_start(self) -> None:
            super().on_start()
            if self.counts and not reached.is_set():
                reached.set()
                gate.wait()

    spec = root(worker("k", Slow, breaker=None, shutdown_s=0.01), name="inner", intensity=50)
    with running(root(spec, intensity=50)) as (tree, _):
        put(tree, "one")
        tree.restart("root/inner/k")
        assert reached.wait(PATIENCE_S)
        tree.restart("root/inner")
        until_restarted(tree, 2)
        assert counts(tree) == ["one"]


def test_counts_last_however_often_an_actor_fails() -> None:
    with running(keeper()) as (tree, _):
        count = Do(lambda actor: actor.lasting(list).append("one"))
        for restarts in range(1, 4):
            tree.directory.address("k").tell(count)
            fail(tree, restarts)
        question = Compute(lambda actor: actor.lasting(list))
        lasting = tree.directory.address("k").ask(question, timeout_s=PATIENCE_S)
        assert lasting == ["one", "one", "one"]


def test_hand_over_knows_nothing_but_who_failed() -> None:
    fresh = HandOver()
    once = fresh.left("state", failed=True, proven=False)
    assert once == HandOver("state", suspect=True)
    assert once.taken() == HandOver(None, suspect=True)
    assert once.taken().left("more", failed=True, proven=False) == HandOver()
    assert once.taken().left("more", failed=True, proven=True) == HandOver("more", suspect=True)
    assert once.taken().left("more", failed=False, proven=False) == HandOver("more", suspect=True)
    assert once.taken().left("more", failed=False, proven=True) == HandOver("more")
    assert fresh.left(None, failed=True, proven=False) == HandOver()


def test_second_restart_cures_a_supervisor_whose_state_is_spoilt() -> None:
    inner = root(worker("k", Keeper, breaker=None), name="inner", intensity=50)
    with running(root(inner, intensity=50, period_s=PERIOD_S)) as (tree, notices):
        nodes = {each.name: each for each in tree._root.walk()}
        supervisor: Any = nodes["inner"].incarnation.actor  # type: ignore[union-attr]
        supervisor._group = replace(supervisor._group, children=())
        fail(tree, 1)
        until_restarted(tree, 1)
        assert counts(tree) == []
        assert notices.of(HandOverDiscarded) == [HandOverDiscarded("root/inner")]
        assert node(tree, "inner").failures == 2
