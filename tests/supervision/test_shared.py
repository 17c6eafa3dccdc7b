"""What an actor shares is read without a message, and goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest

from vatwatch.supervision import Address, BreakerPolicy, Fault, FaultKind, State, Tree

from .helpers import PATIENCE_S, Do, Fail, Hang, node, root, running, scribe

# Once it is open, it stays so.
NEVER = BreakerPolicy(timeout_s=3600, max_timeout_s=3600)


@pytest.fixture
def tree() -> Any:
    with running(root(scribe("owner", [], breaker=NEVER), scribe("other", []))) as (tree, _):
        yield tree


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.sleep(0.005)


def owner(tree: Tree) -> Address:
    return tree.directory.address("owner")


def share(tree: Tree, value: object) -> None:
    owner(tree).tell(Do(lambda actor: actor.share(value)))
    until(lambda: owner(tree).shared(object) == value)


def fails_again(tree: Tree) -> bool:
    """Give it another message to fail at; whether it is given up."""
    owner(tree).offer(Do(lambda _: None))
    return node(tree, "owner").state is State.SUSPENDED


def test_nobody_shares_anything_unasked(tree: Tree) -> None:
    assert owner(tree).shared(object) is None
    assert tree.directory.address("nobody").shared(object) is None


def test_it_is_the_newest_value_of_its_owner_alone_and_of_the_kind_that_is_wanted(
    tree: Tree,
) -> None:
    share(tree, ("old",))
    share(tree, ("new",))
    assert owner(tree).shared(tuple) == ("new",)
    assert owner(tree).shared(list) is None
    assert tree.directory.address("other").shared(tuple) is None


def test_it_can_be_read_while_its_owner_hangs(tree: Tree) -> None:
    share(tree, ("value",))
    hang = Hang()
    owner(tree).tell(hang)
    assert hang.reached.wait(PATIENCE_S)
    assert owner(tree).shared(tuple) == ("value",)
    hang.gate.set()


@pytest.mark.parametrize("end", ["crash", "restart", "suspended", "stopped"])
def test_it_goes_with_its_owner_and_the_successor_shares_its_own(tree: Tree, end: str) -> None:
    share(tree, ("value",))
    if end == "crash":
        owner(tree).tell(Fail(RuntimeError("crashed")))
    elif end == "restart":
        tree.restart(node(tree, "owner").path)
    elif end == "stopped":
        tree.stop(PATIENCE_S)
    else:
        tree.faults.inject(Fault(FaultKind.CRASH, "owner", count=1000))
        until(lambda: fails_again(tree))
    until(lambda: owner(tree).shared(object) is None)
    if end in ("crash", "restart"):
        until(lambda: node(tree, "owner").state is State.RUNNING)
        assert owner(tree).shared(object) is None
        share(tree, ("of the successor",))
