from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event

from vatwatch.supervision import (
    Backoff,
    ChildFailed,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    DeadLettered,
    Escalated,
    MailboxOnFailure,
    OnFailedMessage,
    Restart,
    State,
    Strategy,
    child_control,
    worker,
)

from .helpers import (
    PATIENCE_S,
    Compute,
    Do,
    Fail,
    FailOnce,
    Hang,
    Note,
    Scribe,
    StopYourself,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)

BUG = Fail(RuntimeError("bug"))


def crash(tree: Any, notices: Any, name: str, count: int = 2) -> None:
    """Crash a child and wait until it runs again."""
    tree.directory.address(name).tell(BUG)
    path = node(tree, name).path
    notices.wait(ChildStarted, path, count=count)


# -- strategies

AFTER_B = {
    Strategy.ONE_FOR_ONE: ["b started"],
    Strategy.REST_FOR_ONE: ["c stopped", "b started", "c started"],
    Strategy.ONE_FOR_ALL: ["c stopped", "a stopped", "a started", "b started", "c started"],
}


@pytest.mark.parametrize("strategy", list(Strategy))
def test_failure_concerns_whom_the_strategy_says(strategy: Strategy) -> None:
    log: list[str] = []
    children = [scribe(name, log) for name in "abc"]
    with running(root(*children, strategy=strategy)) as (tree, notices):
        assert log == ["a started", "b started", "c started"]
        log.clear()
        crash(tree, notices, "b")
        for name in "abc":
            wait_until_handled(tree, name)
        assert log == ["b crashed: RuntimeError Fail", *AFTER_B[strategy]]
        log.clear()
    assert log == ["c stopped", "b stopped", "a stopped"]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_sibling_started_before_is_untouched_by_rest_for_one(strategy: Strategy) -> None:
    with running(root(scribe("a", []), scribe("b", []), strategy=strategy)) as (tree, notices):
        crash(tree, notices, "b")
        wait_until_handled(tree, "a")
        restarts = {name: node(tree, name).restarts_total for name in "ab"}
        assert restarts == {"a": int(strategy is Strategy.ONE_FOR_ALL), "b": 1}


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_temporary_sibling_is_stopped_and_stays_so(strategy: Strategy) -> None:
    log: list[str] = []
    spec = root(scribe("a", log), scribe("b", log, restart=Restart.TEMPORARY), strategy=strategy)
    with running(spec) as (tree, notices):
        crash(tree, notices, "a")
        assert "b stopped" in log
        assert log.count("b started") == 1
        assert node(tree, "b").state is State.STOPPED


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_transient_sibling_that_had_finished_is_started_again_with_the_group(
    strategy: Strategy,
) -> None:
    log: list[str] = []
    spec = root(scribe("a", log), scribe("b", log, restart=Restart.TRANSIENT), strategy=strategy)
    with running(spec) as (tree, notices):
        tree.directory.address("b").tell(StopYourself())
        notices.wait(ChildStopped, "root/b")
        crash(tree, notices, "a")
        notices.wait(ChildStarted, "root/b", count=2)
        assert wait_until_handled(tree, "b")


def test_siblings_keep_what_is_queued_while_they_are_restarted() -> None:
    log: list[str] = []
    hang = Hang()
    spec = root(scribe("a", log), scribe("b", log), strategy=Strategy.ONE_FOR_ALL)
    with running(spec) as (tree, notices):
        b = tree.directory.address("b")
        b.tell(hang)
        hang.reached.wait(PATIENCE_S)
        b.tell(Note("kept"))
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildFailed)
        hang.gate.set()
        wait_until_handled(tree, "b")
        assert log[-1] == "b: kept"
        assert "b let go" in log
        assert not [dead for dead in notices.of(DeadLettered) if dead.path == "root/b"]


# -- restart types


