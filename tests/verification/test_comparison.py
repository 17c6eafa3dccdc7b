"""The checker against derivations in which one fault is planted each."""

from __future__ import annotations

import pytest

from tests.verification.build import (
    CID,
    SNAPSHOTS,
    at,
    counts,
    flight,
    happening,
    letter,
    results,
    session,
    there,
)
from vatwatch.verification.accounts import HAPPENINGS, MOVEMENTS, Account
from vatwatch.verification.results import missed_aims

HERE = there(0, 3_600)
ONE = (flight(1, HERE),)
# What a derivation of the same flight calls it.
SAME = (flight(77, HERE),)


# --- flights --------------------------------------------------------------------------------------


def test_a_flight_that_is_derived_as_one_is_found() -> None:
    found = results(Account(flights=ONE), Account(flights=SAME))["flights"]
    assert counts(found) == (1, 0, 0)
    assert found.examples == []


def test_a_record_that_lingers_in_the_first_snapshot_is_no_invented_flight() -> None:
    true = Account(flights=(flight(1, there(-900, -10)),))
    lingers, comes_later = Account(flights=(flight(7, there(0, 45)),)), there(15, 45)
    assert counts(results(true, lingers)["flights"]) == (0, 0, 0)
    assert counts(results(Account(), lingers)["flights"]) == (0, 0, 1)
    later = Account(flights=(flight(7, comes_later),))
    assert counts(results(true, later)["flights"]) == (0, 0, 1)


def test_a_flight_that_is_not_derived_is_missed() -> None:
    assert counts(results(Account(flights=ONE), Account())["flights"]) == (0, 1, 0)


def test_a_flight_that_nobody_flew_is_invented() -> None:
    other = flight(78, there(0, 3_600, callsign="DLH1"))
    found = results(Account(flights=ONE), Account(flights=(*SAME, other)))["flights"]
    assert counts(found) == (1, 0, 1)
    assert "DLH1" in found.examples[0]


def test_a_flight_in_two_parts_is_missed_and_a_part_invented() -> None:
    parts = (flight(77, there(0, 1_500)), flight(78, there(1_515, 3_600)))
    found = results(Account(flights=ONE), Account(flights=parts))["flights"]
    assert counts(found) == (0, 1, 1)
    assert "in 2 parts" in found.examples[0]


def test_two_flights_that_are_glued_are_both_missed() -> None:
    true = (flight(1, there(0, 1_800)), flight(2, there(1_800, 3_600)))
    found = results(Account(flights=true), Account(flights=SAME))["flights"]
    assert counts(found) == (0, 2, 0)
    assert "glued" in found.examples[0]


def test_a_flight_that_is_joined_again_after_a_gap_is_one() -> None:
    true = flight(1, there(0, 600), there(1_200, 2_400))
    derived = flight(77, there(15, 600), there(1_215, 2_400))
    found = results(Account(flights=(true,)), Account(flights=(derived,)))["flights"]
    assert counts(found) == (1, 0, 0)


def test_where_exactly_two_legs_are_cut_is_no_fault_but_a_minute_is() -> None:
    true = Account(flights=(flight(1, there(0, 1_800)), flight(2, there(1_800, 3_600))))

    def cut_at(seconds: float) -> Account:
        return Account(
            flights=(flight(77, there(0, seconds)), flight(78, there(seconds + 15, 3_600)))
        )

    assert counts(results(true, cut_at(1_840))["flights"]) == (2, 0, 0)
    assert counts(results(true, cut_at(1_900))["flights"]) != (2, 0, 0)


def test_a_flight_between_two_snapshots_does_not_count() -> None:
    true = Account(flights=(flight(1, there(16, 29)),))
    assert counts(results(true, Account())["flights"]) == (0, 0, 0)


def test_a_flight_that_had_landed_before_the_first_snapshot_does_not_count() -> None:
    true = Account(
        flights=(flight(1, there(-900, 1_200)), flight(2, there(1_200, 3_600))),
        happenings=(happening("landing", -60),),
    )
    glued, apart = SAME, (flight(77, there(0, 1_200)), flight(78, there(1_215, 3_600)))
    split = (flight(77, there(0, 2_400)), flight(78, there(2_415, 3_600)))
    assert counts(results(true, Account(flights=glued))["flights"]) == (1, 0, 0)
    assert counts(results(true, Account(flights=apart))["flights"]) == (1, 0, 0)
    assert counts(results(true, Account(flights=split))["flights"]) == (0, 1, 1)


