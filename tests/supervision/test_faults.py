"""Fault injection: each kind does what it says, to whom it says, as often as it says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from gevent.event import Event

from vatwatch.errors import ActorUnavailable
from vatwatch.supervision import (
    BreakerPolicy,
    ChildFailed,
    ChildStarted,
    DeadLettered,
    Fault,
    FaultKind,
    Tell,
)
from vatwatch.supervision.faults import corrupted

from .helpers import PATIENCE_S, Do, Echo, Note, node, root, running, scribe, wait_until_handled


@dataclass(frozen=True, slots=True)
class Bytes(Tell):
    number: int
    data: bytes


def test_a_crash_applies_to_the_ordered_messages_and_no_others() -> None:
    log: list[str] = []
    with running(root(scribe("a", log), scribe("b", log))) as (tree, notices):
        tree.faults.inject(Fault(FaultKind.CRASH, "a", count=2, skip=1))
        for text in ("first", "second", "third", "fourth"):
            tree.directory.address("a").tell(Note(text))
            tree.directory.address("b").tell(Note(text))
        notices.wait(ChildStarted, "root/a", count=3)
        wait_until_handled(tree, "a")
        wait_until_handled(tree, "b")
        assert [line for line in log if line.startswith("a: ")] == ["a: first", "a: fourth"]
        assert len([line for line in log if line.startswith("b: ")]) == 4
        assert {n.error_type for n in notices.of(ChildFailed)} == {"InjectedFault"}
        assert tree.faults.active() == ()
        assert tree.faults.injected == 2


def test_a_crash_while_answering_costs_the_actor_not_only_the_asker() -> None:
    with running(root(scribe("a", []))) as (tree, notices):
        tree.faults.inject(Fault(FaultKind.CRASH, "a"))
        with pytest.raises(ActorUnavailable):
            tree.directory.address("a").ask(Echo("there?"), timeout_s=PATIENCE_S)
        notices.wait(ChildStarted, "root/a", count=2)


def test_a_hang_without_end_is_found_and_the_actor_restarted() -> None:
    spec = root(scribe("a", [], handler_deadline_s=0.05))
    with running(spec, hang_check_s=0.01) as (tree, notices):
        tree.faults.inject(Fault(FaultKind.HANG, "a"))
        tree.directory.address("a").tell(Note("hangs"))
        failed = notices.wait(ChildFailed, "root/a")
        assert (failed.reason, failed.message_type) == ("hang", "Note")
        notices.wait(ChildStarted, "root/a", count=2)
        assert wait_until_handled(tree, "a")


def test_a_slow_message_is_handled_all_the_same() -> None:
    log: list[str] = []
    with running(root(scribe("a", log))) as (tree, _):
        tree.faults.inject(Fault(FaultKind.SLOW, "a", seconds=0.05))
        tree.directory.address("a").tell(Note("late"))
        wait_until_handled(tree, "a")
        assert "a: late" in log
        assert node(tree, "a").latency.max_s >= 0.05


def test_a_dropped_message_is_a_dead_letter_and_a_dropped_ask_an_error() -> None:
    log: list[str] = []
    with running(root(scribe("a", log))) as (tree, notices):
        tree.faults.inject(Fault(FaultKind.DROP, "a", count=2))
        tree.directory.address("a").tell(Note("lost"))
        with pytest.raises(ActorUnavailable):
            tree.directory.address("a").ask(Echo("lost"), timeout_s=PATIENCE_S)
        letter = notices.wait(DeadLettered, "root/a")
        assert (letter.message, letter.reason) == (Note("lost"), "injected")
        assert wait_until_handled(tree, "a")
        assert log == ["a started"]


def test_message_of_a_timer_is_never_dropped() -> None:
    log: list[str] = []
    due = Event()
    with running(root(scribe("a", log))) as (tree, _):
        tree.directory.address("a").tell(
            Do(lambda actor: actor.after(0.01, Do(lambda _actor: due.set())))
        )
        wait_until_handled(tree, "a")
        tree.faults.inject(Fault(FaultKind.DROP, "a", count=2))
        assert due.wait(PATIENCE_S)
        tree.directory.address("a").tell(Note("lost"))
        tree.directory.address("a").tell(Note("lost, too"))
        wait_until_handled(tree, "a")
        assert log == ["a started"]


def test_a_corrupt_message_has_its_bytes_cut_and_spoilt() -> None:
    spoilt = corrupted(Bytes(7, b"x" * 100))
    assert spoilt.number == 7
    assert len(spoilt.data) == 50
    assert spoilt.data[0] != ord("x")
    assert corrupted(Note("text")).text is None


def test_only_messages_of_the_type_that_is_asked_for_count() -> None:
    log: list[str] = []
    with running(root(scribe("a", log))) as (tree, _):
        tree.faults.inject(Fault(FaultKind.DROP, "a", message_type="Note"))
        assert wait_until_handled(tree, "a")
        tree.directory.address("a").tell(Note("lost"))
        tree.directory.address("a").tell(Note("kept"))
        wait_until_handled(tree, "a")
        assert log == ["a started", "a: kept"]


def test_calls_to_a_dependency_fail_as_often_as_ordered() -> None:
    with running(root(scribe("a", []))) as (tree, _):
        breaker = tree.circuit_breakers.get("PostgreSQL", BreakerPolicy(9), failure_types=OSError)
        assert tree.circuit_breakers.get("PostgreSQL", BreakerPolicy(9)) is breaker
        tree.faults.inject(Fault(FaultKind.FAIL, "PostgreSQL", count=2, skip=1))
        assert breaker.call(lambda: "one") == "one"
        for _ in range(2):
            with pytest.raises(OSError, match="injection"):
                breaker.call(lambda: "never")
        assert breaker.call(lambda: "two") == "two"
        assert [b.name for b in tree.breakers()] == ["PostgreSQL"]


def test_orders_can_be_taken_back_one_by_one_or_all() -> None:
    log: list[str] = []
    with running(root(scribe("a", log))) as (tree, _):
        faults = tree.faults
        first = faults.inject(Fault(FaultKind.CRASH, "a"))
        faults.inject(Fault(FaultKind.DROP, "a"))
        assert faults.clear(first.id) == 1
        assert [order.kind for order in faults.active()] == [FaultKind.DROP]
        assert faults.clear() == 1
        tree.directory.address("a").tell(Note("unharmed"))
        wait_until_handled(tree, "a")
        assert log == ["a started", "a: unharmed"]


def test_an_actor_that_does_not_exist_cannot_be_harmed() -> None:
    with (
        running(root(scribe("a", []))) as (tree, _),
        pytest.raises(ValueError, match="there are a"),
    ):
        tree.faults.inject(Fault(FaultKind.CRASH, "b"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": FaultKind.CRASH, "count": 0},
        {"kind": FaultKind.CRASH, "skip": -1},
        {"kind": FaultKind.SLOW},
        {"kind": FaultKind.HANG, "seconds": 0.0},
        {"kind": FaultKind.FAIL, "message_type": "Note"},
    ],
)
def test_an_order_without_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Fault(target="a", **wrong)  # type: ignore[arg-type]
