"""News for who watches: it costs its sender nothing, and of some only the latest counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.supervision import (
    BestEffort,
    BreakerPolicy,
    DeadLettered,
    Latest,
    MailboxPolicy,
    OnFailedMessage,
    State,
    worker,
)
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.mailbox import Mailbox

from .helpers import PATIENCE_S, Compute, Fail, Hang, Note, Scribe, node, root, running


@dataclass(frozen=True, slots=True)
class Happened(BestEffort):
    text: str


@dataclass(frozen=True, slots=True)
class Report(Latest):
    of: str
    text: str

    @property
    def topic(self) -> str:
        return self.of


class Watcher(Scribe):
    def on_receive(self, message: Any) -> Any:
        match message:
            case Happened(text):
                self.log.append(text)
            case Report(of, text):
                if text == "poison":
                    raise RuntimeError(text)
                self.log.append(f"{of} {text}")
            case _:
                return super().on_receive(message)
        return None


def watcher(log: list[str], **options: Any) -> Any:
    options.setdefault("breaker", None)
    return worker("watcher", Watcher, log, **options)


def let_go(tree: Any, hang: Hang) -> None:
    """Let the watcher handle all that waits. (To ask it would take room.)"""
    hang.gate.set()
    with gevent.Timeout(PATIENCE_S):
        while node(tree, "watcher").mailbox.depth or node(tree, "watcher").handling:
            gevent.sleep(0.001)


@pytest.mark.parametrize("policy", list(MailboxPolicy))
def test_sender_of_a_best_effort_message_neither_waits_nor_fails_and_refusals_are_counted(
    policy: MailboxPolicy,
) -> None:
    log: list[str] = []
    with running(root(watcher(log, mailbox=2, policy=policy))) as (tree, _):
        address = tree.directory.address("watcher")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        mine = gevent.getcurrent()
        switches: list[object] = []
        gevent.get_hub().loop.run_callback(switches.append, mine)
        for number in range(5):
            address.tell(Happened(str(number)))
        assert not switches, "who told has waited"
        mailbox = node(tree, "watcher").mailbox
        assert mailbox is not None
        assert mailbox.depth == 2
        let_go(tree, hang)
        heard = [line for line in log if line.isdigit()]
        if policy is MailboxPolicy.DROP_OLDEST:
            assert (mailbox.dropped, mailbox.refused, heard) == (3, 0, ["3", "4"])
        else:
            assert (mailbox.dropped, mailbox.refused, heard) == (0, 3, ["0", "1"])


def test_offer_says_whether_there_was_room_for_the_news() -> None:
    with running(root(watcher([], mailbox=1))) as (tree, _):
        address = tree.directory.address("watcher")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        assert [address.offer(Happened("1")), address.offer(Happened("2"))] == [True, False]
        assert address.offer(Report("a", "always"))
        hang.gate.set()


@pytest.mark.parametrize("policy", list(MailboxPolicy))
def test_of_the_latest_a_mailbox_holds_one_of_each_topic_and_refuses_none(
    policy: MailboxPolicy,
) -> None:
    log: list[str] = []
    with running(root(watcher(log, mailbox=1, policy=policy))) as (tree, _):
        address = tree.directory.address("watcher")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        address.tell(Happened("fills it"))
        for number in range(100):
            for of in ("fetcher", "store"):
                address.tell(Report(of, str(number)))
        mailbox = node(tree, "watcher").mailbox
        assert mailbox is not None
        assert (mailbox.depth, mailbox.refused, mailbox.dropped) == (3, 0, 0)
        # What is dropped for more is never a report.
        address.tell(Happened("too much"))
        let_go(tree, hang)
        assert [line for line in log if " 99" in line] == ["fetcher 99", "store 99"]
        address.tell(Report("store", "again"))
        let_go(tree, hang)
        assert log[-1] == "store again"


def test_latest_message_that_failed_does_not_come_back_before_a_newer_one() -> None:
    log: list[str] = []
    with running(root(watcher(log, on_failed_message=OnFailedMessage.RETRY))) as (tree, notices):
        address = tree.directory.address("watcher")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        address.tell(Report("store", "poison"))
        # While the poison is being handled, the next one arrives.
        each = next(each for each in tree._root.walk() if each.name == "watcher")
        each.tap = lambda message, _own: _tell_newer(address, message)
        let_go(tree, hang)
        assert [line for line in log if line.startswith("store")] == ["store new"]
        assert not notices.of(DeadLettered)


def _tell_newer(address: Any, message: Any) -> Any:
    if message == Report("store", "poison"):
        address.tell(Report("store", "new"))
    return message


def test_a_suspended_watcher_finds_the_latest_when_it_is_back() -> None:
    log: list[str] = []
    policy = BreakerPolicy(timeout_s=0.2, max_timeout_s=0.2)
    with running(root(watcher(log, breaker=policy), intensity=0)) as (tree, notices):
        address = tree.directory.address("watcher")
        address.tell(Fail(RuntimeError("bug")))
        with gevent.Timeout(PATIENCE_S):
            while node(tree, "watcher").state is not State.SUSPENDED:
                gevent.sleep(0.001)
        for number in range(50):
            address.tell(Report("store", str(number)))
        with gevent.Timeout(PATIENCE_S):
            while "store 49" not in log:
                gevent.sleep(0.001)
        assert [line for line in log if line.startswith("store")] == ["store 49"]
        assert not [letter for letter in notices.of(DeadLettered) if letter.reason == "suspended"]


def test_best_effort_message_to_an_unknown_or_stopped_watcher_is_a_dead_letter_and_no_error() -> (
    None
):
    with running(root(watcher([]))) as (tree, notices):
        tree.directory.address("nobody").tell(Report("store", "1"))
        assert notices.wait(DeadLettered).reason == "unknown"
        tree.stop(PATIENCE_S)
        for news in (Report("store", "2"), Report("store", "3"), Happened("4")):
            tree.directory.address("watcher").tell(news)
        gevent.idle()
        assert [letter.reason for letter in notices.of(DeadLettered)] == ["unknown"] + 3 * [
            "stopped"
        ]


@given(
    operations=st.lists(
        st.tuples(st.sampled_from(["tell", "news", "get", "back", "drain"]), st.sampled_from("ab")),
        max_size=60,
    )
)
def test_news_is_read_once_as_the_latest_in_the_place_of_the_first(
    operations: list[tuple[str, str]],
) -> None:
    mailbox = Mailbox(1000, MailboxPolicy.REFUSE, lambda _envelope, _reason: None)
    model: list[Any] = []
    taken: Envelope | None = None
    for number, (operation, topic) in enumerate(operations):
        of_topic = [m for m in model if isinstance(m, Report) and m.of == topic]
        if operation == "tell":
            model.append(Note(str(number)))
            mailbox.put(Envelope(model[-1]))
        elif operation == "news":
            news = Report(topic, str(number))
            if of_topic:
                model[model.index(of_topic[0])] = news
            else:
                model.append(news)
            mailbox.put_latest(news)
        elif operation == "get" and model:
            taken = mailbox.get()
            assert taken.message == model.pop(0)
        elif operation == "back" and taken is not None:
            back = taken.message
            newer = [m for m in model if isinstance(m, Report) and m.of == getattr(back, "of", "")]
            if not newer:
                model.insert(0, back)
            mailbox.requeue(taken)
            taken = None
        elif operation == "drain":
            model.clear()
            mailbox.drain("backlog")
        assert mailbox.depth == len(model)
    assert [mailbox.get().message for _ in range(mailbox.depth)] == model


def test_full_watcher_does_not_stop_the_actor_that_sends_to_it() -> None:
    log: list[str] = []
    teller = worker("teller", Watcher, log, breaker=None)
    with running(root(watcher(log, mailbox=1), teller)) as (tree, _):
        address = tree.directory.address("watcher")
        hang = Hang()
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)

        def tell_much(actor: Any) -> str:
            for number in range(10):
                actor.address("watcher").tell(Happened(str(number)))
                actor.address("watcher").tell(Report("teller", str(number)))
            return "done"

        ask = Compute(tell_much)
        assert tree.directory.address("teller").ask(ask, timeout_s=PATIENCE_S) == "done"
        assert node(tree, "teller").failures == 0
        hang.gate.set()
