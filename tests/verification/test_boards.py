"""Counts of boards held against the truth: a truth that says something else is noticed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from tests.verification.build import counts
from vatsim_simulator.truth import TruthKind, TruthRecord
from vatsim_simulator.world import World
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import compare, decode_snapshot
from vatwatch.verification.boards import BoardObserver
from vatwatch.verification.day import RATES, START, simulated_options
from vatwatch.verification.results import KindResult

SNAPSHOTS = 62
TOLD_AT = 20
"""The snapshot with which the truth is changed; beside it are enough others."""


class Step(NamedTuple):
    told: list[TruthRecord]
    state: NetworkState


@cache
def day() -> tuple[tuple[Step, ...], KnownAreas]:
    """A quarter of an hour of a small world."""
    options, encode = simulated_options(), msgspec.json.encode
    world, state, steps = World(3, 40, START, RATES, watched=True), NetworkState(), list[Step]()
    for number in range(SNAPSHOTS):
        if number:
            world.advance()
        decoded = decode_snapshot(encode(world.feed()), encode(world.radios()), options)
        state = compare(state, decoded, options.rules).state
        steps.append(Step(world.take_truth(), state))
    return tuple(steps), options.rules.areas


def held(
    change: Callable[[int, list[TruthRecord]], list[TruthRecord]] = lambda _, told: told,
) -> dict[str, KindResult]:
    """The results, if the truth that is told with a snapshot of this number is changed so."""
    steps, areas = day()
    observer = BoardObserver(areas)
    for number, step in enumerate(steps):
        observer.observe(change(number, step.told), step.state)
    return {one.kind: one for one in observer.results()}


def parked() -> TruthRecord:
    """That somebody is on the ground who is so all the time."""
    entered = [one for one in day()[0][0].told if one.kind is TruthKind.BOARD_ENTERED]
    left = [
        one.callsign
        for step in day()[0]
        for one in step.told
        if one.kind in (TruthKind.BOARD_LEFT, TruthKind.RENAME)
    ]
    return next(one for one in entered if one.board == "on_ground" and one.callsign not in left)


def test_counts_of_airports_and_firs_are_those_of_the_truth() -> None:
    results = held()
    assert [*results] == [
        "airports: departures", "airports: arrivals", "airports: on ground",
        "firs: departures", "firs: arrivals", "firs: on ground", "firs: airborne",
    ]  # fmt: skip
    for result in results.values():
        assert (result.missed, result.invented) == (0, 0), result.examples
        assert result.true > 20


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_count_may_be_late_by_two_snapshots_and_no_more(late: int) -> None:
    # The truth says that he left the ground, and was back at it so many snapshots later.
    one = parked()

    def change(number: int, told: list[TruthRecord]) -> list[TruthRecord]:
        if number == TOLD_AT:
            return [*told, replace(one, kind=TruthKind.BOARD_LEFT)]
        return [*told, one] if number == TOLD_AT + late + 2 else told

    before, after = held()["airports: on ground"], held(change)["airports: on ground"]
    assert after.true == before.true
    # At the first two, and at the last one, one of those beside them explains it.
    assert after.missed == max(0, late + 2 - 3)
    assert after.invented == after.missed
    assert after.share_off_by(0) < before.share_off_by(0)
    if late > 1:
        assert f"with {one.callsign}" in after.examples[0]


def test_who_is_missing_on_a_board_makes_its_count_wrong() -> None:
    one = replace(parked(), callsign="NOBODY1", flight=99_999)
    results = held(lambda number, told: [*told, one] if number == TOLD_AT else told)
    # From the snapshot at which all of those beside it have him, to the last but one.
    wrong = SNAPSHOTS - 1 - TOLD_AT - 2
    assert counts(results["airports: on ground"])[1:] == (wrong, 0)
    assert "without NOBODY1" in results["airports: on ground"].examples[0]
    for kind in ("airports: departures", "airports: arrivals"):
        assert results[kind].missed == 0


def test_who_is_on_no_board_of_the_truth_is_invented_in_the_fir_too() -> None:
    one = parked()
    results = held(
        lambda number, told: (
            [*told, replace(one, kind=TruthKind.BOARD_LEFT)] if number == TOLD_AT else told
        )
    )
    assert results["airports: on ground"].invented > 10
    assert results["firs: on ground"].invented == results["firs: on ground"].missed == 2


def test_of_who_is_back_one_position_is_known_at_first() -> None:
    one = parked()
    back = TruthRecord(TruthKind.RECONNECT, one.time, one.cid, one.callsign, flight=one.flight)

    def change(number: int, told: list[TruthRecord], *, is_told: bool) -> list[TruthRecord]:
        # For five snapshots he was on no board.
        if number == TOLD_AT:
            return [*told, replace(one, kind=TruthKind.BOARD_LEFT)]
        comes = [back] if is_told and number == TOLD_AT + 3 else []
        return [*told, *comes, *([one] if number == TOLD_AT + 5 else [])]

    def missed(*, is_told: bool) -> int:
        results = held(lambda number, told: change(number, told, is_told=is_told))
        return results["airports: on ground"].missed

    # At the third and the fourth of them nothing beside explains it; at the third he is just back.
    assert (missed(is_told=False), missed(is_told=True)) == (2, 1)


def test_who_reports_several_times_his_height_does_not_count() -> None:
    one = parked()
    began = TruthRecord(TruthKind.FLIGHT_BEGAN, one.time, one.cid, one.callsign, exaggerates=True)
    results = held(
        lambda number, told: (
            [*told, began, replace(one, kind=TruthKind.BOARD_LEFT)] if number == TOLD_AT else told
        )
    )
    assert (results["airports: on ground"].missed, results["firs: on ground"].missed) == (0, 0)
