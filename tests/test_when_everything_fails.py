"""When everything fails: the tree as it is declared, with actors that do nothing but fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.supervision.helpers import (
    PATIENCE_S,
    Fail,
    Note,
    Notices,
    Scribe,
)
from vatwatch.config.settings import load
from vatwatch.supervision import (
    Backoff,
    BreakerPolicy,
    BreakerState,
    ChildSpec,
    Escalated,
    NodeInfo,
    State,
    SupervisorSpec,
    Tree,
)
from vatwatch.system import declare

BUG = Fail(RuntimeError("bug"))
# As in service, but sooner.
SOON = BreakerPolicy(timeout_s=0.05, max_timeout_s=0.1)


def declared(home: Path) -> SupervisorSpec:
    return declare(load(env={}, directory=home))


def all_of(spec: SupervisorSpec) -> Iterator[ChildSpec | SupervisorSpec]:
    for child in spec.children:
        yield child
        if isinstance(child, SupervisorSpec):
            yield from all_of(child)


class Broken(Scribe):
    """Fails to start while `broken` holds something."""

    def __init__(self, broken: list[str]) -> None:
        super().__init__([])
        self.broken = broken

    def on_start(self) -> None:
        if self.broken:
            raise RuntimeError(self.broken[0])


def with_broken_actors(spec: Any, broken: list[str]) -> Any:
    """The same tree of other actors."""
    if isinstance(spec, SupervisorSpec):
        children = tuple(with_broken_actors(child, broken) for child in spec.children)
        return replace(spec, children=children, backoff=Backoff.none())
    return replace(spec, actor_class=Broken, args=(broken,), kwargs={}, breaker=SOON)


def test_each_worker_has_a_breaker_and_no_supervisor_has(tmp_path: Path) -> None:
    for spec in all_of(declared(tmp_path)):
        assert (spec.breaker is not None) == isinstance(spec, ChildSpec), spec.name


def workers(tree: Tree) -> list[NodeInfo]:
    return [node for node in tree.snapshot().walk() if node.kind == "worker"]


def until_all(tree: Tree, state: State) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError(f"not all {state}")):
        while any(node.state is not state for node in workers(tree)):
            gevent.sleep(0.01)


def test_every_worker_fails_and_each_is_suspended_tried_and_comes_back(tmp_path: Path) -> None:
    broken: list[str] = []
    said: list[str] = []
    tree = Tree(with_broken_actors(declared(tmp_path), broken), on_exhausted=said.append)
    notices = Notices(tree)
    tree.start()
    try:
        broken.append("nothing works")
        for node in workers(tree):
            tree.directory.address(node.name).tell(BUG)
        with gevent.Timeout(PATIENCE_S, AssertionError("never all suspended")):
            while any(node.breaker.opened < 3 for node in workers(tree) if node.breaker):
                gevent.sleep(0.01)
                for node in workers(tree):
                    # At any time it is told who is tried when.
                    if node.state is State.SUSPENDED:
                        assert node.retry_in_s is not None
                        assert node.retry_in_s <= SOON.max_timeout_s
        # No supervisor has failed, and the service goes on.
        supervisors = [node for node in tree.snapshot().walk() if node.kind == "supervisor"]
        assert {(node.state, node.failures) for node in supervisors} == {(State.RUNNING, 0)}
        assert not notices.of(Escalated)
        assert not said
        broken.clear()
        until_all(tree, State.RUNNING)
        with gevent.Timeout(PATIENCE_S, AssertionError("a breaker stays open")):
            while any(
                n.breaker.state is not BreakerState.CLOSED for n in workers(tree) if n.breaker
            ):
                for node in workers(tree):
                    tree.directory.address(node.name).tell(Note("a trial"))
                gevent.sleep(0.01)
    finally:
        assert tree.stop(PATIENCE_S)


@pytest.mark.parametrize("name", ["core", "data", "pipeline", "operations"])
def test_supervisor_that_fails_again_and_again_ends_the_worker(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    tree = Tree(with_broken_actors(declared(tmp_path), []), on_exhausted=said.append)
    tree.start()
    try:
        limit = declared(tmp_path).intensity
        slots = {slot.name: slot for slot in tree._root.walk()}
        for failure in range(limit + 1):
            assert not said
            until_all(tree, State.RUNNING)
            life = slots[name].incarnation
            assert life is not None
            life.kill("crash", RuntimeError("bug"))
            with gevent.Timeout(PATIENCE_S, AssertionError("its end is not noticed")):
                while slots[name].failures <= failure:
                    gevent.sleep(0.005)
        assert tree.wait_exhausted(PATIENCE_S)
        assert len(said) == 1
        assert "more than 3 failures in 600 s" in said[0]
        assert {node.state for node in tree.snapshot().walk()} == {State.FAILED}
    finally:
        tree.stop(PATIENCE_S)
