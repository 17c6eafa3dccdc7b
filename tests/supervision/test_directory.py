from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from vatwatch.errors import ActorUnavailable, AskTimeout, MailboxFull
from vatwatch.supervision import (
    Backoff,
    ChildFailed,
    ChildStarted,
    DeadLettered,
    Directory,
    MailboxPolicy,
    Notice,
    Observers,
    Restart,
    Tree,
)

from .helpers import (
    PATIENCE_S,
    Compute,
    Do,
    Echo,
    Fail,
    FailToAnswer,
    Hang,
    HangAnswer,
    Note,
    Scribe,
    root,
    running,
    scribe,
    wait_until_handled,
)


def test_unknown_name_is_a_dead_letter_for_a_tell_and_unavailable_for_an_ask() -> None:
    with running(root(scribe("store", []))) as (tree, notices):
        nobody = tree.directory.address("nobody")
        nobody.tell(Note("hello"))
        dead = notices.wait(DeadLettered)
        assert (dead.path, dead.message, dead.reason) == ("nobody", Note("hello"), "unknown")
        assert tree.observers.dead_letters == 1
        with pytest.raises(ActorUnavailable):
            nobody.ask(Echo("hello"), timeout_s=PATIENCE_S)
        assert not nobody.alive()


def test_stopped_for_good_is_a_dead_letter_for_a_tell_and_unavailable_for_an_ask() -> None:
    with running(root(scribe("once", [], restart=Restart.TEMPORARY))) as (tree, notices):
        once = tree.directory.address("once")
        assert once.alive()
        once.tell(Fail(RuntimeError("bug")))
        once.tell(Note("queued"))
        notices.wait(DeadLettered, count=2)
        once.tell(Note("later"))
        notices.wait(DeadLettered, count=3)
        assert [(dead.message, dead.reason) for dead in notices.of(DeadLettered)][1:] == [
            (Note("queued"), "stopped"),
            (Note("later"), "stopped"),
        ]
        with pytest.raises(ActorUnavailable):
            once.ask(Echo("hello"), timeout_s=PATIENCE_S)
        assert not once.alive()


def test_ask_that_is_not_answered_in_time_is_an_ordinary_exception() -> None:
    hang = HangAnswer()
    with running(root(scribe("store", []))) as (tree, _):
        with pytest.raises(AskTimeout, match="HangAnswer"):
            tree.directory.address("store").ask(hang, timeout_s=0.001)
        hang.gate.set()
        assert wait_until_handled(tree, "store")


