"""Reconnects, frequencies and stale ATIS, held against the truth."""

from __future__ import annotations

import pytest

from tests.verification.build import (
    CALLSIGN,
    CID,
    at,
    counts,
    flight,
    happening,
    results,
    session,
    there,
)
from vatwatch.verification.accounts import Account, FrequencyChange, Stay

HERTZ = 118_500_000


def tuned(first_s: float, last_s: float, hertz: int = HERTZ) -> FrequencyChange:
    return FrequencyChange(CID, CALLSIGN, at(first_s), hertz, at(last_s))


def back(kind: str, seconds: float, *stays: Stay) -> Account:
    account = Account(reconnects=(happening(kind, seconds),))
    owner = {"flights": (flight(1, *stays),), "sessions": (session(1, *stays),)}
    return Account(**{f"{kind}s": owner[f"{kind}s"]}, reconnects=account.reconnects)


@pytest.mark.parametrize("kind", ["flight", "session"])
def test_a_reconnect_is_found_with_the_snapshot_that_shows_it(kind: str) -> None:
    stays = there(0, 601), there(700, 1_200)
    result = results(back(kind, 700, *stays), back(kind, 705, *stays))[f"reconnects of {kind}s"]
    assert counts(result) == (1, 0, 0)
    assert result.snapshots_off == [0]


@pytest.mark.parametrize("kind", ["flight", "session"])
def test_a_reconnect_that_is_not_derived_is_missed_and_one_too_many_is_invented(
    kind: str,
) -> None:
    stays = there(0, 601), there(700, 1_200)
    nothing = Account(flights=(flight(1, *stays),), sessions=(session(1, *stays),))
    name = f"reconnects of {kind}s"
    assert counts(results(back(kind, 700, *stays), nothing)[name]) == (0, 1, 0)
    assert counts(results(nothing, back(kind, 705, *stays))[name]) == (0, 0, 1)


def test_a_reconnect_of_somebody_who_is_lost_again_at_once_does_not_count() -> None:
    stays = there(0, 601), there(700, 704), there(709, 1_200)
    true = back("flight", 700, *stays)
    assert counts(results(true, Account())["reconnects of flights"]) == (0, 0, 0)
    # As the feed shows it, there was one, and when it began nobody can tell.
    derived = back("flight", 720, *stays)
    assert counts(results(true, derived)["reconnects of flights"]) == (0, 0, 0)


def test_each_frequency_of_a_session_is_held_and_not_only_the_first() -> None:
    true = Account(frequencies=(tuned(20, 600), tuned(600, 1_200, HERTZ + 25_000)))
    name = "frequencies"
    assert counts(results(true, true)[name]) == (2, 0, 0)
    assert counts(results(true, Account(frequencies=true.frequencies[:1]))[name]) == (1, 1, 0)
    wrong = Account(frequencies=(tuned(20, 600), tuned(600, 1_200, HERTZ)))
    assert counts(results(true, wrong)[name])[:2] == (1, 1)


def test_a_frequency_between_two_snapshots_does_not_count_and_is_not_invented() -> None:
    true = Account(frequencies=(tuned(601, 604),))
    assert counts(results(true, Account())["frequencies"]) == (0, 0, 0)
    assert counts(results(true, true)["frequencies"]) == (0, 0, 0)
    assert counts(results(Account(), true)["frequencies"]) == (0, 0, 1)


def stale(first_s: float, last_s: float) -> Account:
    return Account(stale=(Stay(0, "EGLL_ATIS", at(first_s), at(last_s)),))


@pytest.mark.parametrize(
    ("first_s", "last_s", "expected"),
    [
        (615, 1_800, (1, 0, 0)),
        (615, 1_785, (1, 0, 0)),
        # It goes on after its time, or ends before it, or nobody lists it.
        (615, 2_100, (0, 1, 1)),
        (615, 1_500, (0, 1, 1)),
        (900, 1_800, (0, 1, 1)),
    ],
)
def test_a_station_that_has_left_is_listed_from_then_on_and_for_its_time(
    first_s: float, last_s: float, expected: tuple[int, int, int]
) -> None:
    assert counts(results(stale(605, 1_807), stale(first_s, last_s))["stale atis"]) == expected


def test_a_station_that_is_not_listed_is_missed_and_one_that_has_not_left_is_invented() -> None:
    assert counts(results(stale(605, 1_807), Account())["stale atis"]) == (0, 1, 0)
    assert counts(results(Account(), stale(615, 1_800))["stale atis"]) == (0, 0, 1)
    # Back before the next snapshot: it was never away.
    assert counts(results(stale(605, 610), Account())["stale atis"]) == (0, 0, 0)
