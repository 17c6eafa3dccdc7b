"""How late the hub is, and where it was blocked: on the real hub, blocked for real."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent.monkey import get_original

from vatwatch.supervision import HubWatch

block_for = get_original("time", "sleep")


@pytest.fixture
def watch() -> Iterator[HubWatch]:
    watch = HubWatch(tick_s=0.01, blocked_s=0.2)
    greenlet = gevent.spawn(watch.run)
    gevent.sleep(0)  # its first turn
    yield watch
    greenlet.kill()


def hold_everybody_up() -> None:
    block_for(0.6)


def until_noticed(watch: HubWatch, times: int) -> None:
    with gevent.Timeout(20):
        while watch.times_blocked < times:
            gevent.sleep(0.01)


def test_a_blocked_hub_is_noticed_with_the_place_where_it_stood(watch: HubWatch) -> None:
    before = watch.times_blocked
    hold_everybody_up()
    until_noticed(watch, before + 1)
    blocked = watch.blocked[-1]
    assert blocked.seconds >= 0.4
    assert any("hold_everybody_up" in place for place in blocked.where)
    assert watch.lateness().max_s >= 0.4
    # What everybody may read names no file.
    assert blocked.function
    assert "/" not in blocked.function


def test_waiting_is_not_blocking() -> None:
    # No machine is so busy that a tick comes so late: each that is noted is noted wrongly.
    watch = HubWatch(tick_s=0.01, blocked_s=3600)
    greenlet = gevent.spawn(watch.run)
    with gevent.Timeout(20):
        while not watch.lateness().max_s:
            gevent.sleep(0.01)  # it ticks meanwhile, and each tick is a little late
    greenlet.kill()
    assert (watch.times_blocked, watch.blocked) == (0, ())


def test_greenlets_are_counted_while_they_live(watch: HubWatch) -> None:
    before = watch.greenlets()
    some = [gevent.spawn(gevent.sleep, 60) for _ in range(7)]
    assert watch.greenlets() == before + 7
    gevent.killall(some)
    assert watch.greenlets() == before


def test_a_watch_that_ends_leaves_nothing_behind() -> None:
    watch = HubWatch(tick_s=0.01, blocked_s=0.2)
    greenlet = gevent.spawn(watch.run)
    gevent.sleep(0)
    known = watch.greenlets()
    greenlet.kill()
    other = gevent.spawn(gevent.sleep, 60)
    assert watch.greenlets() < known + 1
    other.kill()
    times = watch.times_blocked
    hold_everybody_up()
    assert watch.times_blocked == times