@pytest.mark.parametrize(
    ("restart", "message", "comes_back"),
    [
        (Restart.PERMANENT, BUG, True),
        (Restart.PERMANENT, StopYourself(), True),
        (Restart.TRANSIENT, BUG, True),
        (Restart.TRANSIENT, StopYourself(), False),
        (Restart.TEMPORARY, BUG, False),
        (Restart.TEMPORARY, StopYourself(), False),
    ],
)
def test_who_comes_back(restart: Restart, message: Any, comes_back: bool) -> None:
    log: list[str] = []
    with running(root(scribe("a", log, restart=restart))) as (tree, notices):
        tree.directory.address("a").tell(message)
        if comes_back:
            notices.wait(ChildStarted, "root/a", count=2)
            assert node(tree, "a").restarts_total == 1
        elif message is BUG:
            notices.wait(ChildFailed)
            assert node(tree, "a").state is State.FAILED
        else:
            notices.wait(ChildStopped)
            assert node(tree, "a").state is State.STOPPED
            assert not notices.of(ChildFailed)
        assert log.count("a started") == 1 + comes_back


def test_permanent_child_that_stops_by_itself_is_reported_as_an_exit() -> None:
    with running(root(scribe("a", []))) as (tree, notices):
        tree.directory.address("a").tell(StopYourself())
        failed = notices.wait(ChildFailed)
        assert (failed.reason, failed.error_type) == ("exit", "")
        notices.wait(ChildStarted, "root/a", count=2)


@pytest.mark.parametrize("finishes", [True, False])
def test_child_that_finishes_handles_what_is_queued_before_it_stops(finishes: bool) -> None:
    log: list[str] = []
    hang = Hang()
    with running(root(scribe("a", log, drain_on_stop=finishes))) as (tree, _):
        address = tree.directory.address("a")
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        for number in range(3):
            address.tell(Note(str(number)))
        gevent.spawn_later(0.05, hang.gate.set)
        tree.stop(PATIENCE_S)
    handled = ["a: 0", "a: 1", "a: 2"] if finishes else []
    assert log == ["a started", "a let go", *handled, "a stopped"]


def test_order_to_stop_is_not_left_to_the_successor() -> None:
    log: list[str] = []
    with running(root(scribe("a", log))) as (tree, notices):
        tree.directory.address("a").tell(Do(lambda actor: (actor.stop(), actor.stop())))
        notices.wait(ChildStarted, "root/a", count=2)
        wait_until_handled(tree, "a")
        assert log == ["a started", "a stopped", "a started"]


def test_on_stop_that_raises_is_a_crash() -> None:
    class Sticky(Scribe):
        def on_stop(self) -> None:
            raise OSError("cannot let go")

    with running(root(worker("a", Sticky, [], restart=Restart.TRANSIENT))) as (tree, notices):
        tree.directory.address("a").tell(StopYourself())
        failed = notices.wait(ChildFailed)
        assert (failed.reason, failed.error_type) == ("crash", "OSError")
        notices.wait(ChildStarted, "root/a", count=2)


# -- message in hand, backlog


def test_retried_message_is_the_first_that_the_successor_gets() -> None:
    log: list[str] = []
    with running(root(scribe("a", log, on_failed_message=OnFailedMessage.RETRY))) as (
        tree,
        notices,
    ):
        a = tree.directory.address("a")
        a.tell(FailOnce("second try"))
        a.tell(Note("behind it"))
        wait_until_handled(tree, "a")
        assert log[-2:] == ["a: second try", "a: behind it"]
        assert not notices.of(DeadLettered)


