from __future__ import annotations

from typing import Any

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.errors import ActorUnavailable, MailboxFull
from vatwatch.supervision import MailboxPolicy, Reply
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.mailbox import Mailbox

from .helpers import PATIENCE_S


class Undelivered:
    def __init__(self) -> None:
        self.all: list[tuple[Any, str]] = []

    def __call__(self, envelope: Envelope, reason: str) -> None:
        self.all.append((envelope.message, reason))
        if envelope.reply_to is not None:
            envelope.reply_to.fail(ActorUnavailable(reason))


def box(capacity: int, policy: MailboxPolicy, block_s: float = PATIENCE_S) -> tuple[Any, Any]:
    undelivered = Undelivered()
    return Mailbox(capacity, policy, undelivered, block_s=block_s), undelivered


def read(mailbox: Mailbox) -> list[Any]:
    taken = []
    while not mailbox.empty():
        taken.append(mailbox.get().message)
    return taken


def put_all(mailbox: Mailbox, *messages: Any) -> None:
    for message in messages:
        mailbox.put(Envelope(message))


def test_urgent_messages_come_first_and_are_not_bounded() -> None:
    mailbox, _ = box(2, MailboxPolicy.REFUSE)
    put_all(mailbox, 1, 2)
    for urgent in "abc":
        mailbox.put_urgent(Envelope(urgent))
    assert read(mailbox) == ["a", "b", "c", 1, 2]


def test_refuse_raises_at_once_and_counts() -> None:
    mailbox, _ = box(2, MailboxPolicy.REFUSE)
    put_all(mailbox, 1, 2)
    with pytest.raises(MailboxFull):
        put_all(mailbox, 3)
    assert (mailbox.refused, mailbox.depth, mailbox.high_water) == (1, 2, 2)
    assert read(mailbox) == [1, 2]


def test_drop_oldest_makes_room_and_says_what_was_dropped() -> None:
    mailbox, undelivered = box(2, MailboxPolicy.DROP_OLDEST)
    put_all(mailbox, 1, 2, 3, 4)
    assert undelivered.all == [(1, "overflow"), (2, "overflow")]
    assert (mailbox.dropped, mailbox.high_water) == (2, 2)
    assert read(mailbox) == [3, 4]


def test_blocked_senders_get_in_in_their_order_as_room_appears() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK)
    put_all(mailbox, 0)
    senders = [gevent.spawn(put_all, mailbox, number) for number in (1, 2, 3)]
    gevent.idle()
    assert not any(sender.ready() for sender in senders)
    assert [mailbox.get().message for _ in range(4)] == [0, 1, 2, 3]
    gevent.joinall(senders, timeout=PATIENCE_S, raise_error=True)
    assert mailbox.high_water == 1


def test_blocked_sender_gives_up_in_time_and_its_message_is_not_sent() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK, block_s=0.001)
    put_all(mailbox, 0)
    with pytest.raises(MailboxFull):
        put_all(mailbox, 1)
    assert mailbox.refused == 1
    assert read(mailbox) == [0]


def test_message_of_a_sender_killed_while_it_waits_is_not_sent() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK)
    put_all(mailbox, 0)
    sender = gevent.spawn(put_all, mailbox, 1)
    gevent.idle()
    sender.kill()
    assert read(mailbox) == [0]


def test_reader_never_waits_for_itself() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK)
    mailbox.owner = gevent.getcurrent()
    put_all(mailbox, 0)
    with pytest.raises(MailboxFull):
        put_all(mailbox, 1)


def test_hub_never_waits() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK)
    put_all(mailbox, 0)
    outcome: list[BaseException] = []
    done = gevent.event.Event()

    def in_hub() -> None:
        try:
            put_all(mailbox, 1)
        except MailboxFull as error:
            outcome.append(error)
        done.set()

    gevent.get_hub().loop.run_callback(in_hub)
    assert done.wait(PATIENCE_S)
    assert outcome


