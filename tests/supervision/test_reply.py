from __future__ import annotations

import gevent
import pytest

from vatwatch.errors import AskTimeout
from vatwatch.supervision import Reply


def test_everyone_who_waits_gets_the_answer() -> None:
    reply: Reply[int] = Reply()
    waiting = [gevent.spawn(reply.get, timeout=20) for _ in range(3)]
    gevent.idle()
    reply.set(7)
    assert [each.get(timeout=20) for each in waiting] == [7, 7, 7]
    assert reply.get() == 7


def test_the_first_answer_counts_and_later_ones_are_ignored() -> None:
    reply: Reply[int] = Reply()
    reply.set(1)
    reply.set(2)
    reply.fail(ValueError("late"))
    assert reply.get() == 1


def test_a_failed_reply_raises_in_the_asker() -> None:
    reply: Reply[int] = Reply()
    reply.fail(KeyError("why"))
    reply.set(1)
    with pytest.raises(KeyError, match="why"):
        reply.get()


def test_no_answer_in_time_is_an_ordinary_exception() -> None:
    reply: Reply[int] = Reply()
    with pytest.raises(AskTimeout):
        reply.get(timeout=0.001)
    assert issubclass(AskTimeout, Exception)
    # A late answer is still there to be fetched.
    reply.set(1)
    assert reply.get(timeout=0) == 1


def test_it_does_what_pykka_wants_of_a_future() -> None:
    reply: Reply[int] = Reply()
    doubled = reply.map(lambda n: n * 2)
    reply.set(4)
    assert doubled.get(timeout=1) == 8
    failed: Reply[int] = Reply()
    try:
        {}["why"]
    except KeyError:
        failed.set_exception()
    with pytest.raises(KeyError):
        failed.get()