def test_poisonous_message_becomes_a_dead_letter_when_the_supervisor_gives_up() -> None:
    log: list[str] = []
    inner = root(
        scribe("a", log, on_failed_message=OnFailedMessage.RETRY), name="data", intensity=2
    )
    with running(root(inner)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        dead = notices.wait(DeadLettered)
        assert (dead.message, dead.reason) == (BUG, "in hand")
        assert wait_until_handled(tree, "a")
        assert len(notices.of(Escalated)) == 1
        assert log.count("a crashed: RuntimeError Fail") == 3


def test_backlog_becomes_dead_letters_if_the_child_spec_says_so() -> None:
    log: list[str] = []
    hang = Hang()
    with running(root(scribe("a", log, mailbox_on_failure=MailboxOnFailure.DEAD_LETTER))) as (
        tree,
        notices,
    ):
        a = tree.directory.address("a")
        a.tell(hang)
        a.tell(BUG)
        a.tell(Note("lost"))
        hang.gate.set()
        notices.wait(ChildStarted, "root/a", count=2)
        wait_until_handled(tree, "a")
        assert [(dead.message, dead.reason) for dead in notices.of(DeadLettered)] == [
            (Note("lost"), "backlog"),
            (BUG, "in hand"),
        ]
        assert "a: lost" not in log


def test_no_message_is_lost_or_doubled_over_many_crashes() -> None:
    log: list[str] = []
    with running(root(scribe("a", log), intensity=1000)) as (tree, notices):
        a = tree.directory.address("a")
        for number in range(500):
            a.tell(Note(str(number)))
            if number % 10 == 0:
                a.tell(BUG)
        wait_until_handled(tree, "a")
        assert [line for line in log if line.startswith("a: ")] == [f"a: {n}" for n in range(500)]
        assert len(notices.of(ChildFailed)) == 50


# -- intensity, backoff, escalation


def test_one_failure_too_many_escalates_and_the_parent_restarts_the_supervisor() -> None:
    log: list[str] = []
    inner = root(scribe("a", log), scribe("b", log), name="data", intensity=2)
    with running(root(inner, scribe("c", log))) as (tree, notices):
        a = tree.directory.address("a")
        for _ in range(3):
            a.tell(BUG)
        escalated = notices.wait(Escalated)
        assert (escalated.path, escalated.intensity) == ("root/data", 2)
        failed = notices.wait(ChildFailed, "root/data")
        assert failed.error_type == "SupervisionError"
        # The address is still good.
        assert wait_until_handled(tree, "a")
        assert wait_until_handled(tree, "b")
        assert log.count("b stopped") == 1
        assert log.count("b started") == 2
        assert log.count("c started") == 1
        assert node(tree, "data").restarts_total == 1


def test_escalation_follows_the_parents_strategy() -> None:
    log: list[str] = []
    inner = root(scribe("a", log), name="data", intensity=0)
    with running(root(inner, scribe("c", log), strategy=Strategy.REST_FOR_ONE)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildStarted, "root/c", count=2)
        assert log == [
            "a started",
            "c started",
            "a crashed: RuntimeError Fail",
            "c stopped",
            "a started",
            "c started",
        ]


def test_failures_of_all_children_count_together() -> None:
    inner = root(scribe("a", []), scribe("b", []), name="data", intensity=1)
    with running(root(inner)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildStarted, "root/data/a", count=2)
        tree.directory.address("b").tell(BUG)
        notices.wait(Escalated)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_far_apart_do_not_add_up_and_reset_the_backoff() -> None:
    clock = Clock()
    spec = root(scribe("a", []), intensity=1, period_s=10)
    with running(spec, clock=clock) as (tree, notices):
        for count in range(2, 6):
            crash(tree, notices, "a", count)
            clock.now += 11
        assert [each.attempt for each in notices.of(ChildRestarting)] == [0, 0, 0, 0]
        assert not tree.failed.is_set()


def test_delays_grow_while_failures_follow_each_other() -> None:
    spec = root(scribe("a", []), backoff=Backoff(0.001, 0.003))
    with running(spec, random=lambda: 1.0) as (tree, notices):
        for count in (2, 3, 4):
            crash(tree, notices, "a", count)
        assert [(each.attempt, each.delay_s) for each in notices.of(ChildRestarting)] == [
            (0, 0.001),
            (1, 0.002),
            (2, 0.003),
        ]


def test_supervisor_looks_after_others_and_stops_while_one_waits_for_its_backoff() -> None:
    draws = iter([1.0, 0.0])
    spec = root(scribe("a", []), scribe("b", []), backoff=Backoff(1000, 1000))
    with running(spec, random=lambda: next(draws)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildRestarting, "root/a")
        crash(tree, notices, "b")
        assert node(tree, "a").state is State.RESTARTING
        tree.directory.address("a").tell(Note("queued"))
        assert tree.stop(PATIENCE_S)
        assert [dead.message for dead in notices.of(DeadLettered)][-1] == Note("queued")


def test_failure_during_a_groups_backoff_restarts_the_larger_group_once() -> None:
    log: list[str] = []
    draws = iter([1.0, 0.0])
    children = [scribe(name, log) for name in "abc"]
    spec = root(*children, strategy=Strategy.REST_FOR_ONE, backoff=Backoff(1000, 1000))
    with running(spec, random=lambda: next(draws)) as (tree, notices):
        tree.directory.address("c").tell(BUG)
        notices.wait(ChildRestarting, "root/c")
        tree.directory.address("b").tell(BUG)
        notices.wait(ChildStarted, "root/c", count=2)
        assert log[3:] == [
            "c crashed: RuntimeError Fail",
            "b crashed: RuntimeError Fail",
            "b started",
            "c started",
        ]


def test_failures_of_two_at_once_restart_the_larger_group_once() -> None:
    log: list[str] = []
    children = [scribe(name, log) for name in "abc"]
    with running(root(*children, strategy=Strategy.REST_FOR_ONE)) as (tree, notices):
        tree.directory.address("c").tell(BUG)
        tree.directory.address("b").tell(BUG)
        notices.wait(ChildStarted, "root/b", count=2)
        notices.wait(ChildStarted, "root/c", count=2)
        wait_until_handled(tree, "c")
        assert log[5:] == ["b started", "c started"]


def test_backoffs_of_one_for_one_are_each_childs_own() -> None:
    draws = iter([0.001, 1.0])
    spec = root(scribe("a", []), scribe("b", []), backoff=Backoff(50, 50))
    with running(spec, random=lambda: next(draws)) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        tree.directory.address("b").tell(BUG)
        notices.wait(ChildRestarting, "root/b")
        notices.wait(ChildStarted, "root/a", count=2)
        assert node(tree, "b").state is State.RESTARTING


def test_child_that_fails_to_restart_is_tried_again_and_counted() -> None:
    log: list[str] = []
    tries: list[int] = []

    def fails_twice(_actor: Scribe) -> None:
        tries.append(1)
        if len(tries) in (2, 3):
            raise OSError("not yet")

    with running(root(scribe("a", log, fails_twice))) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildStarted, "root/a", count=2)
        assert [each.reason for each in notices.of(ChildFailed)] == ["crash", "start", "start"]
        assert [each.attempt for each in notices.of(ChildRestarting)] == [0, 1, 2]
        assert "a crashed: OSError NoneType" in log


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.REST_FOR_ONE, ["a started", "b started", "c started"]),
        (Strategy.ONE_FOR_ALL, ["a started", "a stopped", "a started", "b started", "c started"]),
    ],
)
def test_group_whose_member_fails_to_restart(strategy: Strategy, expected: list[str]) -> None:
    log: list[str] = []
    tries: list[int] = []

    def fails_at_restart(_actor: Scribe) -> None:
        tries.append(1)
        if len(tries) == 2:
            raise OSError("not yet")

    children = [scribe("a", log), scribe("b", log, fails_at_restart), scribe("c", log)]
    with running(root(*children, strategy=strategy)) as (tree, notices):
        log.clear()
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildStarted, "root/c", count=2)
        wait_until_handled(tree, "c")
        tail = [line for line in log if "crashed" not in line]
        assert tail == ["c stopped", "b stopped", *expected]


