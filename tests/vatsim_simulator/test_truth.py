"""The truth against the feed that it is written beside."""

from __future__ import annotations

import ast
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.vatsim_simulator.conftest import START
from vatsim_simulator.oddities import Rates
from vatsim_simulator.teller import WINDOW_S
from vatsim_simulator.truth import TruthKind, TruthRecord, read_truth, truth_line
from vatsim_simulator.world import World
from vatwatch.feed.records import Pilot
from vatwatch.feed.times import parse_time
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.geometry import distance_nm

UPDATE = timedelta(seconds=15)
# So that a few hours have each of them.
BUSY = Rates(
    turnarounds=0.4, next_legs=0.3, hours_away=0.2, new_plan=0.2, other_callsign=0.5,
    reconnects_a_step=0.004, circuits=0.9, airliners_touch_and_go=0.05, go_arounds=0.2,
    rejected_take_offs=0.2, diversions=0.2, pauses=0.1, slews=0.1, accelerated=0.05,
    ground_slews=0.05, joins_in_flight=0.1, controller_reconnects_a_step=0.004, atis_code_flaps=0.5,
    callsign_changes_a_step=0.0005, impossible_performance=0, far_below_zero=0,
)  # fmt: skip


class Seen(NamedTuple):
    """A pilot in one update."""

    time: datetime
    pilot: Pilot


class Day(NamedTuple):
    """What was told and what was to be seen."""

    truth: list[TruthRecord]
    seen: dict[int, list[Seen]]
    """By cid."""


@pytest.fixture(scope="module")
def busy() -> Day:
    return simulated(World(11, 120, START, BUSY, watched=True), updates=6 * 240)


def simulated(world: World, *, updates: int) -> Day:
    truth = world.take_truth()
    seen: dict[int, list[Seen]] = {}
    for _ in range(updates):
        world.advance()
        truth += world.take_truth()
        for pilot in world.feed().pilots:
            seen.setdefault(pilot.cid, []).append(Seen(world.now, pilot))
    return Day(truth, seen)


def of_kind(day: Day, *kinds: TruthKind) -> list[TruthRecord]:
    return [record for record in day.truth if record.kind in kinds]


def around(day: Day, record: TruthRecord) -> tuple[Pilot, Pilot] | None:
    """The pilot in the updates just before and just after; None if not there in both."""
    for before, after in pairwise(day.seen.get(record.cid, ())):
        connected = before.pilot.logon_time == after.pilot.logon_time
        if connected and before.time <= record.time <= after.time <= before.time + UPDATE:
            return before.pilot, after.pilot
    return None


def test_each_kind_happens_on_a_busy_day(busy: Day) -> None:
    missing = set(TruthKind) - {record.kind for record in busy.truth}
    assert not missing


def test_a_line_is_read_back_as_it_was_written(busy: Day) -> None:
    assert read_truth(b"".join(map(truth_line, busy.truth))) == busy.truth


