from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vatsim_simulator.clock import Clock, newest_update

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_the_newest_update_is_on_the_phase_and_at_most_one_period_old(moment: datetime) -> None:
    update = newest_update(moment)
    assert (update.second % 15, update.microsecond) == (10, 120_000)
    assert timedelta(0) <= moment - update < timedelta(seconds=15)


def test_each_update_is_due_when_simulated_time_reaches_it() -> None:
    clock = Clock(NOON, speed=10, wall_s=1000.0)
    for number in range(1, 5):
        due = clock.first_update + timedelta(seconds=15 * number)
        assert abs(clock.now(clock.due_s(number)) - due) < timedelta(milliseconds=1)
    assert clock.due_s(0) <= 1000.0 < clock.due_s(1)


def test_at_speed_ten_an_update_comes_every_second_and_a_half() -> None:
    clock = Clock(NOON, speed=10, wall_s=0.0)
    assert clock.period_s == 1.5
    assert round(clock.due_s(8) - clock.due_s(7), 6) == 1.5


def test_time_stops_while_the_world_falls_behind() -> None:
    clock = Clock(NOON, speed=2, wall_s=0.0)
    before = clock.now(10.0)
    clock.fall_behind(3.0)
    assert clock.now(13.0) == before