def test_constructor_that_raises_is_a_failure_to_start() -> None:
    made: list[int] = []

    class Fragile(Scribe):
        def __init__(self, log: list[str]) -> None:
            super().__init__(log)
            made.append(1)
            if len(made) == 2:
                raise ValueError("fragile")

    with running(root(worker("a", Fragile, []))) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildStarted, "root/a", count=2)
        assert [each.error_type for each in notices.of(ChildFailed)] == [
            "RuntimeError",
            "ValueError",
        ]


# -- hangs


def test_hung_handler_is_reported_killed_and_the_actor_restarted() -> None:
    log: list[str] = []
    hang = Hang()
    spec = root(scribe("a", log, handler_deadline_s=0.01))
    with running(spec, hang_check_s=0.005) as (tree, notices):
        a = tree.directory.address("a")
        a.tell(hang)
        a.tell(Note("behind it"))
        failed = notices.wait(ChildFailed)
        assert (failed.reason, failed.message_type) == ("hang", "Hang")
        assert "gate.wait()" in failed.traceback
        wait_until_handled(tree, "a")
        assert log[-1] == "a: behind it"
        assert notices.wait(DeadLettered).message is hang


def test_kill_that_a_handler_catches_is_repeated() -> None:
    kills: list[int] = []

    def stubborn(_actor: Scribe) -> None:
        while len(kills) < 3:
            try:
                Event().wait()
            except gevent.GreenletExit:
                kills.append(1)

    spec = root(scribe("a", [], handler_deadline_s=0.01))
    with running(spec, hang_check_s=0.005) as (tree, notices):
        tree.directory.address("a").tell(Do(stubborn))
        failed = notices.wait(ChildFailed)
        assert (failed.reason, len(kills)) == ("hang", 3)
        assert wait_until_handled(tree, "a")


