"""The truth of the boards of airports: which update lists whom where."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from tests.vatsim_simulator.conftest import START
from vatsim_simulator.oddities import Rates
from vatsim_simulator.truth import OFF_AIRPORT, TruthKind, TruthRecord
from vatsim_simulator.world import World
from vatwatch.traffic.airports import load_airports

BUSY = Rates(circuits=0.6, turnarounds=0.4, no_plan=0.1, lands_off_airport=0.5, seaplanes=0.05)
MOVEMENTS = (TruthKind.TAKE_OFF, TruthKind.LANDING, TruthKind.TOUCH_AND_GO)

# Board and airport, by the number of the flight.
Boards = dict[int, set[tuple[str, str]]]


class Moment(NamedTuple):
    """What an update tells, and who is on which boards after it."""

    told: list[TruthRecord]
    boards: Boards


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    world, boards, found = World(3, 120, START, BUSY, watched=True), Boards(), list[Moment]()
    for _ in range(480):
        told = world.take_truth()
        for one in told:
            assert one.flight is not None or not one.board
            if one.flight is None or one.board == "airborne":
                continue
            entry = (one.board, one.airport)
            if one.kind is TruthKind.BOARD_ENTERED:
                assert one.time == world.now
                assert entry not in boards.setdefault(one.flight, set())
                boards[one.flight].add(entry)
            elif one.kind is TruthKind.BOARD_LEFT:
                boards[one.flight].remove(entry)
        found.append(Moment(told, {key: set(value) for key, value in boards.items() if value}))
        world.advance()
    return found


def places(boards: Boards, flight: int | None, board: str) -> list[str]:
    on = boards.get(flight or 0, set())
    return [airport for kind, airport in on if kind == board]


def test_a_flight_is_on_each_board_at_one_airport_at_most(moments: list[Moment]) -> None:
    seen = Counter[str]()
    for _, boards in moments:
        for flight in boards:
            for board in ("departures", "arrivals", "on_ground"):
                at = places(boards, flight, board)
                seen[board] += len(at)
                assert len(at) <= 1
                assert set(at) <= load_airports().keys()
    assert min(seen[board] for board in ("departures", "arrivals", "on_ground")) > 5_000


def test_who_takes_off_departs_from_there_and_is_on_the_ground_no_more(
    moments: list[Moment],
) -> None:
    seen = 0
    for told, boards in moments[1:]:
        for one in told:
            if one.kind is TruthKind.TAKE_OFF and one.flight in boards:
                assert places(boards, one.flight, "on_ground") == []
                at = [] if one.airport == OFF_AIRPORT else [one.airport]
                assert places(boards, one.flight, "departures") == at
                seen += 1
    assert seen > 40


def test_who_has_landed_is_on_the_ground_there_and_neither_departs_nor_arrives(
    moments: list[Moment],
) -> None:
    down: dict[int, str] = {}
    seen = 0
    for number, (told, _) in enumerate(moments[:-8]):
        for one in told:
            if one.kind in MOVEMENTS and number:
                assert one.flight is not None
                down.pop(one.flight, None)
                if one.kind is TruthKind.LANDING:
                    down[one.flight] = one.airport
        # Two minutes later all have left the runway.
        later = moments[number + 8].boards
        for flight, airport in list(down.items()):
            if flight in later:
                assert places(later, flight, "departures") == [], (flight, airport)
                assert places(later, flight, "arrivals") == [], (flight, airport)
                at = [] if airport == OFF_AIRPORT else [airport]
                assert places(later, flight, "on_ground") == at
                seen += 1
        down = {flight: at for flight, at in down.items() if flight in later}
    assert seen > 500


def test_a_touch_on_a_runway_is_no_landing(moments: list[Moment]) -> None:
    seen = 0
    for told, boards in moments[1:]:
        for one in told:
            if one.kind is TruthKind.TOUCH_AND_GO and one.flight in boards:
                assert places(boards, one.flight, "on_ground") == []
                assert places(boards, one.flight, "departures") == [one.airport]
                seen += 1
    assert seen > 5


def test_in_the_air_a_flight_arrives_where_its_plan_ends_as_filed_now(
    moments: list[Moment],
) -> None:
    filed: dict[int, str] = {}
    flying: set[int] = set()
    seen = 0
    for told, boards in moments:
        for one in told:
            if one.flight is None:
                continue
            if one.kind in (TruthKind.FLIGHT_BEGAN, TruthKind.PLAN):
                filed[one.flight] = one.arrival
            if one.kind is TruthKind.TAKE_OFF:
                flying.add(one.flight)
            elif one.kind is TruthKind.LANDING:
                flying.discard(one.flight)
        for flight in flying & boards.keys():
            at = [filed[flight]] if filed[flight] in load_airports() else []
            assert places(boards, flight, "arrivals") == at
            seen += 1
    assert seen > 1_000


def test_who_is_airborne_over_a_fir_stands_nowhere(moments: list[Moment]) -> None:
    over: dict[int | None, str] = {}
    seen = 0
    for told, boards in moments:
        for one in told:
            if one.board != "airborne":
                continue
            assert one.area == "fir"
            assert one.sector
            if one.kind is TruthKind.BOARD_LEFT:
                assert over.pop(one.flight) == one.sector
            else:
                assert one.flight not in over
                over[one.flight] = one.sector
        for flight in over:
            assert places(boards, flight, "on_ground") == []
            seen += 1
    assert seen > 5_000


def test_who_comes_down_on_the_water_that_he_left_from_is_down_without_a_plan_too() -> None:
    rates = Rates(seaplanes=1.0, no_plan=1.0, circuits=1.0)
    world = World(5, 90, START, rates, watched=True)
    circles: set[int | None] = set()
    landed: dict[int | None, int] = {}
    waited: list[int] = []
    for number in range(480):
        for one in world.take_truth():
            if one.kind is TruthKind.TOUCH_AND_GO and one.airport == OFF_AIRPORT:
                circles.add(one.flight)
            elif one.kind is TruthKind.LANDING and one.airport == OFF_AIRPORT:
                landed[one.flight] = number
            elif one.kind is TruthKind.BOARD_LEFT and one.board == "airborne":
                since = landed.pop(one.flight, None)
                if since is not None and one.flight in circles:
                    waited.append(number - since)
        world.advance()
    assert len(waited) > 3
    assert max(waited) <= 2
