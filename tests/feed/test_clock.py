"""What a feed's time means, on clocks of the test's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vatwatch.feed.clock import (
    MOST_HELD,
    ClockVerdict,
    FeedClock,
    Judgement,
    Moment,
    judge,
    readable,
    restore,
)
from vatwatch.feed.times import parse_feed_time

NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
POLL = timedelta(seconds=15)
DAY, HOUR, YEARS = timedelta(days=1), timedelta(hours=1), timedelta(days=3653)


@dataclass
class House:
    """What a fetcher and a journal do with the decision: bytes lie in exactly one place."""

    clock: FeedClock = field(default_factory=FeedClock)
    processed: list[datetime] = field(default_factory=list)
    held: list[Moment] = field(default_factory=list)
    quarantined: list[datetime] = field(default_factory=list)
    followed: list[Moment] = field(default_factory=list)

    def fetch(self, update: Moment) -> Judgement:
        judgement = judge(self.clock, update)
        if judgement.hold:
            self.held.append(update)
        elif judgement.verdict.is_followed and not judgement.release:
            self._process(update)
        self._carry_out(judgement)
        self.clock = judgement.clock
        return judgement

    def restart(self) -> None:
        """All that is left is what the journal has."""
        self.clock, unfinished = restore(self.followed[-2:], self.held)
        for judgement in unfinished:
            self._carry_out(judgement)

    def _carry_out(self, judgement: Judgement) -> None:
        for time in judgement.release:
            self._process(self._take(time))
        for time in judgement.drop:
            self._take(time)
            self.quarantined.append(time)

    def _process(self, update: Moment) -> None:
        self.processed.append(update.time)
        self.followed.append(update)

    def _take(self, time: datetime) -> Moment:
        found = next(one for one in self.held if one.time == time)
        self.held.remove(found)
        return found

    @property
    def everything(self) -> list[datetime]:
        return sorted([*self.processed, *self.quarantined, *(m.time for m in self.held)])


def fetched(leads: Iterable[timedelta], *, start: datetime = NOON) -> list[Moment]:
    """An update each 15 s, each so far ahead of our clock."""
    return [
        Moment(start + number * POLL + lead, start + number * POLL)
        for number, lead in enumerate(leads)
    ]


def verdicts(leads: Sequence[timedelta]) -> list[str]:
    house = House()
    return [house.fetch(update).verdict.value for update in fetched(leads)]


NOW, ODD = timedelta(seconds=-2), timedelta()
N, S, F, O, A, R = "new", "same", "future", "older", "another clock", "returned"  # noqa: E741


@pytest.mark.parametrize(
    ("what", "leads", "expected"),
    [
        ("a feed as it is", [NOW] * 4, [N] * 4),
        ("a recording of years ago", [-YEARS] * 4, [N] * 4),
        ("a recording that leaps", [-YEARS, -HOUR, NOW], [N] * 3),
        ("five minutes ahead are believed", [NOW, timedelta(minutes=5), NOW], [N, N, O]),
        ("a second more is not", [NOW, timedelta(minutes=5, seconds=1), NOW], [N, F, N]),
        ("the first of all from the future", [YEARS, NOW, NOW], [F, N, N]),
        ("one from the future", [NOW, YEARS, NOW, NOW], [N, F, N, N]),
        ("two from the future", [NOW, YEARS, YEARS, NOW], [N, F, F, N]),
        ("a step of a day ahead", [NOW, DAY, DAY, DAY, DAY], [N, F, F, A, N]),
        ("a step of a day back", [NOW, -DAY, -DAY, -DAY, -DAY], [N, O, O, A, N]),
        ("an hour behind, and it goes on", [NOW, -HOUR, -HOUR, -HOUR, -HOUR], [N, O, O, A, N]),
        ("ahead, and set right", [NOW, HOUR, HOUR, HOUR, NOW, NOW], [N, F, F, A, R, N]),
        ("behind, and set right", [NOW, -DAY, -DAY, -DAY, NOW, NOW], [N, O, O, A, N, N]),
        ("our own clock is a day behind", [DAY] * 5, [F, F, A, N, N]),
        ("one from tomorrow in a recording", [-YEARS, DAY - YEARS, -YEARS, -YEARS, -YEARS, -YEARS],
         [N, N, O, O, A, N]),
        ("there and back", [NOW, DAY, NOW, DAY, NOW, DAY, NOW], [N, F, N, F, N, F, N]),
        ("a wrong server and a right one", [YEARS, YEARS, YEARS, NOW, YEARS, NOW, YEARS, NOW],
         [F, F, A, R, F, N, F, N]),
        ("two wrong servers ahead, and no right one", [NOW, DAY, HOUR, DAY, HOUR, DAY],
         [N, F, F, F, F, A]),
        ("two wrong servers behind, and no right one",
         [NOW, -HOUR, -DAY, -HOUR, -DAY, -HOUR, -HOUR], [N, O, O, O, O, A, N]),
        ("one ahead and one behind, and no right one", [NOW, DAY, -DAY, DAY, -DAY, DAY, DAY],
         [N, F, O, F, O, A, N]),
        ("older and future ones do not make one clock", [NOW, -HOUR, -HOUR, YEARS], [N, O, O, F]),
        ("frozen in the future", [DAY, DAY - POLL, DAY - 2 * POLL, NOW], [F, F, F, N]),
        ("an older copy, again and again", [NOW, ODD - 2 * POLL, ODD - 3 * POLL, ODD - 4 * POLL],
         [N, O, O, O]),
        ("three in a row, of which one is held already",
         [timedelta(minutes=5), 2 * POLL, ODD, ODD, ODD, ODD], [N, O, O, O, A, N]),
        ("frozen", [NOW, NOW - POLL, NOW - 2 * POLL, NOW], [N, S, S, N]),
    ],
)  # fmt: skip
def test_the_decision(what: str, leads: list[timedelta], expected: list[str]) -> None:
    assert verdicts(leads) == expected, what


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "9999-12-31T23:59:59.9999999Z", "2000-12-31T23:59:59Z", "2101-01-01T00:00:00Z",
     "2026-05-01\x0012:00:00Z", "2026-W18-5T12:00:00Z", "0001-01-01T00:00:00+23:59"],
)  # fmt: skip
def test_a_time_outside_the_calendar_is_not_an_update(text: str) -> None:
    with pytest.raises(ValueError, match=r"not "):
        parse_feed_time(text)


@pytest.mark.parametrize("time", ["2001-01-01T00:00:00Z", "2100-12-31T23:59:59.9999999Z"])
@pytest.mark.parametrize("clock", [FeedClock(), FeedClock(Moment(NOON, NOON), 1000.0)])
@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_the_ends_of_the_calendar_can_be_judged_by_any_clock(
    time: str, clock: FeedClock, at: str
) -> None:
    update = Moment(parse_feed_time(time), datetime.fromisoformat(at))
    assert judge(clock, update).verdict in ClockVerdict


def test_a_clock_that_gains_on_ours_is_never_held() -> None:
    """A simulator at ten times the speed, or a server whose clock drifts."""
    house = House()
    for number in range(2000):
        at = NOON + number * timedelta(seconds=1.5)
        assert house.fetch(Moment(NOON + number * POLL, at)).verdict is ClockVerdict.NEW


def test_a_clock_about_five_minutes_ahead_is_not_held_every_other_time() -> None:
    five, trembles = timedelta(minutes=5), timedelta(seconds=3)
    assert verdicts([five + trembles, five - trembles] * 4) == [F] + [N] * 7


@pytest.mark.parametrize("speed", [1, 2, 10, 60, 240, 1000])
@pytest.mark.parametrize("poll_s", [1.0, 15.0])
def test_a_clock_of_any_speed_is_held_once_even_if_polls_fail_for_a_while(
    speed: int, poll_s: float
) -> None:
    house = House()
    seen = []
    for number in range(400):
        if 200 <= number < 240:
            continue  # nothing can be fetched
        at = NOON + number * timedelta(seconds=poll_s)
        seen.append(house.fetch(Moment(NOON + speed * (at - NOON), at)).verdict)
    assert seen.count(ClockVerdict.FUTURE) <= 2
    assert house.quarantined == []
    assert house.processed[-1] == house.everything[-1]


def test_one_from_the_far_future_is_held_also_by_a_clock_that_is_ahead() -> None:
    assert verdicts([DAY, DAY, DAY, DAY, YEARS, DAY]) == [F, F, A, N, F, N]


def test_our_own_clock_may_be_set_back_without_a_poll_being_held() -> None:
    house = House()
    for update in fetched([NOW] * 3):
        house.fetch(update)
    for number in range(3, 8):  # a day is lost, and the feed goes on
        time = NOON + number * POLL + NOW
        verdict = house.fetch(Moment(time, time - DAY)).verdict
        assert verdict is ClockVerdict.NEW


def test_our_own_clock_may_be_set_forward_without_a_poll_being_held() -> None:
    house = House()
    for number in range(6):
        time = NOON + number * POLL
        own = time + DAY if number >= 3 else time
        assert house.fetch(Moment(time, own)).verdict is ClockVerdict.NEW


def test_the_same_held_update_is_held_once_however_often_it_comes() -> None:
    house = House()
    old = NOON - HOUR
    house.fetch(Moment(NOON, NOON))
    for number in range(20):
        assert house.fetch(Moment(old, NOON + number * POLL)).hold is (number == 0)
    assert house.held == [Moment(old, NOON)]


steps = st.tuples(
    st.sampled_from([0, 1, 2, 3]),  # which server answers
    st.sampled_from([0, 1, 1, 1, 2, 40]),  # how many polls it takes until then
    st.booleans(),  # the fetcher is restarted afterwards
)
leads = st.sampled_from(
    [timedelta(), -POLL, 2 * POLL, HOUR, -HOUR, DAY, -DAY, YEARS, -YEARS, timedelta(minutes=5)]
)


@given(offsets=st.tuples(leads, leads, leads, leads), polls=st.lists(steps, max_size=60))
@example(offsets=(timedelta(), DAY, HOUR, -DAY), polls=[(k % 4, 1, k % 7 == 0) for k in range(60)])
@example(offsets=(2 * POLL, timedelta(minutes=5), ODD, ODD), polls=[(1, 0, False), (0, 0, False)])
def test_nothing_is_lost_or_taken_twice_and_a_normal_clock_is_followed_within_three_updates(
    offsets: tuple[timedelta, ...], polls: list[tuple[int, int, bool]]
) -> None:
    house, given_times, ticks = House(), set(), 0
    for server, waited, restarts in polls:
        ticks += waited
        at = NOON + ticks * POLL
        update = Moment(at + offsets[server], at)
        house.fetch(update)
        given_times.add(update.time)
        assert len(house.held) <= MOST_HELD + 1
        if restarts:
            before = house.clock
            house.restart()
            assert house.clock.newest == before.newest
            assert house.clock.held == before.held
    # An update that is dropped and comes again is held again: its bytes lie there twice, not less.
    assert set(house.everything) == given_times
    assert len(house.processed) == len(house.followed)

    normal = [Moment(NOON + (ticks + n) * POLL, NOON + (ticks + n) * POLL) for n in range(1, 9)]
    seen = [house.fetch(update).verdict for update in normal]
    assert any(verdict.is_followed for verdict in seen[:3])
    assert all(verdict is ClockVerdict.NEW for verdict in seen[3:])
    assert {m.time for m in normal[3:]} <= set(house.processed)
    assert {m.time for m in normal} <= set(house.everything)


@given(offset=leads, interrupted=st.integers(0, 2))
def test_a_release_that_a_crash_has_interrupted_is_finished_after_the_restart(
    offset: timedelta, interrupted: int
) -> None:
    house = House()
    moments = fetched([NOW, offset, offset, offset])
    for update in moments[:3]:
        house.fetch(update)
    judgement = judge(house.clock, moments[3])
    if not judgement.release:
        return  # not another clock, so there is nothing to interrupt
    house.held.append(moments[3])
    for time in judgement.release[:interrupted]:
        house._process(house._take(time))
    house.restart()
    assert house.processed == [m.time for m in moments]
    assert house.held == []


@pytest.mark.parametrize(
    ("lead", "text"),
    [
        (YEARS, "about 10 years ahead"),
        (DAY, "about 24 hours ahead"),
        (-3 * DAY, "about 3 days behind"),
        (timedelta(minutes=5, seconds=1), "about 5 min ahead"),
        (timedelta(seconds=-60), "about 60 s behind"),
    ],
)
def test_a_difference_is_shown_in_its_largest_unit(lead: timedelta, text: str) -> None:
    assert readable(lead) == text


@pytest.mark.parametrize(
    ("lead", "text"),
    [
        (timedelta(days=3652), "about 10 years ahead"),
        (timedelta(days=730), "about 730 days ahead"),
        (timedelta(days=-2), "about 2 days behind"),
        (timedelta(hours=47), "about 47 hours ahead"),
        (timedelta(minutes=-119), "about 119 min behind"),
        (timedelta(minutes=2), "about 2 min ahead"),
        (timedelta(seconds=119), "about 119 s ahead"),
        (timedelta(seconds=-7.4), "about 7 s behind"),
    ],
)
def test_the_difference_of_a_clock_is_shown_in_a_unit_for_people(
    lead: timedelta, text: str
) -> None:
    assert readable(lead) == text