def test_what_happens_in_the_last_two_minutes_does_not_count() -> None:
    def missed(seconds: float) -> int:
        true = Account(flights=ONE, happenings=(happening("on_block", seconds),))
        return results(true, Account(flights=SAME))["on_block"].missed

    assert (missed(3_470), missed(3_490)) == (1, 0)


def test_a_short_flight_counts() -> None:
    true = Account(flights=(flight(1, there(14, 31)),))
    derived = Account(flights=(flight(77, there(15, 30)),))
    assert counts(results(true, derived)["flights"]) == (1, 0, 0)
    assert counts(results(true, Account())["flights"]) == (0, 1, 0)


def test_the_same_cid_under_another_callsign_is_another_flight() -> None:
    derived = Account(flights=(flight(77, there(0, 3_600, callsign="BAW2")),))
    assert counts(results(Account(flights=ONE), derived)["flights"]) == (0, 1, 1)


# --- what aircraft do -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HAPPENINGS)
def test_each_kind_of_fault_of_each_kind_is_counted(kind: str) -> None:
    true = Account(flights=ONE, happenings=(happening(kind, 601),))

    def derived(*seconds: float) -> Account:
        return Account(flights=SAME, happenings=tuple(happening(kind, one) for one in seconds))

    assert counts(results(true, derived(615))[kind]) == (1, 0, 0)
    assert counts(results(true, derived())[kind]) == (0, 1, 0)
    assert counts(results(true, derived(615, 1_800))[kind]) == (1, 0, 1)
    assert counts(results(true, derived(1_800))[kind]) == (0, 1, 1)
    assert counts(results(Account(flights=ONE), derived(615))[kind]) == (0, 0, 1)


def test_how_late_it_is_derived_is_measured_from_the_moment_itself() -> None:
    true = Account(flights=ONE, happenings=(happening("landing", 601),))
    late = Account(flights=SAME, happenings=(happening("landing", 645),))
    result = results(true, late)["landing"]
    assert result.errors_s == [44]
    assert result.snapshots_off == [2]
    assert result.share_off_by(1) == 0
    assert "+44 s" in result.examples[0]


def test_early_is_a_fault_too() -> None:
    true = Account(flights=ONE, happenings=(happening("landing", 601),))
    early = Account(flights=SAME, happenings=(happening("landing", 570),))
    result = results(true, early)["landing"]
    assert result.errors_s == [-31]
    assert result.snapshots_off == [-3]


def test_two_of_a_kind_are_paired_with_the_nearest() -> None:
    true = Account(
        flights=ONE,
        happenings=(happening("touch_and_go", 600), happening("touch_and_go", 840)),
    )
    derived = Account(flights=SAME, happenings=(happening("touch_and_go", 855),))
    result = results(true, derived)["touch_and_go"]
    assert counts(result) == (1, 1, 0)
    assert result.errors_s == [15]


def test_a_landing_that_is_derived_as_a_touch_and_go_is_a_fault_of_both() -> None:
    true = Account(flights=ONE, happenings=(happening("landing", 600),))
    derived = Account(flights=SAME, happenings=(happening("touch_and_go", 600),))
    found = results(true, derived)
    assert counts(found["landing"]) == (0, 1, 0)
    assert counts(found["touch_and_go"]) == (0, 0, 1)


def test_what_another_pilot_did_explains_nothing() -> None:
    true = Account(flights=ONE, happenings=(happening("landing", 600),))
    derived = Account(flights=SAME, happenings=(happening("landing", 600, cid=CID + 1),))
    assert counts(results(true, derived)["landing"]) == (0, 1, 1)


@pytest.mark.parametrize("kind", MOVEMENTS)
def test_another_airport_is_a_fault(kind: str) -> None:
    true = Account(flights=ONE, happenings=(happening(kind, 600, "EGLL"),))
    derived = Account(flights=SAME, happenings=(happening(kind, 600, "EGKK"),))
    found = results(true, derived)
    assert counts(found[kind]) == (1, 0, 0)
    assert counts(found[f"airport of {kind}"]) == (0, 1, 0)
    assert "EGKK" in found[f"airport of {kind}"].examples[0]