def test_handler_that_says_so_may_take_longer() -> None:
    log: list[str] = []
    spec = root(scribe("a", log, handler_deadline_s=0.05))
    with running(spec, hang_check_s=0.01) as (tree, notices):

        def take_longer(actor: Any) -> None:
            actor.take_longer(PATIENCE_S)
            gevent.sleep(0.15)

        tree.directory.address("a").tell(Do(take_longer))
        tree.directory.address("a").tell(Hang())
        notices.wait(ChildStarted, "root/a", count=2)
        failed = notices.of(ChildFailed)
        assert [(n.reason, n.message_type) for n in failed] == [("hang", "Hang")]


def test_waiting_actor_does_not_hang() -> None:
    clock = Clock()
    with running(root(scribe("a", [])), clock=clock, hang_check_s=0.001) as (tree, notices):
        wait_until_handled(tree, "a")
        clock.now += 1e6
        checked = Event()
        tree.directory.address("a").ask(
            Compute(lambda actor: actor.after(0.01, Do(lambda _actor: checked.set())) and None),
            timeout_s=PATIENCE_S,
        )
        assert checked.wait(PATIENCE_S)
        assert not notices.of(ChildFailed)


def test_hang_is_found_while_the_supervisor_waits_for_another_child_to_start() -> None:
    log: list[str] = []
    gate, second = Event(), Event()

    def waits_at_restart(_actor: Scribe) -> None:
        if "a started" in log:
            second.set()
            gate.wait()

    spec = root(scribe("a", log, waits_at_restart), scribe("b", log, handler_deadline_s=0.01))
    with running(spec, hang_check_s=0.005) as (tree, _notices):
        tree.directory.address("a").tell(BUG)
        second.wait(PATIENCE_S)
        crashed = Event()
        tree.directory.address("b").tell(Do(lambda actor: actor.spawn(_set_when_killed, crashed)))
        tree.directory.address("b").tell(Hang())
        assert crashed.wait(PATIENCE_S)
        gate.set()


def _set_when_killed(event: Event) -> None:
    try:
        Event().wait()
    finally:
        event.set()


