"""When to poll, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.feed.phase import FEED_PERIOD_S, FIRST_MARGIN_S, PollPlan, next_poll

START = datetime(2024, 1, 1, 12, 0, 0, tzinfo=UTC)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@dataclass
class Poll:
    """One poll as it went."""

    due: datetime
    update_timestamp: datetime | None
    advanced: bool


@dataclass
class Feed:
    """A feed that is written every `period_s` at its phase, and can be had `lag_s` later.

    `offset` is how far its own clock is from ours.
    """

    period_s: float = FEED_PERIOD_S
    phase_s: float = 10.12
    lag_s: float = 0.5
    tremble_s: float = 0.0
    offset: timedelta = timedelta()
    random: Random = field(default_factory=lambda: Random(1))

    def update_timestamp(self, now: datetime) -> datetime:
        """The time in the newest copy that can be had."""
        ago = (now - START).total_seconds() - self.phase_s - self.lag_s
        written = self.phase_s + ago // self.period_s * self.period_s
        tremble = self.random.uniform(0, self.tremble_s)
        return START + self.offset + seconds(written + tremble)


def poll(
    feed: Feed | None,
    count: int,
    *,
    interval_s: float = 15.0,
    took_s: tuple[float, float] = (0.05, 3.0),
    misses_none: bool = False,
) -> list[Poll]:
    """Poll so many times, each taking its own time; None is a feed that cannot be reached."""
    random = Random(2)
    plan, newest = PollPlan(START), None
    polls: list[Poll] = []
    for _ in range(count):
        found = None if feed is None else feed.update_timestamp(plan.due)
        # Two copies of one update differ by what trembles.
        advanced = found is not None and (newest is None or found - newest > seconds(1))
        newest = found if advanced else newest
        polls.append(Poll(plan.due, newest, advanced))
        now = plan.due + seconds(random.uniform(*took_s))
        plan = next_poll(plan, now, interval_s, newest, advanced=advanced, misses_none=misses_none)
    return polls


def gaps(polls: list[Poll]) -> list[float]:
    return [(b.due - a.due).total_seconds() for a, b in pairwise(polls)]


moments = st.floats(-10_000, 10_000)


@given(
    due=moments,
    took_s=st.floats(0, 500),
    interval_s=st.floats(0.5, 120),
    margin_s=st.floats(FIRST_MARGIN_S, 20),
    update=st.none() | moments,
    advanced=st.booleans(),
)
def test_the_next_poll_is_never_sooner_than_the_interval_and_never_in_the_past(
    due: float,
    took_s: float,
    interval_s: float,
    margin_s: float,
    update: float | None,
    advanced: bool,
) -> None:
    plan = PollPlan(START + seconds(due), margin_s)
    now = plan.due + seconds(took_s)
    seen = None if update is None else START + seconds(update)
    after = next_poll(plan, now, interval_s, seen, advanced=advanced)
    rounding = timedelta(microseconds=10)
    assert after.due >= plan.due + seconds(interval_s) - rounding
    assert after.due >= now - rounding
    # And it does not wait for long either: an interval, and a period to be in phase.
    assert after.due <= max(now, plan.due) + seconds(2 * interval_s + FEED_PERIOD_S + margin_s)


def test_a_phase_is_learned_and_every_update_of_a_day_is_seen_just_after_it_is_written() -> None:
    polls = poll(Feed(tremble_s=0.01), 5760)
    settled = polls[2:]
    assert all(one.advanced for one in settled)
    for one in settled:
        assert one.update_timestamp is not None
        late_s = (one.due - one.update_timestamp).total_seconds()
        assert 0 < late_s < FIRST_MARGIN_S + 1.5


def test_thousands_of_polls_do_not_drift() -> None:
    polls = poll(Feed(), 5000)
    assert (polls[-1].due - polls[2].due).total_seconds() == pytest.approx(
        15.0 * (len(polls) - 3), abs=0.01
    )


@pytest.mark.parametrize("lag_s", [0.0, 1.99, 2.0, 3.5, 5.5, 9.0, 14.9])
def test_a_feed_that_can_be_had_late_is_seen_update_by_update_all_the_same(lag_s: float) -> None:
    polls = poll(Feed(lag_s=lag_s, tremble_s=0.01), 400)[10:]
    assert [one.advanced for one in polls] == [True] * len(polls)
    updates = [one.update_timestamp for one in polls if one.update_timestamp is not None]
    assert all(b - a < seconds(1.5 * FEED_PERIOD_S) for a, b in pairwise(updates))


def test_a_poll_that_finds_nothing_new_came_too_soon_and_the_next_comes_later() -> None:
    update = START - seconds(FIRST_MARGIN_S)
    now = START + seconds(0.3)
    found = next_poll(PollPlan(START), now, 15.0, update, advanced=True)
    in_vain = next_poll(PollPlan(START), now, 15.0, update, advanced=False)
    assert in_vain.due - found.due == seconds(1.0)


@pytest.mark.parametrize("offset", [timedelta(days=-900), timedelta(hours=3)])
def test_a_feed_of_another_clock_is_polled_at_a_steady_pace_and_misses_nothing(
    offset: timedelta,
) -> None:
    polls = poll(Feed(offset=offset), 3000)
    assert sum(not one.advanced for one in polls) <= 3
    assert gaps(polls[5:]) == pytest.approx([15.0] * len(gaps(polls[5:])))


def test_a_simulator_at_speed_is_polled_once_an_interval() -> None:
    polls = poll(Feed(period_s=1.5, phase_s=0.3, offset=timedelta(days=200)), 2000, interval_s=1.5,
                 took_s=(0.01, 0.4))  # fmt: skip
    assert sum(not one.advanced for one in polls) <= 20
    assert min(gaps(polls)) >= 1.5


def test_polling_faster_than_the_feed_waits_for_no_phase() -> None:
    plan = PollPlan(START)
    for number in range(1, 100):
        before, update = plan, START + seconds(number // 3 * 15.0)
        plan = next_poll(plan, plan.due + seconds(0.1), 5.0, update, advanced=number % 3 == 0)
        assert seconds(5.0) <= plan.due - before.due < seconds(5.5)


def test_a_replay_that_leaps_through_the_days_is_polled_once_an_interval() -> None:
    plan, update = PollPlan(START), START - timedelta(days=1000)
    for number in range(1, 500):
        update += timedelta(hours=7)
        plan = next_poll(plan, plan.due + seconds(0.3), 15.0, update, advanced=True)
        assert plan.due == START + seconds(15.0 * number)


def test_a_feed_that_cannot_be_reached_is_tried_at_a_steady_pace() -> None:
    assert gaps(poll(None, 500)) == [15.0] * 499


def test_a_frozen_feed_is_still_polled() -> None:
    plan = PollPlan(START)
    for _ in range(500):
        before = plan
        plan = next_poll(plan, plan.due + seconds(0.2), 15.0, START, advanced=False)
        assert seconds(15.0) <= plan.due - before.due <= seconds(45.0)


def test_a_poll_that_took_longer_than_the_interval_is_followed_by_one_in_step() -> None:
    after = next_poll(PollPlan(START), START + seconds(40), 15.0, None, advanced=False)
    assert after.due == START + seconds(45)


@pytest.mark.parametrize("phase_s", [0.5 * half for half in range(30)])
def test_from_its_first_poll_on_a_collector_misses_no_update_whatever_phase_it_starts_at(
    phase_s: float,
) -> None:
    polls = poll(Feed(phase_s=phase_s), 300, misses_none=True)
    updates = [one.update_timestamp for one in polls if one.advanced]
    assert gaps(polls) == pytest.approx([15.0] * 299, abs=FIRST_MARGIN_S + 1)
    for a, b in pairwise(updates):
        assert a is not None
        assert b is not None
        assert b - a == seconds(FEED_PERIOD_S)


def test_a_restarted_collector_that_knows_its_last_poll_keeps_its_schedule() -> None:
    polls = poll(Feed(), 20)
    last = polls[-1]
    for gone_s in (0.2, 5.0, 14.0):
        plan = next_poll(
            PollPlan(last.due), last.due + seconds(gone_s), 15.0, last.update_timestamp,
            advanced=True, misses_none=True,
        )  # fmt: skip
        assert plan.due == last.due + seconds(15.0)


@given(
    back_s=st.floats(1, 400 * 86_400),
    took_s=st.floats(0, 14),
    interval_s=st.floats(0.5, 120),
    margin_s=st.floats(FIRST_MARGIN_S, 20),
    age_s=st.none() | st.floats(-10_000, 10_000),
    advanced=st.booleans(),
    misses_none=st.booleans(),
)
def test_a_clock_that_is_set_back_costs_no_poll(
    back_s: float,
    took_s: float,
    interval_s: float,
    margin_s: float,
    age_s: float | None,
    advanced: bool,
    misses_none: bool,
) -> None:
    now = START + seconds(took_s) - seconds(back_s)
    seen = None if age_s is None else START - seconds(age_s)
    after = next_poll(
        PollPlan(START, margin_s), now, interval_s, seen, advanced=advanced, misses_none=misses_none
    )
    assert now <= after.due <= now + seconds(2 * interval_s + FEED_PERIOD_S + margin_s)
