"""A child that fails too often: its breaker, its trials, and what becomes of its siblings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import gevent
import pytest
from gevent.event import Event

from vatwatch.errors import ActorSuspended, SupervisionError
from vatwatch.supervision import (
    Backoff,
    BreakerChanged,
    BreakerPolicy,
    BreakerState,
    ChildStarted,
    ChildStopped,
    DeadLettered,
    Escalated,
    OnFailedMessage,
    State,
    Strategy,
    Tree,
    child_control,
)

from .helpers import (
    PATIENCE_S,
    Do,
    Echo,
    Fail,
    Hang,
    Note,
    Notices,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)

BUG = Fail(RuntimeError("bug"))
SOON = BreakerPolicy(timeout_s=0.05, max_timeout_s=0.05)
NEVER = BreakerPolicy(timeout_s=3600, max_timeout_s=3600)


def break_it(tree: Tree, notices: Notices, name: str = "a", intensity: int = 2) -> None:
    """Let a child fail once more than its supervisor's intensity allows."""
    path = node(tree, name).path
    for count in range(intensity + 1):
        tree.directory.address(name).tell(BUG)
        if count < intensity:
            notices.wait(ChildStarted, path, count=count + 2)
    wait_for(notices, path, BreakerState.OPEN)


def wait_for(notices: Notices, path: str, state: BreakerState) -> None:
    def changes() -> list[BreakerChanged]:
        return [n for n in notices.of(BreakerChanged) if n.name == path and n.after is state]

    count = 1
    while not changes():
        notices.wait(BreakerChanged, count=count)
        count += 1


def spec(log: list[str], *, breaker: BreakerPolicy, **options: Any) -> Any:
    strategy = options.pop("strategy", Strategy.ONE_FOR_ONE)
    return root(
        scribe("a", log, breaker=breaker, **options),
        scribe("b", log),
        intensity=2,
        strategy=strategy,
    )


def test_exceeding_the_intensity_opens_the_breaker_and_no_sibling_notices() -> None:
    log: list[str] = []
    with running(spec(log, breaker=NEVER)) as (tree, notices):
        break_it(tree, notices)
        assert node(tree, "a").state is State.SUSPENDED
        assert node(tree, "a").breaker.state is BreakerState.OPEN
        assert "over 2 failures" in node(tree, "a").breaker.last_failure
        assert not notices.of(Escalated)
        assert wait_until_handled(tree, "b")
        assert log.count("a started") == 3


def test_while_it_is_open_asks_fail_at_once_and_tells_are_dead_letters() -> None:
    with running(spec([], breaker=NEVER)) as (tree, notices):
        break_it(tree, notices)
        address = tree.directory.address("a")
        with pytest.raises(ActorSuspended) as refused:
            address.ask(Echo("there?"), timeout_s=PATIENCE_S)
        assert 3500 < refused.value.retry_in_s <= 3600
        with pytest.raises(ActorSuspended):
            address.probe(timeout_s=PATIENCE_S)
        address.tell(Note("there?"))
        # Before it come those that it failed at.
        letter = notices.wait(DeadLettered, "root/a", count=4)
        assert (letter.message, letter.reason) == (Note("there?"), "suspended")


def test_a_trial_that_succeeds_closes_it_and_what_was_queued_is_handled() -> None:
    log: list[str] = []
    with running(spec(log, breaker=SOON)) as (tree, notices):
        address = tree.directory.address("a")
        # All at once, so that the note is queued behind the failures.
        for _ in range(3):
            address.tell(BUG)
        address.tell(Note("waited"))
        wait_for(notices, "root/a", BreakerState.CLOSED)
        assert "a: waited" in log
        assert node(tree, "a").state is State.RUNNING
        assert wait_until_handled(tree, "a")


def test_a_trial_that_fails_opens_it_again() -> None:
    breaker = BreakerPolicy(timeout_s=0.05, max_timeout_s=3600)
    with running(spec([], breaker=breaker)) as (tree, notices):
        for _ in range(4):
            tree.directory.address("a").tell(BUG)
        notices.wait(BreakerChanged, count=3)
        assert [n.after for n in notices.of(BreakerChanged)] == [
            BreakerState.OPEN,
            BreakerState.HALF_OPEN,
            BreakerState.OPEN,
        ]
        assert node(tree, "a").breaker.timeout_s == pytest.approx(0.1)


