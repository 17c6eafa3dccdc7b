"""Ids that are computed, and when two logons are one."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.build import START
from vatwatch.traffic.identity import (
    connection_id,
    event_id,
    find_callsign,
    same_logon,
    stable_id,
)

WORDS = st.lists(st.text("abc1", max_size=3) | st.integers(0, 99), min_size=1, max_size=4)


def test_an_id_is_the_same_in_every_version() -> None:
    """What is stored was computed with these: another result would count everything twice."""
    assert stable_id("flight", 1, "ABC1", "x") == 3_832_616_626_985_140_818
    assert str(event_id("t", "FLIGHT_CREATED", "1")) == "9cd1ba3f-fba0-596a-992a-f0f509a180f5"


@given(WORDS, WORDS)
def test_ids_fit_the_database_and_are_equal_only_for_equal_parts(
    one: list[object], other: list[object]
) -> None:
    assert 0 <= stable_id(*one) < 2**63
    assert (stable_id(*one) == stable_id(*other)) == ([*map(str, one)] == [*map(str, other)])


@given(st.integers(0, 999_999))
def test_a_logon_whose_fraction_is_cut_is_the_same_connection(microseconds: int) -> None:
    logon = START.replace(microsecond=microseconds)
    cut = START.replace(microsecond=0)
    assert connection_id("flight", 1, "ABC1", logon) == connection_id("flight", 1, "ABC1", cut)
    assert same_logon(logon, cut)


def test_another_kind_person_callsign_or_time_is_another_id() -> None:
    ids = {
        connection_id("flight", 1, "ABC1", START),
        connection_id("session", 1, "ABC1", START),
        connection_id("flight", 2, "ABC1", START),
        connection_id("flight", 1, "ABC2", START),
        connection_id("flight", 1, "ABC1", START + timedelta(seconds=1)),
    }
    assert len(ids) == 5


@given(st.integers(-10_000, 10_000))
def test_two_seconds_apart_is_the_same_logon_and_more_is_not(milliseconds: int) -> None:
    apart = timedelta(milliseconds=milliseconds)
    assert same_logon(START, START + apart) == (abs(milliseconds) <= 2000)


def test_an_event_derived_twice_is_one_event() -> None:
    assert event_id("t", "FLIGHT_CREATED", "1") == event_id("t", "FLIGHT_CREATED", "1")
    others = [
        ("u", "FLIGHT_CREATED", "1"),
        ("t", "FLIGHT_UPDATED", "1"),
        ("t", "FLIGHT_CREATED", "2"),
    ]
    assert len({event_id(*other) for other in [("t", "FLIGHT_CREATED", "1"), *others]}) == 4


def test_a_callsign_is_found_as_it_is_or_else_in_another_case() -> None:
    known = {"TST1": 1, "tst2": 2, "\u00c5STRA\u00df": 3, "A/B": 4, "Dup1": 5, "DUP1": 6}
    for callsign, number in known.items():
        assert find_callsign(known, callsign) == number
    assert find_callsign(known, "tst1") == 1
    assert find_callsign(known, "TST2") == 2
    assert find_callsign(known, "A\u030astra\u00df") == 3  # written with a combining ring
    assert find_callsign(known, "dup1") is None
    assert find_callsign(known, "TST3") is None