def test_reader_waits_for_the_first_message() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK)
    reader = gevent.spawn(mailbox.get)
    gevent.idle()
    put_all(mailbox, "late")
    assert reader.get(timeout=PATIENCE_S).message == "late"


def test_reader_killed_as_a_message_arrives_leaves_it_for_the_next() -> None:
    mailbox, _ = box(1, MailboxPolicy.BLOCK)
    reader = gevent.spawn(mailbox.get)
    gevent.idle()
    reader.kill(block=False)
    put_all(mailbox, "precious")
    reader.join(timeout=PATIENCE_S)
    assert read(mailbox) == ["precious"]


def test_given_back_message_is_read_before_the_others() -> None:
    mailbox, _ = box(2, MailboxPolicy.REFUSE)
    put_all(mailbox, 1, 2)
    mailbox.requeue(Envelope("again"))
    assert read(mailbox) == ["again", 1, 2]


def test_timers_get_past_the_bound() -> None:
    mailbox, _ = box(1, MailboxPolicy.REFUSE)
    put_all(mailbox, 1)
    mailbox.put_unbounded(Envelope("tick"))
    assert mailbox.high_water == 2
    assert read(mailbox) == [1, "tick"]


def test_drain_leaves_room_for_waiting_senders() -> None:
    mailbox, undelivered = box(2, MailboxPolicy.BLOCK)
    put_all(mailbox, 1, 2)
    sender = gevent.spawn(put_all, mailbox, 3)
    gevent.idle()
    mailbox.drain("backlog")
    sender.get(timeout=PATIENCE_S)
    assert undelivered.all == [(1, "backlog"), (2, "backlog")]
    assert read(mailbox) == [3]


def test_closed_mailbox_accepts_nothing_raises_nothing_and_frees_waiting_senders() -> None:
    mailbox, undelivered = box(1, MailboxPolicy.BLOCK)
    reply: Reply[None] = Reply()
    mailbox.put(Envelope("asked", reply))
    sender = gevent.spawn(put_all, mailbox, "blocked")
    gevent.idle()
    mailbox.close()
    sender.get(timeout=PATIENCE_S)
    put_all(mailbox, "late")
    mailbox.put_unbounded(Envelope("tick"))
    mailbox.requeue(Envelope("again"))
    assert [message for message, _ in undelivered.all] == [
        "asked",
        "blocked",
        "late",
        "tick",
        "again",
    ]
    with pytest.raises(ActorUnavailable):
        reply.get()
    mailbox.reopen()
    put_all(mailbox, "new")
    assert read(mailbox) == ["new"]


OPERATIONS = st.lists(st.sampled_from(["put", "get", "requeue", "put_unbounded", "drain"]))


@given(
    capacity=st.integers(1, 4),
    policy=st.sampled_from([MailboxPolicy.DROP_OLDEST, MailboxPolicy.REFUSE]),
    operations=OPERATIONS,
)
def test_every_message_is_read_refused_or_undelivered_once_and_in_order(
    capacity: int, policy: MailboxPolicy, operations: list[str]
) -> None:
    mailbox, undelivered = box(capacity, policy)
    model: list[int] = []
    lost: list[int] = []
    for number, operation in enumerate(operations):
        if operation == "get":
            if model:
                assert mailbox.get().message == model.pop(0)
        elif operation == "drain":
            lost += model
            model.clear()
            mailbox.drain("backlog")
        elif operation == "requeue":
            model.insert(0, number)
            mailbox.requeue(Envelope(number))
        elif operation == "put_unbounded":
            model.append(number)
            mailbox.put_unbounded(Envelope(number))
        elif len(model) < capacity:
            model.append(number)
            mailbox.put(Envelope(number))
        elif policy is MailboxPolicy.REFUSE:
            with pytest.raises(MailboxFull):
                mailbox.put(Envelope(number))
        else:
            lost.append(model.pop(0))
            model.append(number)
            mailbox.put(Envelope(number))
        assert mailbox.depth == len(model)
        assert mailbox.high_water >= len(model)
    assert [message for message, _ in undelivered.all] == lost
    assert read(mailbox) == model