def test_only_so_many_trial_messages_get_in() -> None:
    breaker = BreakerPolicy(timeout_s=0.05, max_timeout_s=0.05, half_open_trials=2)
    log: list[str] = []
    with running(spec(log, breaker=breaker)) as (tree, notices):
        break_it(tree, notices)
        notices.wait(ChildStarted, "root/a", count=4)
        address = tree.directory.address("a")
        hang = Hang()
        address.tell(hang)
        address.tell(Note("second trial"))
        address.tell(Note("one too many"))
        hang.gate.set()
        wait_for(notices, "root/a", BreakerState.CLOSED)
        wait_until_handled(tree, "a")
        letters = [dead.message for dead in notices.of(DeadLettered)]
        assert letters == [BUG, BUG, BUG, Note("one too many")]
        assert "a: second trial" in log


def test_a_trial_that_never_reports_has_failed_at_its_deadline() -> None:
    breaker = BreakerPolicy(timeout_s=0.05, max_timeout_s=3600, trial_deadline_s=0.2)
    options = {"handler_deadline_s": None}
    with running(spec([], breaker=breaker, **options), hang_check_s=0.02) as (tree, notices):
        break_it(tree, notices)
        notices.wait(ChildStarted, "root/a", count=4)
        tree.directory.address("a").tell(Hang())
        notices.wait(BreakerChanged, count=3)
        notices.wait(DeadLettered, "root/a", count=4)
        gevent.idle()
        assert node(tree, "a").state is State.SUSPENDED
        assert node(tree, "a").last_failure.reason == "hang"


def test_failing_to_start_opens_it_too() -> None:
    starts: list[int] = []

    def start(_actor: Any) -> None:
        starts.append(1)
        if 1 < len(starts) < 6:
            raise OSError("cannot start")

    tree_spec = root(scribe("a", [], start, breaker=SOON), intensity=2)
    with running(tree_spec) as (tree, notices):
        tree.directory.address("a").tell(BUG)
        wait_for(notices, "root/a", BreakerState.OPEN)
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")
        wait_for(notices, "root/a", BreakerState.CLOSED)


@pytest.mark.parametrize("strategy", [Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL])
def test_siblings_that_go_with_it_go_on_without_it(strategy: Strategy) -> None:
    log: list[str] = []
    with running(spec(log, breaker=NEVER, strategy=strategy)) as (tree, notices):
        break_it(tree, notices)
        notices.wait(ChildStarted, "root/b", count=4)
        assert wait_until_handled(tree, "b")
        assert node(tree, "a").state is State.SUSPENDED
        # Their own failure does not bring it back before its time.
        tree.directory.address("b").tell(BUG)
        notices.wait(ChildStarted, "root/b", count=5)
        assert node(tree, "a").state is State.SUSPENDED
    assert log[-1] == "b stopped"


def test_siblings_are_not_restarted_when_it_is_tried() -> None:
    log: list[str] = []
    with running(spec(log, breaker=SOON, strategy=Strategy.ONE_FOR_ALL)) as (tree, notices):
        break_it(tree, notices)
        notices.wait(ChildStarted, "root/a", count=4)
        starts = log.count("b started")
        assert wait_until_handled(tree, "a")
        wait_for(notices, "root/a", BreakerState.CLOSED)
        assert log.count("b started") == starts == 4


def test_a_message_that_fails_is_not_tried_without_end() -> None:
    with running(spec([], breaker=NEVER, on_failed_message=OnFailedMessage.RETRY)) as (
        tree,
        notices,
    ):
        tree.directory.address("a").tell(BUG)
        letter = notices.wait(DeadLettered, "root/a")
        assert (letter.message, letter.reason) == (BUG, "in hand")


