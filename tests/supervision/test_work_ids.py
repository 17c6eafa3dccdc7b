"""What is logged knows for which request and which snapshot: through actors, greenlets, threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from gevent.event import Event

from tests.supervision.helpers import Compute, Do, root, running, scribe
from vatwatch.logs.context import NOTHING, WorkIds, current_ids, work_on
from vatwatch.supervision import Ask, Latest, NativePool, Tell, Tree

SNAPSHOT = "2026-11-26T12:00:00Z"


@dataclass(frozen=True, slots=True)
class AboutSnapshot(Do):
    """Belongs to a snapshot."""

    @property
    def correlation_id(self) -> str:
        return SNAPSHOT


@dataclass(frozen=True, slots=True)
class DoLatest(Do, Latest):
    """Takes the place of one that still waits."""


@pytest.fixture
def tree() -> Iterator[Tree]:
    with running(root(scribe("a", []), scribe("b", []))) as (tree, _):
        yield tree


def ask(tree: Tree, name: str, message: Ask[Any], *, public: bool = True) -> Any:
    return tree.directory.address(name).ask(message, timeout_s=60, public=public)


def tell(tree: Tree, name: str, message: Tell) -> None:
    tree.directory.address(name).tell(message)


def ids_in(_actor: object) -> WorkIds:
    return current_ids()


@pytest.mark.parametrize("public", [True, False])
def test_an_ask_carries_the_request(tree: Tree, public: bool) -> None:
    work_on(WorkIds("r-1"))
    assert ask(tree, "a", Compute(ids_in), public=public) == WorkIds("r-1")
    work_on(NOTHING)
    assert ask(tree, "a", Compute(ids_in), public=public) == NOTHING


def test_an_ask_because_of_an_ask_carries_it_too(tree: Tree) -> None:
    work_on(WorkIds("r-2"))
    onward = Compute(lambda actor: actor.address("b").ask(Compute(ids_in), timeout_s=60))
    assert ask(tree, "a", onward) == WorkIds("r-2")


def test_the_message_in_hand_says_which_snapshot(tree: Tree) -> None:
    found: list[WorkIds] = []
    done = Event()

    def look(_actor: object) -> None:
        found.append(current_ids())
        done.set()

    work_on(WorkIds("r-3"))
    tell(tree, "a", AboutSnapshot(look))
    assert done.wait(60)
    assert found == [WorkIds("r-3", SNAPSHOT)]


def ids_after(tree: Tree, send: Callable[[Tell], object]) -> WorkIds:
    """What the actor `a` works for when it handles the message that `send` sends."""
    found: list[WorkIds] = []
    send(Do(lambda _actor: found.append(current_ids())))
    ask(tree, "a", Compute(lambda _actor: None), public=False)  # that has been handled, too
    (ids,) = found
    return ids


@pytest.mark.parametrize("way", ["tell", "offer"])
def test_a_tell_because_of_a_request_carries_it(tree: Tree, way: str) -> None:
    send = getattr(tree.directory.address("a"), way)
    work_on(WorkIds("r-7"))
    assert ids_after(tree, send) == WorkIds("r-7")
    work_on(NOTHING)
    assert ids_after(tree, send) == NOTHING


def test_a_tell_because_of_an_ask_or_of_a_tell_carries_it_too(tree: Tree) -> None:
    def by_way_of_b(message: Tell) -> None:
        tell(tree, "b", Do(lambda actor: actor.address("a").tell(message)))
        ask(tree, "b", Compute(lambda _actor: None), public=False)

    work_on(WorkIds("r-8"))
    assert ids_after(tree, by_way_of_b) == WorkIds("r-8")

    def by_an_ask(message: Tell) -> None:
        ask(tree, "b", Compute(lambda actor: actor.address("a").tell(message)))

    assert ids_after(tree, by_an_ask) == WorkIds("r-8")


def test_the_latest_news_carries_the_request_that_it_was_sent_for(tree: Tree) -> None:
    found: list[WorkIds] = []
    go_on = Event()
    tell(tree, "a", Do(lambda _actor: go_on.wait()))
    for request in ("r-9", "r-10"):
        work_on(WorkIds(request))
        tell(tree, "a", DoLatest(lambda _actor: found.append(current_ids())))
    go_on.set()
    ask(tree, "a", Compute(lambda _actor: None), public=False)
    assert found == [WorkIds("r-10")]


def test_an_actors_timer_belongs_to_no_request(tree: Tree) -> None:
    found: list[WorkIds] = []
    done = Event()

    def look(_actor: object) -> None:
        found.append(current_ids())
        done.set()

    work_on(WorkIds("r-11"))
    ask(tree, "a", Compute(lambda actor: str(actor.after(0, Do(look)))))
    assert done.wait(60)
    assert found == [NOTHING]


def test_an_actors_own_greenlet_belongs_to_what_began_it(tree: Tree) -> None:
    found: list[WorkIds] = []
    go_on, done = Event(), Event()

    def later() -> None:
        go_on.wait()
        found.append(current_ids())
        done.set()

    work_on(WorkIds("r-4"))
    ask(tree, "a", Compute(lambda actor: str(actor.spawn(later))))
    # The actor has something else in hand by now.
    work_on(WorkIds("r-5"))
    ask(tree, "a", Compute(lambda _actor: go_on.set()))
    assert done.wait(60)
    assert found == [WorkIds("r-4")]


def test_a_native_thread_belongs_to_what_its_caller_works_on(tree: Tree) -> None:
    pool = NativePool(1, "test")
    work_on(WorkIds("r-6"))
    assert ask(tree, "a", Compute(lambda _actor: pool.run(current_ids))) == WorkIds("r-6")
    work_on(NOTHING)
    assert pool.run(current_ids) == NOTHING, "the thread is the same one"
    pool.close()


def test_others_at_the_same_time_have_their_own(tree: Tree) -> None:
    """Requests take turns within their handlers: none may see another's id."""

    def request(number: int) -> tuple[str, WorkIds, str]:
        mine = f"r-{number}"
        work_on(WorkIds(mine))
        gevent.sleep(0)
        seen = ask(tree, "ab"[number % 2], Compute(ids_in))
        gevent.sleep(0)
        return mine, seen, current_ids().request_id

    jobs = [gevent.spawn(request, number) for number in range(60)]
    gevent.joinall(jobs, raise_error=True, timeout=60)
    for mine, seen, after in (job.get() for job in jobs):
        assert seen.request_id == after == mine
