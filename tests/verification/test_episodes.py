"""Contacts and stays held against the truth."""

from __future__ import annotations

from tests.verification.build import SNAPSHOTS, at, counts
from vatsim_simulator.truth import TruthKind, TruthRecord
from vatwatch.verification.episodes import CONTACT, Episode, Key, compare_episodes, told_episodes
from vatwatch.verification.results import KindResult

KEY: Key = (CONTACT, 4_000_001, "EGLL_TWR on 118500000")


def episode(first_s: float, last_s: float) -> Episode:
    return Episode(KEY, at(first_s), at(last_s))


def held(true: list[Episode], derived: list[Episode]) -> tuple[KindResult, KindResult]:
    began, ended = compare_episodes(true, derived, SNAPSHOTS, CONTACT)
    return began, ended


def test_what_is_derived_with_the_snapshots_that_show_it_is_exact() -> None:
    began, ended = held([episode(50, 200)], [episode(60, 195)])
    assert (counts(began), counts(ended)) == ((1, 0, 0), (1, 0, 0))
    assert (began.snapshots_off, ended.snapshots_off) == ([0], [0])
    assert (began.errors_s, ended.errors_s) == ([10], [-5])


def test_what_is_late_or_outlives_the_truth_is_so_many_snapshots_off() -> None:
    began, ended = held([episode(50, 200)], [episode(90, 225)])
    assert (began.snapshots_off, ended.snapshots_off) == ([2], [2])


def test_what_is_not_derived_is_missed_and_what_was_not_so_is_invented() -> None:
    began, ended = held([episode(50, 200)], [])
    assert (counts(began), counts(ended)) == ((0, 1, 0), (0, 1, 0))
    began, _ = held([episode(50, 200)], [episode(60, 195), episode(600, 700)])
    assert counts(began) == (1, 0, 1)


def test_a_hole_in_what_lasted_is_as_bad_as_an_end_that_is_off() -> None:
    _, ended = held([episode(50, 600)], [episode(60, 195), episode(300, 600)])
    assert ended.snapshots_off == [6]


def test_a_hole_at_a_true_break_has_two_ends_that_may_each_be_one_snapshot_off() -> None:
    # The wheels were down for six seconds, and the two snapshots around that show no flight.
    true = [episode(50, 301), episode(307, 600)]
    _, ended = held(true, [episode(60, 285), episode(330, 600)])
    assert ended.snapshots_off == [1]


def test_what_no_snapshot_shows_does_not_count() -> None:
    began, ended = held([episode(61, 70)], [])
    assert (counts(began), counts(ended)) == ((0, 0, 0), (0, 0, 0))


def test_what_only_the_last_snapshot_shows_does_not_count() -> None:
    # The snapshots are an hour's.
    began, ended = held([episode(3_590, 3_600)], [])
    assert (counts(began), counts(ended)) == ((0, 0, 0), (0, 0, 0))
    began, _ = held([episode(3_580, 3_600)], [])
    assert counts(began) == (0, 1, 0)


def test_two_that_follow_each_other_are_held_apart_if_a_snapshot_lies_between() -> None:
    two = [episode(50, 200), episode(215, 400)]
    began, _ = held(two, [episode(60, 195), episode(225, 390)])
    assert (counts(began), began.snapshots_off) == ((2, 0, 0), [0, 0])
    # Without one nobody could see that there were two.
    began, _ = held([episode(50, 200), episode(209, 400)], [episode(60, 390)])
    assert (counts(began), began.snapshots_off) == ((1, 0, 0), [0])


def test_a_beginning_before_the_first_snapshot_does_not_count() -> None:
    began, ended = held([episode(-100, 200)], [episode(0, 195)])
    assert (counts(began), counts(ended)) == ((0, 0, 0), (1, 0, 0))


def test_the_truth_of_a_contact_is_from_its_beginning_to_its_end_or_that_of_the_day() -> None:
    def record(kind: TruthKind, seconds: float, flight: int) -> TruthRecord:
        return TruthRecord(
            kind, at(seconds), KEY[1], "BAW1", flight=flight, session=3, station="EGLL_TWR",
            frequency_hz=118_500_000,
        )  # fmt: skip

    told = told_episodes(
        [
            record(TruthKind.CONTACT_BEGAN, 10, 1),
            record(TruthKind.CONTACT_ENDED, 50, 1),
            record(TruthKind.CONTACT_BEGAN, 50, 2),
        ],
        at(3_600),
    )
    assert told == [episode(10, 50), episode(50, 3_600)]