def test_waiting_askers_and_senders_get_an_error() -> None:
    with running(spec([], breaker=NEVER, mailbox=4)) as (tree, _notices):
        address = tree.directory.address("a")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        for _ in range(3):
            address.tell(BUG)
        outcomes: list[type[Exception]] = []

        def ask() -> None:
            with pytest.raises(ActorSuspended) as refused:
                address.ask(Echo("waits"), timeout_s=PATIENCE_S)
            outcomes.append(refused.type)

        # The first finds room, the second waits for it.
        askers = [gevent.spawn(ask) for _ in range(2)]
        gevent.idle()
        hang.gate.set()
        gevent.joinall(askers, timeout=PATIENCE_S, raise_error=True)
        assert outcomes == [ActorSuspended] * 2
        assert node(tree, "a").state is State.SUSPENDED


def test_an_ordered_restart_closes_the_breaker() -> None:
    log: list[str] = []
    with running(spec(log, breaker=NEVER)) as (tree, notices):
        break_it(tree, notices)
        tree.restart("root/a")
        notices.wait(ChildStarted, "root/a", count=4)
        assert node(tree, "a").breaker.state is BreakerState.CLOSED
        assert wait_until_handled(tree, "a")


def test_an_ordered_restart_stops_in_order_and_takes_along_whom_the_strategy_says() -> None:
    log: list[str] = []
    with running(spec(log, breaker=NEVER, strategy=Strategy.REST_FOR_ONE)) as (tree, notices):
        log.clear()
        tree.restart("root/a")
        notices.wait(ChildStarted, "root/b", count=2)
        assert log == ["b stopped", "a stopped", "a started", "b started"]
        assert len(notices.of(ChildStopped)) == 2


@pytest.mark.parametrize("path", ["root", "root/nobody", ""])
def test_an_order_that_makes_no_sense_is_refused(path: str) -> None:
    with running(spec([], breaker=NEVER)) as (tree, _), pytest.raises(SupervisionError):
        tree.restart(path)


def test_a_restarted_supervisor_leaves_a_suspended_child_to_its_breaker() -> None:
    log: list[str] = []
    inner = root(scribe("a", log, breaker=NEVER), scribe("b", log), name="inner", intensity=2)
    with running(root(inner, backoff=Backoff.none())) as (tree, notices):
        break_it(tree, notices)
        tree.restart("root/inner")
        notices.wait(ChildStarted, "root/inner", count=2)
        assert wait_until_handled(tree, "b")
        assert node(tree, "a").state is State.SUSPENDED
        assert log.count("a started") == 3


def test_failures_far_apart_do_not_open_it() -> None:
    now = 0.0
    with running(spec([], breaker=NEVER), clock=lambda: now) as (tree, notices):
        for count in range(6):
            tree.directory.address("a").tell(BUG)
            notices.wait(ChildStarted, "root/a", count=count + 2)
            now += 40
        assert node(tree, "a").state is State.RUNNING


def test_a_probe_gets_past_a_full_mailbox_and_waits_for_the_message_in_hand() -> None:
    log: list[str] = []
    with running(spec(log, breaker=NEVER, mailbox=1)) as (tree, _notices):
        address = tree.directory.address("a")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        address.tell(Do(lambda actor: actor.log.append("handled after the probe")))
        info = node(tree, "a")
        assert info.handling == "Hang"
        assert info.mailbox.depth == info.mailbox.capacity == 1
        with pytest.raises(SupervisionError, match="no answer to a probe"):
            address.probe(timeout_s=0.01)
        hang.gate.set()
        assert address.probe(timeout_s=PATIENCE_S) is None


def test_child_that_does_not_die_is_suspended_and_comes_back_when_it_has_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[str] = []
    gate, reached = Event(), Event()

    def immortal(_actor: Any) -> None:
        reached.set()
        while not gate.is_set():
            with suppress(gevent.GreenletExit):
                gate.wait()

    monkeypatch.setattr(child_control, "_KILL_GRACE_S", 0.005)
    with running(spec(log, breaker=SOON, shutdown_s=0.001)) as (tree, notices):
        tree.directory.address("a").tell(Do(immortal))
        reached.wait(PATIENCE_S)
        tree.restart("root/a")
        wait_for(notices, "root/a", BreakerState.OPEN)
        assert wait_until_handled(tree, "b")
        assert log.count("b started") == 1
        assert log.count("a started") == 1
        gate.set()
        notices.wait(ChildStarted, "root/a", count=2)
        assert log.count("a started") == 2
