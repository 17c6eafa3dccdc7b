"""When the next snapshot is expected, by when the latest ones were served."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vatwatch.live.arrivals import REMEMBERED, SnapshotArrivals
from vatwatch.live.records import Body, Collection

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW_S = START.timestamp()


def due_after(*came: tuple[float, float]) -> float:
    """Seconds after `NOW_S`, of snapshots so many seconds after `START` that came so many after."""
    arrivals = SnapshotArrivals()
    for time_s, now_s in came:
        arrivals.note(START + timedelta(seconds=time_s), NOW_S + now_s)
    return arrivals.due_s() - NOW_S


def test_the_first_one_says_that_the_next_one_is_a_period_later() -> None:
    assert due_after((0, 3)) == pytest.approx(18)


def test_who_came_late_does_not_delay_the_next_one() -> None:
    assert due_after((0, 3), (15, 18), (30, 42)) == pytest.approx(48)


def test_a_gap_in_the_feed_does_not_lengthen_its_period() -> None:
    assert due_after((0, 3), (15, 18), (300, 303)) == pytest.approx(318)


@pytest.mark.parametrize("pace", [0.1, 0.5])
def test_a_feed_at_another_pace_is_expected_at_that_pace(pace: float) -> None:
    came = [(15.0 * number, 15.0 * number * pace) for number in range(REMEMBERED + 3)]
    assert due_after(*came) == pytest.approx(came[-1][1] + 15 * pace)


def test_a_clock_that_was_set_back_is_believed() -> None:
    assert due_after((0, 3), (15, 18), (30, -1000)) == pytest.approx(-1000 + 15)
    assert due_after((0, 3), (15, 18), (-500, 33)) == pytest.approx(33 + 15)


def test_the_same_snapshot_again_is_no_arrival() -> None:
    assert due_after((0, 3), (15, 18), (15, 29)) == pytest.approx(33)


def test_without_an_arrival_nothing_is_expected() -> None:
    assert SnapshotArrivals().due_s() == 0.0


def test_what_was_recovered_has_its_time_and_says_nothing_of_the_next_one() -> None:
    arrivals, bodies = SnapshotArrivals(), {Collection.NETWORK: Body(b"{}", b"", '"x"')}
    old = arrivals.date(bodies, START, NOW_S + 5000, new=False)[Collection.NETWORK]
    assert (old.modified_s, old.due_s) == (int(NOW_S), 0.0)
    moment = START + timedelta(seconds=6000)
    new = arrivals.date(bodies, moment, NOW_S + 6002, new=True)[Collection.NETWORK]
    assert (new.modified_s, new.due_s) == (int(NOW_S) + 6000, pytest.approx(NOW_S + 6017))
    assert arrivals.date(bodies, None, NOW_S, new=True) == bodies