def test_what_happened_in_a_gap_is_neither_missed_nor_invented() -> None:
    away = flight(1, there(0, 600), there(1_200, 3_600))
    true = Account(flights=(away,), happenings=(happening("landing", 900),))
    derived = (flight(77, there(0, 600), there(1_200, 3_600)),)
    unseen = results(true, Account(flights=derived))["landing"]
    seen_later = results(true, Account(flights=derived, happenings=(happening("landing", 1_200),)))[
        "landing"
    ]
    much_later = results(true, Account(flights=derived, happenings=(happening("landing", 2_400),)))[
        "landing"
    ]
    assert counts(unseen) == counts(seen_later) == (0, 0, 0)
    assert counts(much_later) == (0, 0, 1)


def test_a_touch_that_was_not_seen_to_the_end_may_be_derived_as_a_landing() -> None:
    true = Account(
        flights=(flight(1, there(0, 610)),), happenings=(happening("touch_and_go", 600),)
    )
    derived = Account(flights=(flight(77, there(0, 600)),), happenings=(happening("landing", 600),))
    assert counts(results(true, derived)["landing"]) == (0, 0, 0)
    assert counts(results(true, derived)["touch_and_go"]) == (0, 0, 0)


def test_a_record_that_lingers_is_the_same_flight() -> None:
    true = Account(flights=(flight(1, there(-3_600, 40)),))
    derived = Account(flights=(flight(77, there(0, 195)),))
    assert counts(results(true, derived)["flights"]) == (1, 0, 0)


def test_who_left_just_after_the_first_snapshot_and_lingers_is_the_same_flight() -> None:
    true = Account(flights=(flight(1, there(52, 61)),))
    derived = Account(flights=(flight(77, there(60, 225)),))
    assert counts(results(true, derived)["flights"]) == (1, 0, 0)


def test_what_is_unclear_is_neither_missed_nor_invented() -> None:
    true = Account(flights=ONE, unclear=(happening("off_block", 600),))
    derived = Account(flights=SAME, happenings=(happening("off_block", 615),))
    later = Account(flights=SAME, happenings=(happening("off_block", 1_800),))
    assert counts(results(true, derived)["off_block"]) == (0, 0, 0)
    assert counts(results(true, Account(flights=SAME))["off_block"]) == (0, 0, 0)
    assert counts(results(true, later)["off_block"]) == (0, 0, 1)


def test_what_happened_before_the_first_snapshot_does_not_count() -> None:
    true = Account(flights=ONE, happenings=(happening("take_off", -30),))
    assert counts(results(true, Account(flights=SAME))["take_off"]) == (0, 0, 0)


