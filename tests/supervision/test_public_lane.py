"""Questions from outside of the tree: in a lane of their own, which costs nobody else anything."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.errors import (
    ActorSuspended,
    ActorUnavailable,
    MailboxFull,
    SupervisionError,
    TooManyQuestions,
)
from vatwatch.supervision import Address, BreakerPolicy, MailboxPolicy, Reply, State
from vatwatch.supervision.envelope import Envelope, Question
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.public_lane import PUBLIC_CAPACITY

from .helpers import (
    PATIENCE_S,
    Echo,
    Fail,
    Hang,
    Note,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)


def hang(address: Address) -> Hang:
    message = Hang()
    address.tell(message)
    message.reached.wait(PATIENCE_S)
    return message


def asked(address: Address, timeout_s: float) -> str:
    """The answer, or what kind of error there was."""
    try:
        return address.ask(Echo("?"), timeout_s=timeout_s, public=True)
    except SupervisionError as error:
        return type(error).__name__


def fill(address: Address, timeout_s: float = PATIENCE_S) -> list[Any]:
    """As many questions as the lane holds, each by somebody who waits."""
    asking = [gevent.spawn(asked, address, timeout_s) for _ in range(PUBLIC_CAPACITY)]
    gevent.idle()
    return asking


@pytest.mark.parametrize("policy", list(MailboxPolicy))
def test_however_many_ask_from_outside_there_is_room_for_who_belongs_to_the_tree(
    policy: MailboxPolicy,
) -> None:
    log: list[str] = []
    with running(root(scribe("store", log, mailbox=3, policy=policy))) as (tree, _):
        store = tree.directory.address("store")
        held = hang(store)
        asking = fill(store)
        with pytest.raises(TooManyQuestions) as refused:
            store.ask(Echo("one too many"), timeout_s=PATIENCE_S, public=True)
        assert isinstance(refused.value, MailboxFull)
        assert refused.value.retry_after_s > 0
        for text in ("a", "b"):
            store.tell(Note(text))
        inside = gevent.spawn(store.ask, Echo("inside"), timeout_s=PATIENCE_S)
        gevent.idle()
        info = node(tree, "store").mailbox
        assert info is not None
        assert (info.depth, info.dropped, info.refused) == (3, 0, 0)
        assert (info.public_depth, info.public_refused) == (PUBLIC_CAPACITY, 1)
        assert info.public_capacity == PUBLIC_CAPACITY
        held.gate.set()
        assert inside.get(timeout=PATIENCE_S) == "store: inside"
        gevent.joinall(asking, timeout=PATIENCE_S, raise_error=True)
        assert log[-2:] == ["store: a", "store: b"]


def test_a_full_mailbox_still_takes_questions_from_outside() -> None:
    with running(root(scribe("store", [], mailbox=1, policy=MailboxPolicy.REFUSE))) as (tree, _):
        store = tree.directory.address("store")
        held = hang(store)
        store.tell(Note("fills it"))
        asking = gevent.spawn(store.ask, Echo("hi"), timeout_s=PATIENCE_S, public=True)
        gevent.idle()
        held.gate.set()
        assert asking.get(timeout=PATIENCE_S) == "store: hi"


@pytest.mark.parametrize("leaves", ["in time", "killed"])
def test_who_has_gone_leaves_room_at_once_and_is_not_answered(leaves: str) -> None:
    with running(root(scribe("store", []))) as (tree, _):
        store = tree.directory.address("store")
        held = hang(store)
        asking = fill(store, 0.001 if leaves == "in time" else PATIENCE_S)
        if leaves == "killed":
            gevent.killall(asking, timeout=PATIENCE_S)
        gevent.joinall(asking, timeout=PATIENCE_S)
        info = node(tree, "store").mailbox
        assert info is not None
        assert info.public_depth == 0
        handled = node(tree, "store").handled
        held.gate.set()
        wait_until_handled(tree, "store")
        assert node(tree, "store").handled == handled + 2  # what it held, and the settling


def test_an_ask_of_the_tree_leaves_room_too_when_its_asker_has_gone() -> None:
    with running(root(scribe("store", [], mailbox=1))) as (tree, _):
        store = tree.directory.address("store")
        held = hang(store)
        asking = gevent.spawn(store.ask, Echo("?"), timeout_s=PATIENCE_S)
        gevent.idle()
        telling = gevent.spawn(store.tell, Note("waits for room"))
        gevent.idle()
        assert not telling.ready()
        asking.kill()
        telling.get(timeout=PATIENCE_S)
        held.gate.set()


def question(number: int, gone: set[int]) -> Question:
    return Question(number, Reply(), lambda: number in gone)


def test_closed_connections_are_sorted_out_when_room_is_needed_and_at_their_turn() -> None:
    gone: set[int] = set()
    mailbox = Mailbox(1, MailboxPolicy.BLOCK, lambda _envelope, _reason: None)
    questions = [question(number, gone) for number in range(PUBLIC_CAPACITY)]
    for each in questions:
        mailbox.put_public(each)
    with pytest.raises(TooManyQuestions):
        mailbox.put_public(question(PUBLIC_CAPACITY, gone))
    gone |= {0, 5}
    mailbox.put_public(question(PUBLIC_CAPACITY, gone))
    assert mailbox.public_depth == PUBLIC_CAPACITY - 1
    gone.add(1)
    assert mailbox.get().message == 2
    for number in (0, 1, 5):
        reply = questions[number].reply_to
        assert reply is not None
        with pytest.raises(ActorUnavailable):
            reply.get()


@given(
    operations=st.lists(
        st.sampled_from(["tell", "ask", "question", "get", "leave", "drain"]), max_size=60
    )
)
def test_each_lane_keeps_its_order_and_the_public_one_has_at_most_every_second_turn(
    operations: list[str],
) -> None:
    lost: list[Any] = []
    mailbox = Mailbox(100, MailboxPolicy.REFUSE, lambda each, _reason: lost.append(each.message))
    normal: list[Envelope] = []
    public: list[Question] = []
    publics_turn = True
    for number, operation in enumerate(operations):
        if operation in ("tell", "ask"):
            envelope = Envelope(number, Reply() if operation == "ask" else None)
            normal.append(envelope)
            mailbox.put(envelope)
        elif operation == "question":
            public.append(question(number, set()))
            mailbox.put_public(public[-1])
        elif operation == "leave" and public:
            mailbox.withdraw(public.pop())
        elif operation == "drain":
            before = [each.message for each in (*normal, *public)]
            normal.clear()
            public.clear()
            lost.clear()
            mailbox.drain("backlog")
            assert lost == before
        elif operation == "get" and (normal or public):
            from_public = bool(public) and (publics_turn or not normal)
            # Whose turn it is counts while there are questions only.
            publics_turn = not from_public if public else publics_turn
            assert mailbox.get() is (public.pop(0) if from_public else normal.pop(0))
        assert (mailbox.depth, mailbox.public_depth) == (len(normal), len(public))
        assert mailbox.empty() == (not normal and not public)


def test_questions_of_a_suspended_or_stopped_actor_fail_at_once() -> None:
    policy = BreakerPolicy(timeout_s=3600.0, max_timeout_s=3600.0)
    spec = root(scribe("store", [], breaker=policy), intensity=0)
    with running(spec) as (tree, _):
        store = tree.directory.address("store")
        held = hang(store)
        asking = fill(store)
        store.tell(Fail(RuntimeError("bug")))
        held.gate.set()
        with gevent.Timeout(PATIENCE_S):
            while node(tree, "store").state is not State.SUSPENDED:
                gevent.sleep(0.001)
        gevent.joinall(asking, timeout=PATIENCE_S)
        # Those who had their turn before the failure are answered; nobody waits on.
        assert {each.value for each in asking} <= {"store: ?", "ActorSuspended"}
        with pytest.raises(ActorSuspended):
            store.ask(Echo("?"), timeout_s=PATIENCE_S, public=True)
    with pytest.raises(ActorUnavailable):
        store.ask(Echo("?"), timeout_s=PATIENCE_S, public=True)
