"""What is made on demand is made once for each live state, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from threading import get_ident as thread

import gevent
import pytest

from tests.actors.harness import PATIENCE_S
from vatwatch.actors.on_demand import OnDemand
from vatwatch.messages import LiveChanged
from vatwatch.supervision import NativePool
from vatwatch.traffic.network_state import NetworkState


@pytest.fixture
def pool() -> Iterator[NativePool]:
    pool = NativePool(1, "test")
    yield pool
    pool.close()


def live() -> LiveChanged:
    return LiveChanged(NetworkState(), None, recovered=False, fetched=True)


class Maker:
    """Counts what it makes, and waits until it may go on."""

    def __init__(self, error: Exception | None = None) -> None:
        self.made: list[LiveChanged] = []
        self.threads: set[int] = set()
        self.may_go_on = Event()
        self.error = error

    def __call__(self, of: LiveChanged) -> int:
        self.made.append(of)
        self.threads.add(thread())
        assert self.may_go_on.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        return len(self.made)


def plus(made: int, more: int) -> int:
    return made + more


def test_questions_of_one_moment_wait_for_one_making(pool: NativePool) -> None:
    maker, state = Maker(), live()
    found = OnDemand(pool, maker)
    asked = [gevent.spawn(found.read, state, plus, number) for number in range(5)]
    gevent.sleep(0)
    maker.may_go_on.set()
    gevent.joinall(asked, timeout=PATIENCE_S)
    assert [each.value for each in asked] == [1, 2, 3, 4, 5]
    assert maker.made == [state]
    assert thread() not in maker.threads, "the hub's thread"
    assert found.read(state, plus, 10) == 11
    assert len(maker.made) == 1


def test_another_live_state_has_its_own(pool: NativePool) -> None:
    maker, first, second = Maker(), live(), live()
    maker.may_go_on.set()
    found = OnDemand(pool, maker)
    assert found.read(first, plus, 0) == 1
    assert found.read(second, plus, 0) == 2
    assert [one is other for one, other in zip(maker.made, (first, second), strict=True)] == [
        True,
        True,
    ]


def test_what_is_forgotten_meanwhile_still_answers_who_asked_for_it(pool: NativePool) -> None:
    maker, state = Maker(), live()
    found = OnDemand(pool, maker)
    asked = gevent.spawn(found.read, state, plus, 0)
    gevent.sleep(0)
    found.forget()
    maker.may_go_on.set()
    assert asked.get(timeout=PATIENCE_S) == 1
    assert found.read(state, plus, 0) == 2, "made anew, as it was forgotten"


def test_who_waits_for_a_making_that_fails_is_told_and_the_next_one_tries_again(
    pool: NativePool,
) -> None:
    maker, state = Maker(ValueError("cannot be made")), live()
    found = OnDemand(pool, maker)
    asked = [gevent.spawn(found.read, state, plus, 0) for _ in range(2)]
    gevent.sleep(0)
    maker.may_go_on.set()
    gevent.joinall(asked, timeout=PATIENCE_S)
    assert [repr(each.exception) for each in asked] == ["ValueError('cannot be made')"] * 2
    maker.error = None
    assert found.read(state, plus, 0) == 2


def test_who_waits_for_a_making_that_is_killed_does_not_wait_for_ever(pool: NativePool) -> None:
    maker, state = Maker(), live()
    found = OnDemand(pool, maker)
    first = gevent.spawn(found.read, state, plus, 0)
    gevent.sleep(0)
    second = gevent.spawn(found.read, state, plus, 0)
    gevent.sleep(0)
    first.kill()
    second.join(PATIENCE_S)
    assert second.ready()
    maker.may_go_on.set()
