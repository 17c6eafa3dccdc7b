"""Children that are wanted or not, on a real tree of real actors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent import get_hub
from gevent.event import Event

from vatwatch.errors import ActorOnStandby, StartFailed, SupervisionError
from vatwatch.supervision import (
    Backoff,
    BreakerPolicy,
    BreakerState,
    ChildFailed,
    ChildOnStandby,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    DeadLettered,
    State,
    Strategy,
    SupervisorSpec,
    Tree,
    worker,
)

from .helpers import (
    PATIENCE_S,
    Do,
    Echo,
    Fail,
    Hang,
    Note,
    Scribe,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)

BUG = Fail(RuntimeError("bug"))
NEVER = BreakerPolicy(timeout_s=3600, max_timeout_s=3600)


def wait_until(done: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError("it does not come to that")):
        while not done():
            gevent.sleep(0.001)


def states(tree: Tree) -> dict[str, State]:
    return {info.name: info.state for info in tree.snapshot().walk()}


@pytest.mark.parametrize("strategy", list(Strategy))
def test_child_on_standby_is_not_started_and_its_siblings_do_without_it(
    strategy: Strategy,
) -> None:
    log: list[str] = []
    spec = root(scribe("a", log, standby=True), scribe("b", log), strategy=strategy)
    assert Tree(spec).find("root/a").state is State.STANDBY  # type: ignore[union-attr]
    with running(spec) as (tree, notices):
        assert states(tree) == {
            "root": State.RUNNING,
            "a": State.STANDBY,
            "b": State.RUNNING,
        }
        tree.directory.address("b").tell(BUG)
        notices.wait(ChildStarted, "root/b", count=2)
        assert "a started" not in log
        tree.want("root/a", wanted=True)
        notices.wait(ChildStarted, "root/a")
        assert wait_until_handled(tree, "a")
        assert node(tree, "b").restarts_total == 1
    assert states(tree) == dict.fromkeys(["root", "a", "b"], State.STOPPED)


def test_supervisor_on_standby_has_all_below_down_and_starts_them_in_order() -> None:
    log: list[str] = []
    inner = root(scribe("a", log), scribe("b", log, standby=True), name="inner", standby=True)
    with running(root(inner, scribe("c", log))) as (tree, notices):
        assert states(tree) == {
            "root": State.RUNNING,
            "inner": State.STANDBY,
            "a": State.STANDBY,
            "b": State.STANDBY,
            "c": State.RUNNING,
        }
        log.clear()
        # Remembered, and in force when those above start.
        tree.want("root/inner/b", wanted=True)
        tree.want("root/inner", wanted=True)
        notices.wait(ChildStarted, "root/inner")
        assert log == ["a started", "b started"]
        tree.want("root/inner/a", wanted=False)
        tree.want("root/inner", wanted=False)
        wait_until(lambda: states(tree)["inner"] is State.STANDBY)
        assert sorted(log[2:]) == ["a stopped", "b stopped"]
        tree.want("root/inner", wanted=True)
        notices.wait(ChildStarted, "root/inner", count=2)
        assert states(tree)["a"] is State.STANDBY
        assert wait_until_handled(tree, "b")


def test_tells_to_one_on_standby_are_dropped_and_counted_and_asks_fail_at_once() -> None:
    with running(root(scribe("a", [], standby=True))) as (tree, notices):
        a = tree.directory.address("a")
        for _ in range(3):
            a.tell(Note("nobody is to hear this"))
        for public in (False, True):
            with pytest.raises(ActorOnStandby, match="root/a is on standby"):
                a.ask(Echo("you"), timeout_s=PATIENCE_S, public=public)
        with pytest.raises(ActorOnStandby):
            a.probe(timeout_s=PATIENCE_S)
        assert node(tree, "a").mailbox.dropped_on_standby == 3
        assert tree.observers.dead_letters == 0
        tree.want("root/a", wanted=True)
        notices.wait(ChildStarted, "root/a")
        assert wait_until_handled(tree, "a")
        assert not notices.of(DeadLettered)


@pytest.mark.parametrize("drains", [True, False])
def test_what_is_queued_is_handled_first_only_if_the_spec_drains_it(drains: bool) -> None:
    log: list[str] = []
    hang = Hang()
    with running(root(scribe("a", log, drain_on_stop=drains))) as (tree, notices):
        a = tree.directory.address("a")
        a.tell(hang)
        hang.reached.wait(PATIENCE_S)
        a.tell(Note("queued"))
        tree.want("root/a", wanted=False)
        wait_until(lambda: states(tree)["a"] is State.STOPPING)
        hang.gate.set()
        notices.wait(ChildOnStandby, "root/a")
        assert ("a: queued" in log) == drains
        letters = [(each.message, each.reason) for each in notices.of(DeadLettered)]
        assert letters == ([] if drains else [(Note("queued"), "stopped")])
        assert states(tree)["a"] is State.STANDBY
        assert log[-1] == "a stopped"


def test_one_that_hangs_while_it_is_stopped_is_killed_and_is_on_standby_then() -> None:
    hang = Hang()
    with running(root(scribe("a", [], shutdown_s=0.01))) as (tree, notices):
        tree.directory.address("a").tell(hang)
        hang.reached.wait(PATIENCE_S)
        tree.want("root/a", wanted=False)
        assert notices.wait(ChildStopped, "root/a").killed
        notices.wait(ChildOnStandby, "root/a")
        tree.want("root/a", wanted=True)
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")


def test_one_that_was_not_wanted_for_a_moment_is_stopped_and_starts_without_a_hand_over() -> None:
    class Heir(Scribe):
        def on_start(self) -> None:
            self.log.append(f"inherited {self.inherited(str)}")

        def hand_over(self) -> str:
            return "from before"

    log: list[str] = []
    with running(root(worker("a", Heir, log))) as (tree, notices):
        tree.restart("root/a")
        notices.wait(ChildStarted, "root/a", count=2)
        tree.want("root/a", wanted=False)
        tree.want("root/a", wanted=True)
        notices.wait(ChildStarted, "root/a", count=3)
        assert [line for line in log if line.startswith("inherited")] == [
            "inherited None",
            "inherited from before",
            "inherited None",
        ]


def test_one_that_is_suspended_is_tried_at_once_when_it_is_wanted_again() -> None:
    spec = root(scribe("a", [], breaker=NEVER), scribe("b", []), intensity=0)
    with running(spec) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        wait_until(lambda: states(tree)["a"] is State.SUSPENDED)
        tree.want("root/a", wanted=False)
        wait_until(lambda: states(tree)["a"] is State.STANDBY)
        assert node(tree, "a").breaker.state is BreakerState.CLOSED
        assert node(tree, "a").retry_in_s is None
        tree.want("root/a", wanted=True)
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")


def test_those_below_a_supervisor_that_is_wanted_again_have_their_breakers_closed() -> None:
    inner = root(scribe("a", [], breaker=NEVER), name="inner", intensity=0)
    with running(root(inner)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        wait_until(lambda: states(tree)["a"] is State.SUSPENDED)
        tree.want("root/inner", wanted=False)
        wait_until(lambda: states(tree)["inner"] is State.STANDBY)
        assert states(tree)["a"] is State.STANDBY
        tree.want("root/inner", wanted=True)
        notices.wait(ChildStarted, "root/inner", count=2)
        assert wait_until_handled(tree, "a")


def test_what_is_wanted_outlives_supervisors_and_another_declaration() -> None:
    def spec() -> SupervisorSpec:
        inner = root(scribe("a", []), scribe("b", [], standby=True), name="inner")
        return root(inner)

    with running(spec()) as (tree, notices):
        tree.want("root/inner/a", wanted=False)
        notices.wait(ChildOnStandby, "root/inner/a")
        tree.want("root/inner/b", wanted=True)
        notices.wait(ChildStarted, "root/inner/b")
        tree.use_spec(spec())
        nodes = {each.name: each for each in tree._root.walk()}
        for count in (2, 3, 4):
            # Also the second and third failure in a row, which lose what was handed over.
            nodes["inner"].incarnation.kill("crash", RuntimeError("bug"))  # type: ignore[union-attr]
            notices.wait(ChildStarted, "root/inner", count=count)
            assert states(tree)["a"] is State.STANDBY
            assert wait_until_handled(tree, "b")


def test_order_that_its_supervisor_does_not_get_to_is_carried_out_by_the_successor() -> None:
    inner = root(scribe("a", []), scribe("b", [], standby=True), name="inner")
    with running(root(inner)) as (tree, notices):
        nodes = {each.name: each for each in tree._root.walk()}
        # In one turn: the orders are given, and the supervisor is killed before it looks.
        tree.want("root/inner/a", wanted=False)
        tree.want("root/inner/b", wanted=True)
        nodes["inner"].incarnation.kill("crash", RuntimeError("bug"))  # type: ignore[union-attr]
        notices.wait(ChildStarted, "root/inner", count=2)
        assert states(tree)["a"] is State.STANDBY
        assert wait_until_handled(tree, "b")


@pytest.mark.parametrize("wanted", [True, False])
def test_order_is_taken_from_a_handler_and_in_the_hub(wanted: bool) -> None:
    spec = root(scribe("a", [], standby=wanted), scribe("b", []), scribe("c", [], standby=wanted))
    goal = State.RUNNING if wanted else State.STANDBY
    with running(spec) as (tree, _):
        tree.directory.address("b").tell(Do(lambda _actor: tree.want("root/a", wanted=wanted)))
        get_hub().loop.run_callback(lambda: tree.want("root/c", wanted=wanted))
        wait_until(lambda: states(tree)["a"] is states(tree)["c"] is goal)


def test_one_may_order_that_it_is_not_wanted_itself() -> None:
    with running(root(scribe("a", []))) as (tree, notices):
        tree.directory.address("a").tell(Do(lambda _actor: tree.want("root/a", wanted=False)))
        notices.wait(ChildOnStandby, "root/a")
        assert states(tree)["a"] is State.STANDBY
        assert not notices.of(ChildFailed)


def test_order_before_the_start_holds_at_the_start_and_one_during_the_stop_does_nothing() -> None:
    log: list[str] = []
    tree = Tree(root(scribe("a", log), scribe("b", log, standby=True), scribe("c", log)))
    tree.want("root/a", wanted=False)
    tree.want("root/b", wanted=True)
    tree.start()
    assert log == ["b started", "c started"]
    hang = Hang()
    tree.directory.address("c").tell(hang)
    hang.reached.wait(PATIENCE_S)
    stopping = gevent.spawn(tree.stop, PATIENCE_S)
    wait_until(lambda: states(tree)["c"] is State.STOPPING)
    tree.want("root/a", wanted=True)
    tree.want("root/b", wanted=False)
    hang.gate.set()
    assert stopping.get()
    tree.want("root/a", wanted=False)
    assert "a started" not in log
    assert set(states(tree).values()) == {State.STOPPED}


def test_supervisor_that_is_wanted_later_does_not_fail_because_a_child_does_not_start() -> None:
    """All or nothing holds for the very first start of the whole."""

    def refuse(_actor: Any) -> None:
        raise OSError("no disk")

    inner = root(scribe("a", [], refuse, breaker=NEVER), scribe("b", []), name="inner")
    with pytest.raises(StartFailed):
        Tree(root(inner)).start()
    inner = root(
        scribe("a", [], refuse, breaker=NEVER), scribe("b", []), name="inner", standby=True
    )
    with running(root(inner, intensity=0)) as (tree, notices):
        tree.want("root/inner", wanted=True)
        notices.wait(ChildStarted, "root/inner")
        wait_until(lambda: states(tree)["a"] is State.SUSPENDED)
        assert wait_until_handled(tree, "b")
        assert not [each for each in notices.of(ChildFailed) if each.path == "root/inner"]


def test_one_that_waits_for_its_backoff_is_on_standby_at_once() -> None:
    spec = root(
        scribe("a", []),
        scribe("b", []),
        strategy=Strategy.REST_FOR_ONE,
        backoff=Backoff(3600, 3600),
    )
    with running(spec, random=lambda: 1.0) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildRestarting, "root/a")
        tree.want("root/a", wanted=False)
        # The one that waited for it waits no longer.
        notices.wait(ChildStarted, "root/b", count=2)
        assert states(tree)["a"] is State.STANDBY
        tree.want("root/a", wanted=True)
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")


def test_order_while_it_starts_is_carried_out_once_it_runs() -> None:
    reached, gate = Event(), Event()

    def slow(_actor: Any) -> None:
        reached.set()
        gate.wait()

    with running(root(scribe("a", [], slow, standby=True))) as (tree, notices):
        tree.want("root/a", wanted=True)
        reached.wait(PATIENCE_S)
        tree.want("root/a", wanted=False)
        gate.set()
        notices.wait(ChildOnStandby, "root/a", count=2)
        assert states(tree)["a"] is State.STANDBY
        assert not notices.of(ChildFailed)


def test_restart_of_one_on_standby_is_refused_and_a_root_is_always_wanted() -> None:
    inner = root(scribe("a", []), name="inner", standby=True)
    with running(root(inner, scribe("b", []))) as (tree, _):
        for path in ("root/inner", "root/inner/a"):
            with pytest.raises(ActorOnStandby, match="root/inner is on standby"):
                tree.restart(path)
        tree.want("root/b", wanted=False)
        with pytest.raises(ActorOnStandby, match="root/b is on standby"):
            tree.restart("root/b")
        with pytest.raises(SupervisionError, match="there is no node root/nobody"):
            tree.want("root/nobody", wanted=True)
        with pytest.raises(SupervisionError, match="root is the root"):
            tree.want("root", wanted=False)
    with pytest.raises(ValueError, match="the root is always wanted"):
        Tree(root(standby=True))