def test_start_that_takes_too_long_is_a_failure_to_start() -> None:
    starts: list[int] = []

    def hangs_at_restart(_actor: Scribe) -> None:
        starts.append(1)
        if len(starts) == 2:
            Event().wait()

    with running(root(scribe("a", [], hangs_at_restart, start_s=0.01))) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        notices.wait(ChildStarted, "root/a", count=2)
        failed = notices.wait(ChildFailed, count=2)
        assert (failed.reason, failed.error_type) == ("start", "StartFailed")


# -- a supervisor that is killed


def greenlet_of_supervisor(tree: Any, name: str) -> Any:
    nodes = {each.name: each for each in tree._root.walk()}
    return nodes[name].incarnation.greenlet


def test_killed_supervisor_takes_its_children_along_and_all_come_back() -> None:
    log: list[str] = []
    hang = Hang()
    inner = root(
        scribe("a", log), scribe("b", log, on_failed_message=OnFailedMessage.RETRY), name="data"
    )
    with running(root(inner)) as (tree, notices):
        b = tree.directory.address("b")
        b.tell(hang)
        hang.reached.wait(PATIENCE_S)
        b.tell(Note("kept"))
        greenlet_of_supervisor(tree, "data").kill()
        notices.wait(ChildStarted, "root/data", count=2)
        hang.gate.set()
        wait_until_handled(tree, "b")
        assert log[-2:] == ["b let go", "b: kept"]
        assert log.count("a started") == 2


def test_successor_waits_until_its_predecessor_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    # It goes on because the predecessor is dead, not because the time is up.
    monkeypatch.setattr(child_control, "_KILL_GRACE_S", 1000)
    log: list[str] = []
    dying, gate = Event(), Event()

    class DiesSlowly(Scribe):
        def on_crash(self, error: BaseException, in_hand: object | None) -> None:
            dying.set()
            gate.wait()
            log.append("dead")

    inner = root(worker("a", DiesSlowly, log), name="data")
    with running(root(inner)) as (tree, notices):
        greenlet_of_supervisor(tree, "data").kill()
        assert dying.wait(PATIENCE_S)
        notices.wait(ChildRestarting, "root/data")
        gevent.idle()
        assert log == ["a started"]
        gate.set()
        notices.wait(ChildStarted, "root/data", count=2)
        assert log == ["a started", "dead", "a started"]


def test_child_that_does_not_die_never_gets_a_second_next_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[str] = []
    gate, reached = Event(), Event()

    def immortal(_actor: Scribe) -> None:
        reached.set()
        while not gate.is_set():
            try:
                gate.wait()
            except gevent.GreenletExit:
                log.append("no")

    monkeypatch.setattr(child_control, "_KILL_GRACE_S", 0.005)
    spec = root(
        scribe("a", log),
        scribe("b", log, shutdown_s=0.001),
        strategy=Strategy.ONE_FOR_ALL,
        intensity=1,
    )
    with running(spec) as (tree, notices):
        tree.directory.address("b").tell(Do(immortal))
        reached.wait(PATIENCE_S)
        tree.directory.address("a").tell(BUG)
        assert tree.wait_exhausted(PATIENCE_S)
        assert log.count("b started") == 1
        texts = [each.error_text for each in notices.of(ChildFailed) if each.path == "root/b"]
        assert "killed, and does not die" in texts
        gate.set()
        gevent.idle()


def test_stop_of_a_sibling_group_reaches_below_a_supervisor_in_reverse() -> None:
    log: list[str] = []
    inner = root(scribe("b", log), scribe("c", log), name="data")
    with running(root(scribe("a", log), inner, strategy=Strategy.REST_FOR_ONE)) as (tree, notices):
        log.clear()
        crash(tree, notices, "a")
        notices.wait(ChildStarted, "root/data", count=2)
        assert log[1:] == ["c stopped", "b stopped", "a started", "b started", "c started"]
        assert wait_until_handled(tree, "c")
