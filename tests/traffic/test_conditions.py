"""What is wrong with the feed's content is told for as long as it is wrong, and no longer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

import pytest

from tests.traffic.build import START
from vatwatch.feed.decode import Tally
from vatwatch.traffic.conditions import ACCEPT_AFTER, MEMORY, Usual, observe

STEP = timedelta(seconds=15)
FEWER, NONE = "far fewer than the usual", "no pilots at all"


def told(counts: Iterable[int], step: timedelta = STEP) -> list[str]:
    """For so many pilots, snapshot by snapshot: which of the two conditions holds."""
    usual, time, seen = Usual(), START, []
    for count in counts:
        observation = observe(usual, time, tallies(pilot=(count, count)))
        usual, time = observation.usual, time + step
        text = "; ".join(observation.conditions)
        seen.append("none" if NONE in text else "fewer" if FEWER in text else "")
    return seen


def tallies(**kinds: tuple[int, int]) -> dict[str, Tally]:
    """Of each kind: sent and read. Pilots and controllers are there unless given."""
    return {kind: Tally(*pair) for kind, pair in {"controller": (3, 3), **kinds}.items()}


def steps(time: timedelta) -> int:
    return int(time / STEP)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0], ["none"]),
        ([3, 0, 0, 0, 0, 3], ["", "none", "none", "none", "none", ""]),
        ([299, 51, 51, 52, 290, 291], ["", "fewer", "fewer", "fewer", "", ""]),
        ([1000, 600, 600, 1000], ["", "fewer", "fewer", ""]),
        ([1000, 660, 670], ["", "fewer", ""]),
        ([1000, 0, 500, 990], ["", "none", "fewer", ""]),
        # A small network: people do go home.
        ([30, 11, 30, 10], ["", "", "", "fewer"]),
        ([12, 2, 1], ["", "", ""]),
        # More than usual is no fault.
        ([100, 5000, 4900], ["", "", ""]),
    ],
)
def test_far_fewer_than_usual_or_none_is_told_as_long_as_it_lasts(
    counts: list[int], expected: list[str]
) -> None:
    assert told(counts) == expected


def test_what_is_usual_follows_a_slow_fall_by_the_time_that_has_passed() -> None:
    usual = observe(Usual(), START, tallies(pilot=(1000, 1000))).usual
    for seconds in (60, 120, 180):
        time = START + timedelta(seconds=seconds)
        usual = observe(usual, time, tallies(pilot=(900, 900))).usual
        expected = 900 + 100 * math.exp(-timedelta(seconds=seconds) / MEMORY)
        assert usual.pilots == pytest.approx(expected)


def test_people_who_go_home_in_the_evening_are_no_fault() -> None:
    """A third fewer in an hour, snapshot by snapshot."""
    evening = [round(1500 * (2 / 3) ** (n / 240)) for n in range(4 * 240)]
    assert set(told(evening)) == {""}


def test_a_low_number_that_lasts_becomes_the_usual_one() -> None:
    low = steps(ACCEPT_AFTER)
    seen = told([1000, *[300] * (low + 5), 190])
    assert seen[1 : low + 1] == ["fewer"] * low
    assert seen[low + 1 : -1] == [""] * 5
    assert seen[-1] == "fewer"


def test_that_nobody_flies_at_all_never_becomes_usual() -> None:
    assert set(told([0] * (2 * steps(ACCEPT_AFTER)))) == {"none"}


def test_what_was_usual_before_a_long_gap_or_by_another_clock_says_nothing() -> None:
    assert told([1000, 100], timedelta(hours=8)) == ["", ""]
    assert told([1000, 100], -timedelta(days=1)) == ["", ""]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"pilot": (3, 3)}, ()),
        ({"pilot": (3, 0)}, ("none of 3 pilots can be read",)),
        ({"pilot": (9, 4)}, ("5 of 9 pilots cannot be read",)),
        ({"pilot": (9, 5), "prefile": (0, 0)}, ()),
        ({"pilot": (3, 3), "atis": (2, 0)}, ("none of 2 ATIS stations can be read",)),
        ({"pilot": (3, 3), "radios": (4, 0)}, ("none of 4 clients' radios can be read",)),
        ({}, ("the feed has no list of pilots",)),
    ],
)
def test_a_kind_that_cannot_be_read_is_told(
    kinds: dict[str, tuple[int, int]], expected: tuple[str, ...]
) -> None:
    usual = Usual()
    for number in range(3):
        observation = observe(usual, START + number * STEP, tallies(**kinds))
        usual = observation.usual
        assert observation.conditions == expected


def test_radios_that_cannot_be_read_are_told_with_the_reason() -> None:
    (condition,) = observe(Usual(), START, tallies(pilot=(1, 1)), "it ends too early").conditions
    assert condition == "the radios feed cannot be read: it ends too early"