def test_who_was_only_seen_parking_has_not_been_seen_to_land() -> None:
    landed = (happening("landing", -20), happening("on_block", 100))
    true = Account(flights=ONE, happenings=landed)
    assert counts(results(true, Account(flights=SAME))["on_block"]) == (0, 0, 0)
    both = (happening("landing", 20), happening("on_block", 100))
    true = Account(flights=ONE, happenings=both)
    assert counts(results(true, Account(flights=SAME))["on_block"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("true", "derived", "expected"),
    [
        (True, True, (1, 0, 0)),
        (True, False, (0, 1, 0)),
        (False, True, (0, 0, 1)),
        (False, False, (0, 0, 0)),
    ],
)
def test_diversions(true: bool, derived: bool, expected: tuple[int, int, int]) -> None:
    found = results(
        Account(flights=(flight(1, HERE, diverted=true),)),
        Account(flights=(flight(77, HERE, diverted=derived),)),
    )
    assert counts(found["diversions"]) == expected


# --- sessions and ATIS ----------------------------------------------------------------------------

STATION = there(60, 3_000, callsign="EGLL_TWR")


def test_a_session_is_found_once_with_its_times_and_its_frequency() -> None:
    true = session(1, STATION, connected_s=2_940, controlling_s=2_900, hertz=118_500_000)
    derived = session(77, STATION, connected_s=2_955, controlling_s=2_850, hertz=118_500_000)
    found = results(Account(sessions=(true,)), Account(sessions=(derived,)))
    assert counts(found["sessions"]) == (1, 0, 0)
    assert found["connected time"].errors_s == [15]
    assert found["controlling time"].errors_s == [-50]
    assert counts(found["first frequency"]) == (1, 0, 0)


def test_a_session_that_is_split_missed_or_invented_is_a_fault() -> None:
    true = Account(sessions=(session(1, STATION),))
    parts = (
        session(77, there(60, 1_000, callsign="EGLL_TWR")),
        session(78, there(1_015, 3_000, callsign="EGLL_TWR")),
    )
    other = session(79, there(60, 3_000, callsign="EGKK_TWR"))
    assert counts(results(true, Account(sessions=parts))["sessions"]) == (0, 1, 1)
    assert counts(results(true, Account())["sessions"]) == (0, 1, 0)
    assert counts(results(true, Account(sessions=(session(77, STATION), other)))["sessions"]) == (
        1,
        0,
        1,
    )


@pytest.mark.parametrize(
    ("true", "derived", "expected"),
    [
        (118_500_000, 199_998_000, (0, 1, 0)),
        (118_500_000, None, (0, 1, 0)),
        (None, 118_500_000, (0, 0, 1)),
        (None, None, (0, 0, 0)),
    ],
)
def test_a_wrong_first_frequency_is_a_fault(
    true: int | None, derived: int | None, expected: tuple[int, int, int]
) -> None:
    found = results(
        Account(sessions=(session(1, STATION, hertz=true),)),
        Account(sessions=(session(77, STATION, hertz=derived),)),
    )
    assert counts(found["first frequency"]) == expected


def test_the_time_of_a_session_that_was_there_before_is_not_compared() -> None:
    before = there(-900, 3_000, callsign="EGLL_TWR")
    found = results(
        Account(sessions=(session(1, before, connected_s=3_900),)),
        Account(sessions=(session(77, there(0, 3_000, callsign="EGLL_TWR"), connected_s=3_000),)),
    )
    assert found["connected time"].errors_s == []


def test_letters_are_found_missed_and_invented() -> None:
    true = Account(letters=(letter("A", -60), letter("B", 600), letter("C", 2_400)))
    derived = Account(
        letters=(letter("A", 0), letter("B", 615), letter("A", 660), letter("B", 690))
    )
    found = results(true, derived)["atis letters"]
    assert counts(found) == (1, 1, 2)
    assert found.errors_s == [15]


# --- aims -----------------------------------------------------------------------------------------


def test_a_faultless_day_misses_no_aim_and_each_planted_fault_misses_one() -> None:
    movements = (happening("take_off", 100), happening("landing", 1_000))
    true = Account(flights=ONE, happenings=movements, sessions=(session(1, STATION),))
    right = Account(flights=SAME, happenings=movements, sessions=(session(77, STATION),))

    def missed(derived: Account) -> list[str]:
        return missed_aims(list(results(true, derived).values()))

    assert missed(right) == []
    split = (flight(77, there(0, 1_500)), flight(78, there(1_515, 3_600)))
    late = (happening("take_off", 100), happening("landing", 1_040))
    more = (*movements, happening("landing", 2_000))
    for wrong in (
        Account(flights=split, happenings=movements, sessions=right.sessions),
        Account(flights=SAME, happenings=late, sessions=right.sessions),
        Account(flights=SAME, happenings=more, sessions=right.sessions),
        Account(flights=SAME, happenings=movements[:1], sessions=right.sessions),
        Account(flights=SAME, happenings=movements),
    ):
        assert missed(wrong) != []


def test_the_snapshots_know_what_they_show() -> None:
    assert SNAPSHOTS.shows(there(0, 1))
    assert not SNAPSHOTS.shows(there(1, 14))
    assert SNAPSHOTS.sees(at(20), (there(0, 100),))
    assert SNAPSHOTS.sees(at(20), (there(15, 45),))
    assert not SNAPSHOTS.sees(at(20), (there(16, 45),))
    assert not SNAPSHOTS.sees(at(20), (there(15, 44),))
