"""Orders to stop and probes are for the actor that runs, not for its successor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from pykka.messages import _ActorStop

from vatwatch.errors import ActorUnavailable
from vatwatch.supervision import (
    ChildStarted,
    DeadLettered,
    MailboxOnFailure,
    MailboxPolicy,
    Reply,
    State,
    Tree,
)
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.message import Probe

from .helpers import (
    PATIENCE_S,
    Compute,
    Fail,
    Hang,
    Note,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)


def by_the_supervisor(tree: Tree) -> None:
    tree.restart("root/a")


def by_its_ref(tree: Tree) -> None:
    """As other programs on pykka do it: behind what is queued."""
    nodes = {each.name: each for each in tree._root.walk()}
    life = nodes["a"].incarnation
    assert life is not None
    life.actor.actor_ref.stop(block=False)


def by_crashing(_tree: Tree, hang: Hang) -> None:
    hang.gate.set()  # what is queued behind it is a failure


def by_hanging(_tree: Tree, _hang: Hang) -> None:
    """It is killed at its deadline, or at the end of its time to stop."""


@pytest.mark.parametrize("backlog", list(MailboxOnFailure))
@pytest.mark.parametrize("ends", [by_crashing, by_hanging])
@pytest.mark.parametrize("ordered", [by_the_supervisor, by_its_ref])
def test_successor_does_not_obey_an_order_to_stop_that_its_predecessor_got(
    ordered: Callable[[Tree], None], ends: Callable[[Tree, Hang], None], backlog: MailboxOnFailure
) -> None:
    log: list[str] = []
    # Not by the deadline, where the time to stop is to end it.
    limits = {"shutdown_s": 0.05} if ordered is by_the_supervisor else {"handler_deadline_s": 0.05}
    if ends is by_crashing:
        limits = {}
    spec = root(scribe("a", log, drain_on_stop=True, mailbox_on_failure=backlog, **limits))
    with running(spec, hang_check_s=0.01) as (tree, notices):
        hang = Hang()
        address = tree.directory.address("a")
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        address.tell(Fail(RuntimeError("bug")))
        ordered(tree)
        gevent.idle()
        ends(tree, hang)
        notices.wait(ChildStarted, "root/a", count=2)
        if backlog is MailboxOnFailure.KEEP and ends is by_hanging:
            notices.wait(ChildStarted, "root/a", count=3)  # the failure was kept
        wait_until_handled(tree, "a")
        assert "a stopped" not in log
        assert node(tree, "a").state is State.RUNNING
        letters = {type(dead.message) for dead in notices.of(DeadLettered)}
        assert letters <= {Hang, Fail}


def test_probe_of_a_dying_actor_is_answered_at_once() -> None:
    with running(root(scribe("a", []))) as (tree, _):
        hang = Hang()
        address = tree.directory.address("a")
        address.tell(hang)
        hang.reached.wait(PATIENCE_S)
        probing = gevent.spawn(address.probe, timeout_s=100 * PATIENCE_S)
        gevent.idle()
        tree._root.children[0].incarnation.kill("crash", RuntimeError("bug"))  # type: ignore[union-attr]
        with pytest.raises(ActorUnavailable):
            probing.get(timeout=PATIENCE_S)


@pytest.mark.parametrize("forget", [Mailbox.close, Mailbox.reopen, Mailbox.dismiss_orders])
def test_forgetting_what_is_urgent_answers_who_waits(forget: Callable[[Mailbox], None]) -> None:
    undelivered: list[Any] = []
    mailbox = Mailbox(4, MailboxPolicy.REFUSE, lambda each, _reason: undelivered.append(each))
    probed, stopped, asked = Reply[Any](), Reply[Any](), Reply[Any]()
    mailbox.put_urgent(Envelope(Probe(), probed))
    put = mailbox.put_urgent if forget is Mailbox.reopen else mailbox.put
    put(Envelope(_ActorStop(), stopped))
    mailbox.put(Envelope(Compute(lambda _actor: None), asked))
    mailbox.put(Envelope(Note("told")))
    forget(mailbox)
    with pytest.raises(ActorUnavailable):
        probed.get(timeout=PATIENCE_S)
    assert stopped.get(timeout=PATIENCE_S) is None
    # What else was queued is kept, or by a closed mailbox handed on: never the order.
    left = 0 if forget is Mailbox.close else 2
    assert (mailbox.depth, len(undelivered)) == (left, 2 - left)