def test_the_simulator_shares_no_rule_with_the_service() -> None:
    """So that a rule that is wrong cannot be wrong in the truth as well."""
    names = {
        node.module
        for path in Path("vatsim_simulator").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    of_traffic = {name for name in names if name.startswith("vatwatch.traffic")}
    assert of_traffic == {"vatwatch.traffic.airports", "vatwatch.traffic.geometry"}


def test_the_same_seed_gives_the_same_truth() -> None:
    def truth(looks: bool) -> list[TruthRecord]:
        world, records = World(3, 40, START), []
        for _ in range(100):
            world.advance()
            records += world.take_truth()
            if looks:
                world.feed()
        return records

    assert truth(True) == truth(False) != []


def test_an_aircraft_leaves_the_ground_at_its_take_off(busy: Day) -> None:
    airports, checked = load_airports(), 0
    for record in of_kind(busy, TruthKind.TAKE_OFF):
        pair = around(busy, record)
        if pair is None or record.airport == "off_airport":
            continue
        checked += 1
        field = airports[record.airport]
        before, after = pair
        assert abs(before.altitude - field.elevation_ft) < 160
        assert after.altitude >= before.altitude - 120
        for pilot in pair:
            assert distance_nm(pilot.latitude, pilot.longitude, field.latitude, field.longitude) < 3
    assert checked > 20


def test_an_aircraft_is_at_its_field_when_it_lands(busy: Day) -> None:
    airports, checked = load_airports(), 0
    for record in of_kind(busy, TruthKind.LANDING, TruthKind.TOUCH_AND_GO):
        pair = around(busy, record)
        if pair is None or record.airport == "off_airport":
            continue
        checked += 1
        field = airports[record.airport]
        before, after = pair
        assert before.altitude < field.elevation_ft + 500
        assert abs(after.altitude - field.elevation_ft) < 500
        assert distance_nm(before.latitude, before.longitude, field.latitude, field.longitude) < 3
    assert checked > 20


def test_an_aircraft_moves_between_off_block_and_on_block_only(busy: Day) -> None:
    checked = 0
    for record in of_kind(busy, TruthKind.ON_BLOCK):
        pair = around(busy, record)
        if pair is not None:
            checked += 1
            assert pair[1].groundspeed == 0
    for record in of_kind(busy, TruthKind.OFF_BLOCK):
        pair = around(busy, record)
        if pair is not None:
            checked += 1
            assert pair[0].groundspeed == 0
    assert checked > 40


def test_a_go_around_and_a_rejected_take_off_are_no_movement(busy: Day) -> None:
    movements = (TruthKind.TAKE_OFF, TruthKind.LANDING, TruthKind.TOUCH_AND_GO)
    of_flight: dict[int | None, list[TruthRecord]] = {}
    for record in of_kind(busy, *movements, TruthKind.GO_AROUND, TruthKind.REJECTED_TAKE_OFF):
        of_flight.setdefault(record.flight, []).append(record)
    kinds = Counter(record.kind for records in of_flight.values() for record in records)
    assert kinds[TruthKind.GO_AROUND] > 5 < kinds[TruthKind.REJECTED_TAKE_OFF]
    for records in of_flight.values():
        airborne = None
        for record in records:
            if record.kind is TruthKind.TAKE_OFF:
                assert airborne is not True
                airborne = True
            elif record.kind is TruthKind.LANDING:
                assert airborne is not False
                airborne = False
            elif record.kind is TruthKind.REJECTED_TAKE_OFF:
                assert airborne is not True
            else:
                assert airborne is not False


def test_one_who_is_back_within_a_quarter_of_an_hour_reconnects_and_later_returns(
    busy: Day,
) -> None:
    for record in of_kind(busy, TruthKind.RECONNECT):
        assert 0 <= (record.away_s or 0) <= WINDOW_S
    for record in of_kind(busy, TruthKind.RETURN):
        assert (record.away_s or 0) > WINDOW_S


def test_who_is_back_after_a_landing_goes_on_only_where_his_plan_names_another_arrival() -> None:
    rates = Rates(
        next_legs=0.5, turnarounds=0.4, files_nothing_new=0.9, reconnects_a_step=0.004, new_plan=0
    )
    day = simulated(World(4, 100, START, rates), updates=5 * 240)
    parked: dict[int | None, str] = {}
    went_on = 0
    for record in day.truth:
        if record.kind is TruthKind.ON_BLOCK:
            parked[record.flight] = record.airport
        elif record.kind is TruthKind.OFF_BLOCK:
            parked.pop(record.flight, None)
        elif record.kind is TruthKind.RECONNECT and record.flight in parked:
            before = [one for one in day.seen[record.cid] if one.time <= record.time]
            plan = before[-1].pilot.flight_plan
            went_on += 1
            assert plan is None or plan.arrival != parked[record.flight]
    assert went_on > 2


def test_a_flight_has_one_beginning_and_at_most_one_end(busy: Day) -> None:
    for kind in (TruthKind.FLIGHT_BEGAN, TruthKind.FLIGHT_ENDED):
        times = Counter(record.flight for record in of_kind(busy, kind))
        assert set(times.values()) == {1}, kind
    began = {record.flight for record in of_kind(busy, TruthKind.FLIGHT_BEGAN)}
    assert {record.flight for record in busy.truth if record.flight is not None} == began


def test_a_connection_that_begins_is_shown_with_the_logon_time_that_is_told(busy: Day) -> None:
    shown = {
        (seen.pilot.cid, parse_time(seen.pilot.logon_time).replace(microsecond=0))
        for sights in busy.seen.values()
        for seen in sights
    }
    told = of_kind(busy, TruthKind.RECONNECT, TruthKind.RETURN)
    assert len(told) > 20
    missing = [
        record
        for record in told
        if record.logon_time is not None
        and (record.cid, record.logon_time.replace(microsecond=0)) not in shown
    ]
    # Some leave, or lose the connection again, before the next update shows them.
    assert len(missing) <= len(told) * 0.05


def test_a_flight_lands_where_it_turned_to(busy: Day) -> None:
    goals = {record.flight: record.arrival for record in of_kind(busy, TruthKind.DIVERTING)}
    landed = [record for record in of_kind(busy, TruthKind.LANDING) if record.flight in goals]
    assert len(landed) > 3
    assert all(record.airport == goals[record.flight] for record in landed)


def test_an_atis_shows_its_letter_but_for_flickers() -> None:
    world = World(5, 400, START, Rates(atis_code_flaps=1.0))
    letters: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for _ in range(400):
        world.advance()
        for record in world.take_truth():
            if record.kind is TruthKind.ATIS:
                letters[record.callsign] = record.letter
        for station in world.feed().atis:
            shown = station.atis_code
            if shown is None:
                kinds["none"] += 1
            else:
                kinds["right" if shown == letters[station.callsign] else "before"] += 1
    assert kinds["right"] > kinds["none"] > kinds["before"] > 0


def test_seaplanes_take_off_from_water_and_come_down_on_it() -> None:
    day = simulated(World(6, 40, START, Rates(seaplanes=1.0, circuits=0.8)), updates=4 * 240)
    water = {"CYHC", "CYWH", "KCGA", "KHYL", "KKAE", "KKWP", "PAGN", "off_airport"}
    kinds = (TruthKind.TAKE_OFF, TruthKind.LANDING, TruthKind.TOUCH_AND_GO)
    places = {kind: Counter(one.airport for one in of_kind(day, kind)) for kind in kinds}
    for kind in kinds:
        assert set(places[kind]) <= water
        assert places[kind]["off_airport"] > 2
        assert sum(places[kind].values()) - places[kind]["off_airport"] > 2
    afloat = [one.pilot for sights in day.seen.values() for one in sights]
    assert {pilot.flight_plan.aircraft_short for pilot in afloat if pilot.flight_plan} == {"DHC2"}