def test_ask_whose_asker_has_gone_is_not_handled() -> None:
    log: list[str] = []
    hang, handled = Hang(), Event()
    with running(root(scribe("store", log))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(hang)
        with pytest.raises(AskTimeout):
            store.ask(Compute(lambda _actor: handled.set()), timeout_s=0.001)
        hang.gate.set()
        wait_until_handled(tree, "store")
        assert not handled.is_set()


def test_ask_and_tell_during_a_restart_reach_the_successor() -> None:
    log: list[str] = []
    gate, second = Event(), Event()

    def wait_at_restart(_actor: Scribe) -> None:
        if log:
            second.set()
            gate.wait()

    with running(root(scribe("store", log, wait_at_restart))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(Fail(RuntimeError("bug")))
        assert second.wait(PATIENCE_S)
        assert not store.alive()
        store.tell(Note("meanwhile"))
        asking = gevent.spawn(store.ask, Echo("there?"), timeout_s=PATIENCE_S)
        gevent.idle()
        assert not asking.ready()
        gate.set()
        assert asking.get(timeout=PATIENCE_S) == "store: there?"
        assert log[-2:] == ["store started", "store: meanwhile"]


def test_ask_of_an_actor_that_is_not_back_in_time_is_unavailable() -> None:
    with running(root(scribe("store", []), backoff=Backoff(1000, 1000)), random=lambda: 0.9) as (
        tree,
        notices,
    ):
        store = tree.directory.address("store")
        store.tell(Fail(RuntimeError("bug")))
        notices.wait(ChildFailed)
        with pytest.raises(ActorUnavailable, match="restarting"):
            store.ask(Echo("there?"), timeout_s=0.001)


def test_asks_that_wait_while_the_actor_crashes_are_answered_by_the_successor() -> None:
    hang = Hang()
    with running(root(scribe("store", []))) as (tree, notices):
        store = tree.directory.address("store")
        store.tell(hang)
        store.tell(Fail(RuntimeError("bug")))
        asking = gevent.spawn(store.ask, Echo("there?"), timeout_s=PATIENCE_S)
        hang.gate.set()
        assert asking.get(timeout=PATIENCE_S) == "store: there?"
        notices.wait(ChildStarted, "root/store", count=2)


@pytest.mark.parametrize("policy", [MailboxPolicy.REFUSE, MailboxPolicy.BLOCK])
def test_ask_of_a_full_mailbox_ends_in_time(policy: MailboxPolicy) -> None:
    hang = Hang()
    with running(root(scribe("store", [], mailbox=1, policy=policy))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(hang)
        hang.reached.wait(PATIENCE_S)
        store.tell(Note("fills it"))
        expected = MailboxFull if policy is MailboxPolicy.REFUSE else AskTimeout
        with pytest.raises(expected):
            store.ask(Echo("there?"), timeout_s=0.001)
        hang.gate.set()


def test_ask_that_is_dropped_for_a_later_message_gets_an_error() -> None:
    hang = Hang()
    spec = root(scribe("store", [], mailbox=1, policy=MailboxPolicy.DROP_OLDEST))
    with running(spec) as (tree, notices):
        store = tree.directory.address("store")
        store.tell(hang)
        hang.reached.wait(PATIENCE_S)
        asking = gevent.spawn(store.ask, Echo("there?"), timeout_s=PATIENCE_S)
        gevent.idle()
        store.tell(Note("newer"))
        with pytest.raises(MailboxFull):
            asking.get(timeout=PATIENCE_S)
        store.tell(Note("newest"))
        dead = notices.wait(DeadLettered)
        assert (dead.message, dead.reason) == (Note("newer"), "overflow")
        hang.gate.set()


def test_actor_that_tells_itself_never_waits() -> None:
    def fill(actor: Scribe) -> str:
        me = actor.address("store")
        me.tell(Note("one"))
        try:
            me.tell(Note("two"))
        except MailboxFull:
            return "full"
        return "not full"

    with running(root(scribe("store", [], mailbox=1))) as (tree, _):
        store = tree.directory.address("store")
        assert store.ask(Compute(fill), timeout_s=PATIENCE_S) == "full"


def test_killed_asker_leaves_nothing_behind() -> None:
    log: list[str] = []
    hang = HangAnswer()
    with running(root(scribe("store", log))) as (tree, notices):
        store = tree.directory.address("store")
        asking = gevent.spawn(store.ask, hang, timeout_s=PATIENCE_S)
        hang.reached.wait(PATIENCE_S)
        asking.kill()
        hang.gate.set()
        assert wait_until_handled(tree, "store")
        assert not notices.of(ChildFailed)


# -- observers


def test_observers_error_affects_no_other_observer(capfd: pytest.CaptureFixture[str]) -> None:
    tree = Tree(root(scribe("store", [])))
    seen: list[Notice] = []

    def broken(_notice: Notice) -> None:
        raise ZeroDivisionError("observer")

    tree.observe(broken)
    tree.observe(seen.append)
    tree.start()
    tree.stop()
    assert ChildStarted("root/store") in seen
    assert "ZeroDivisionError: observer" in capfd.readouterr().err


def test_observer_that_sends_to_a_dead_actor_does_not_cause_endless_dead_letters() -> None:
    tree = Tree(root(scribe("store", [])))
    seen: list[Notice] = []
    nobody = tree.directory.address("nobody")

    def forward(notice: Notice) -> None:
        seen.append(notice)
        nobody.tell(Note("forwarded"))

    tree.observe(forward)
    nobody.tell(Note("first"))
    tree.start()
    tree.stop()
    dead = [notice for notice in seen if isinstance(notice, DeadLettered)]
    assert [each.message for each in dead] == [Note("first")]
    assert tree.observers.dead_letters == 1 + len(seen)


def test_observer_in_the_hub_gets_a_full_mailbox_at_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    hang = Hang()
    with running(root(scribe("store", [], mailbox=1), scribe("cache", []))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(hang)
        hang.reached.wait(PATIENCE_S)
        store.tell(Note("fills it"))
        tree.observe(lambda _notice: store.tell(Note("one too many")))
        with pytest.raises(KeyError):
            tree.directory.address("cache").ask(FailToAnswer(KeyError("x")), timeout_s=PATIENCE_S)
        gevent.idle()
        assert "MailboxFull" in capfd.readouterr().err
        hang.gate.set()
        wait_until_handled(tree, "store")


def test_directories_of_two_trees_are_apart() -> None:
    one: list[str] = []
    two: list[str] = []
    with (
        running(root(scribe("store", one))) as (first, _),
        running(root(scribe("store", two))) as (second, _),
    ):
        first.directory.address("store").tell(Note("first"))
        second.directory.address("store").tell(Note("second"))
        wait_until_handled(first, "store")
        wait_until_handled(second, "store")
    assert one == ["store started", "store: first", "store stopped"]
    assert two == ["store started", "store: second", "store stopped"]


def test_address_taken_before_the_name_is_known_finds_it_later() -> None:
    directory = Directory(Observers())
    early = directory.address("store")
    assert not early.alive()
    tree = Tree(root(scribe("store", [])))
    each = tree.directory.find("store")
    assert each is not None
    directory.register(each)
    tree.start()
    assert early.alive()
    early.tell(Do(lambda _actor: None))
    assert early.ask(Echo("hi"), timeout_s=PATIENCE_S) == "store: hi"
    tree.stop()


def test_an_offer_does_not_wait_for_room() -> None:
    log: list[str] = []
    with running(root(scribe("a", log, mailbox=1))) as (tree, _):
        address = tree.directory.address("a")
        hang = Hang()
        assert address.offer(hang)
        hang.reached.wait(PATIENCE_S)
        assert address.offer(Note("fits"))
        assert not address.offer(Note("too many"))
        hang.gate.set()
        wait_until_handled(tree, "a")
        assert log == ["a started", "a let go", "a: fits"]
