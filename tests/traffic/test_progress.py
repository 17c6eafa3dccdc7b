"""What a flight has done, told from its snapshots."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.traffic.tracks import (
    APPROACH,
    CLIMB_OUT,
    LIGHT_CIRCUIT,
    ROLL,
    ROLL_OUT,
    TAXI_OUT,
    At,
    fixes,
    flown,
    kinds,
    later,
    on,
    plan,
    position,
    second,
    told,
    way,
)  # fmt: skip
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.progress import advance, begin, seconds_in_phases

DEPARTURE = way(*TAXI_OUT, *ROLL, *CLIMB_OUT)
ARRIVAL = way(*APPROACH, *ROLL_OUT, on(600), north=-10.3, height=3000, speed=160)
LIFT_OFF, TOUCHDOWN, STANDS = 375, 244, 404  # seconds of the two


@pytest.mark.parametrize("first", range(0, 15, 2))
def test_a_departure_has_its_times_and_its_airport(first: int) -> None:
    progress = flown(fixes("EGLL", DEPARTURE, first=first), plan())
    assert kinds(progress) == ["take_off"]
    assert progress.movements[0].airport == "EGLL"
    assert LIFT_OFF - 3 <= (second(progress.times.take_off) or 0) <= LIFT_OFF + 15
    assert 60 <= (second(progress.times.off_block) or 0) < 75 + 15
    assert progress.airborne
    assert progress.phase is FlightPhase.CLIMB
    assert progress.found_departure == "EGLL"
    assert not progress.joined_in_flight
    assert progress.highest_ft == progress.fix.altitude


@pytest.mark.parametrize("first", range(0, 15, 2))
@pytest.mark.parametrize("altimeter_ft", [0, -150, 60, 150, 280, -400, 400, 900, -1000])
def test_an_arrival_has_its_times_and_its_airport(first: int, altimeter_ft: int) -> None:
    """However wrong the altimeter is."""
    progress = flown(fixes("EHAM", ARRIVAL, first=first, altimeter_ft=altimeter_ft), plan())
    assert kinds(progress) == ["landing"]
    assert abs((second(progress.times.landing) or 0) - TOUCHDOWN) <= 16
    assert STANDS <= (second(progress.times.on_block) or 0) < STANDS + 15
    assert progress.phase is FlightPhase.PARKED
    assert progress.found_arrival == "EHAM"
    assert progress.joined_in_flight
    assert not progress.diverted


def test_a_rejected_take_off_is_no_movement() -> None:
    points = way(*TAXI_OUT, on(30, 120), on(20), on(60), on(200, 15))
    progress = flown(fixes("EGLL", points), plan())
    assert kinds(progress) == []
    assert progress.phase is FlightPhase.TAXI_OUT
    assert progress.distance_flown_nm == 0


def test_a_go_around_is_no_movement() -> None:
    around = (on(150, 140, 1080), on(75, 135, 180), on(10, 140, 160), on(90, 170, 3000))
    points = way(*around, on(200, 180, 3000), north=-10.3, height=3000, speed=160)
    progress = flown(fixes("EHAM", points), plan())
    assert kinds(progress) == []
    assert progress.airborne
    assert progress.phase is FlightPhase.CLIMB


def test_a_go_around_just_over_the_runway_is_no_movement_either() -> None:
    """30 ft over the field in a snapshot, and 600 ft higher in the next one."""
    around = (on(150, 140, 1080), on(90, 135, 30), on(90, 170, 3600))
    points = way(*around, on(100, 180, 3600), north=-10.3, height=3000, speed=160)
    assert kinds(flown(fixes("EHAM", points), plan())) == []


@pytest.mark.parametrize("first", range(0, 15, 2))
def test_circuits_are_touch_and_goes_between_a_take_off_and_a_landing(first: int) -> None:
    circuit = (*LIGHT_CIRCUIT, on(15, 50))
    points = way(*TAXI_OUT, on(20, 55), *circuit, *circuit, *circuit, on(20, 15), on(200))
    progress = flown(fixes("EGLL", points, first=first), plan("EGLL", "EGLL", "C172", rules="V"))
    assert kinds(progress) == ["take_off", "touch_and_go", "touch_and_go", "landing"]
    assert {movement.airport for movement in progress.movements} == {"EGLL"}
    assert progress.times.landing == progress.movements[-1].time
    assert progress.found_arrival == "EGLL"


def test_a_stop_on_the_runway_is_a_landing_and_a_take_off() -> None:
    circuit = (*LIGHT_CIRCUIT, on(30), on(60))
    points = way(*TAXI_OUT, on(20, 55), *circuit, *circuit)
    progress = flown(fixes("EGLL", points), plan("EGLL", "EGLL", "C172"))
    assert kinds(progress) == ["take_off", "landing", "take_off", "landing"]


def test_while_it_flies_again_it_has_not_landed() -> None:
    points = way(*TAXI_OUT, on(20, 55), *LIGHT_CIRCUIT, on(30), on(60), *LIGHT_CIRCUIT[:3])
    progress = flown(fixes("EGLL", points), plan("EGLL", "EGLL", "C172"))
    assert kinds(progress) == ["take_off", "landing", "take_off"]
    assert progress.times.landing is None
    assert progress.times.take_off == progress.movements[0].time
    assert progress.found_arrival is None


def test_a_hop_is_no_flight() -> None:
    points = way(*TAXI_OUT, on(20, 80), on(15, 80, 200), on(20, 70, 0), on(20), on(60))
    progress = flown(fixes("EGLL", points), plan("EGLL", "EHAM", "C172"))
    assert kinds(progress) == []
    assert progress.times.take_off is None
    assert not progress.airborne
    assert progress.phase is FlightPhase.TAXI_OUT


def test_a_bounce_is_one_landing() -> None:
    bounce = (on(4, 130, 0), on(10, 130, 160), on(20, 130, 0), on(40, 20), on(60, 10))
    points = way(*APPROACH[:2], *bounce, north=-10.3, height=3000, speed=160)
    progress = flown(fixes("EHAM", points), plan())
    assert kinds(progress) == ["landing"]


# Where the ground is not where the airport says


def test_a_runway_may_slope_down_from_the_field() -> None:
    points = way(on(150, 140, 900), on(90, 135, -160), on(40, 20, -100), on(200, 10, 0), on(20),
                 north=-10.3, height=3000, speed=160)  # fmt: skip
    progress = flown(fixes("KASE", points), plan("KDEN", "KASE"))
    assert kinds(progress) == ["landing"]
    assert abs((second(progress.times.landing) or 0) - 240) <= 15


def test_a_take_off_down_a_mountain_is_one() -> None:
    points = way(on(60), on(20, 70, -200), on(60, 90, -1500), on(120, 100, -3000))
    progress = flown(fixes("LFLJ", points), plan("LFLJ", "LFLB", "PC6T"))
    assert kinds(progress) == ["take_off"]
    assert progress.found_departure == "LFLJ"


def test_an_airport_that_is_high_is_as_good_as_any() -> None:
    points = way(*TAXI_OUT, on(50, 170), on(60, 200, 1500))
    progress = flown(fixes("SLLP", points, altimeter_ft=300), plan("SLLP", "SPJC"))
    assert kinds(progress) == ["take_off"]


def test_a_runway_that_ends_out_of_reach_belongs_to_the_airport_that_it_leads_to() -> None:
    """As Amsterdam's westernmost one: the touchdown is 3.5 nm away, and the exit 2.5 nm."""
    southward = (on(150, 140, 1080), on(90, 135, 0), on(40, 20), on(300, 15), on(300))
    points = way(
        *(each._replace(back=True) for each in southward), north=13.0, height=3000, speed=160
    )
    progress = flown(fixes("EHAM", points), plan())
    assert [each[:2] for each in told(progress)] == [("landing", "EHAM")]
    assert abs((second(progress.times.landing) or 0) - 240) <= 15
    assert not progress.diverted


def test_an_aeroplane_lands_off_airport() -> None:
    points = way(on(120, 70, 100), on(15, 60, 0), on(20, 15), on(60, 5), on(200),
                 north=40, height=1500, speed=90)  # fmt: skip
    progress = flown(fixes("EGPE", points), plan("EGPE", "EGPE", "C185", rules="V"))
    assert [each[:2] for each in told(progress)] == [("landing", "off_airport")]
    assert progress.found_arrival == "off_airport"
    assert not progress.diverted


def test_a_helicopter_hovers_and_lands_on_a_pad() -> None:
    points = way(on(120, 60, 500), on(40, 0, 120), on(45, 0, 120), on(30, 0, 0), on(200),
                 north=20, height=1500, speed=110)  # fmt: skip
    track = fixes("EGPE", points)
    filed = plan("EGPE", "EGPE", "EC35", rules="V")
    progress = flown(track, filed)
    assert [each[:2] for each in told(progress)] == [("landing", "off_airport")]
    assert 220 <= (second(progress.times.landing) or 0) <= 250
    assert flown(track[:13], filed).airborne


@pytest.mark.parametrize("filed", [None, plan("", "", aircraft="", rules="V")])
def test_who_has_filed_no_aircraft_has_not_landed_while_he_sinks_slowly(
    filed: FlightPlan | None,
) -> None:
    """As a helicopter comes down: 30 kt at 150 ft, and 18 kt at 40 ft."""
    points = way(on(120, 60, 400), on(30, 30, 150), on(15, 18, 40), on(15, 7, -50), on(8, 0, -75),
                 on(100), north=-3, height=1500, speed=110)  # fmt: skip
    points = [each._replace(height=max(each.height, -75)) for each in points]
    track = fixes("LFNQ", points)
    assert flown(track[:13], filed).airborne
    assert [each[:2] for each in told(flown(track, filed))] == [("landing", "LFNQ")]


@pytest.mark.parametrize(("filed", "lands"), [(None, 280), (plan("", "", "C185", rules="V"), 150)])
def test_off_airport_who_has_filed_no_aircraft_has_landed_when_he_stands(
    filed: FlightPlan | None, lands: int
) -> None:
    points = way(on(120, 70, 100), on(15, 60, 0), on(20, 15), on(60, 5), on(5), on(300),
                 north=40, height=1500, speed=90)  # fmt: skip
    track = fixes("EGPE", points)
    down = next(n for n in range(len(track)) if not flown(track[: n + 1], filed).airborne)
    assert lands <= (second(track[down].time) or 0) < lands + 30
    assert [each[:2] for each in told(flown(track, filed))] == [("landing", "off_airport")]


def test_a_helicopter_leaves_a_pad_straight_up() -> None:
    points = way(on(60), on(10, 1, 20), on(15, 5, 80), on(30, 60, 300), on(60, 110, 1000), north=20)
    progress = flown(fixes("EGPE", points), plan("EGPE", "EGPE", "R44", rules="V"))
    assert [each[:2] for each in told(progress)] == [("take_off", "off_airport")]


def test_a_helicopter_that_hovers_over_an_airport_has_not_landed() -> None:
    points = way(on(120, 60, 500), on(40, 2, 200), on(300, 2, 200), height=1500, speed=110)
    assert kinds(flown(fixes("EGPE", points), plan("EGPE", "EGPE", "S92"))) == []


def test_a_seaplane_lands_on_the_water_and_leaves_it() -> None:
    """Far from any airport; it drifts before it goes on."""
    down = (on(120, 70, 100), on(15, 60, 0), on(30, 20), on(60, 8), on(300, 1))
    points = way(*down, on(60, 5), on(30, 65), on(90, 80, 900), north=30, height=1500, speed=90)
    progress = flown(fixes("PAGN", points), plan("PAJN", "PAGN", "DHC2", rules="V"))
    assert [each[:2] for each in told(progress)] == [
        ("landing", "off_airport"), ("take_off", "off_airport"),
    ]  # fmt: skip


def test_the_water_of_a_seaplane_base_is_an_airport() -> None:
    down = (on(150, 75, 700), on(120, 62, 0), on(30, 20), on(60, 8), on(300, 0))
    points = way(*down, north=-6, height=1700, speed=90)
    progress = flown(fixes("PAGN", points), plan("PAJN", "PAGN", "DHC2", rules="V"))
    assert [each[:2] for each in told(progress)] == [("landing", "PAGN")]


@pytest.mark.parametrize(
    "filed", [None, plan("EDDF", "LFPG"), plan("", ""), plan("ZZZZ", "U70"), plan("egll", "xx")]
)
def test_the_airport_found_is_where_it_was_whatever_the_plan_says(filed: FlightPlan | None) -> None:
    progress = flown(fixes("EGLL", DEPARTURE), filed)
    assert [each[:2] for each in told(progress)] == [("take_off", "EGLL")]
    progress = flown(fixes("EHAM", ARRIVAL), filed)
    assert [each[:2] for each in told(progress)] == [("landing", "EHAM")]


# Simulators


def test_a_pause_in_the_air_is_nothing() -> None:
    here = At(0, 30.0, 8000, 250)
    before = fixes("EGPE", way(on(60, 250, 8000), north=26, height=8000, speed=250))
    paused = [later(replace(before[-1], groundspeed=0), 15 * n) for n in range(1, 500)]
    after = [
        later(position("EGPE", At(0, here.north + 250 / 240 * n, 8000, 250)), 60 + 15 * (500 + n))
        for n in range(20)
    ]
    progress = flown([*before, *paused], plan("EGPE", "EGLL"))
    assert progress.airborne
    progress = flown(after, plan("EGPE", "EGLL"), progress)
    assert progress.airborne
    assert kinds(progress) == []
    assert progress.distance_flown_nm == pytest.approx(4 + 20, abs=1.5)


def test_a_pause_on_final_is_not_the_landing() -> None:
    before = fixes("EHAM", ARRIVAL)[:12]  # 750 ft high
    paused = [later(replace(before[-1], groundspeed=0), 15 * n) for n in range(1, 100)]
    progress = flown([*before, *paused], plan())
    assert progress.airborne
    rest = [later(fix, 15 * 100) for fix in fixes("EHAM", ARRIVAL)[12:]]
    assert kinds(flown(rest, plan(), progress)) == ["landing"]


def test_who_connects_paused_in_mid_air_has_not_taken_off() -> None:
    still = position("EGPE", At(0, 40.0, 6000, 0))
    moving = [position("EGPE", At(285 + 15 * n, 40 + n / 2, 6000, 120)) for n in range(1, 40)]
    progress = flown([still, *(later(still, 15 * n) for n in range(20)), *moving], plan("EGPE"))
    assert progress.airborne
    assert progress.joined_in_flight
    assert kinds(progress) == []
    assert progress.found_departure is None


def test_a_simulator_may_run_four_times_as_fast() -> None:
    points = way(on(4000, 450, 35000), north=50, height=35000, speed=450)
    fast = [
        replace(fix, time=fixes("EGLL", points)[n].time)
        for n, fix in enumerate(fixes("EGLL", points)[::4])
    ]
    progress = flown(fast, plan())
    assert progress.distance_flown_nm == pytest.approx(500, rel=0.03)
    assert kinds(progress) == []


def test_slewing_from_the_stand_to_the_final_is_no_take_off() -> None:
    track = fixes("EHAM", ARRIVAL)
    stand = position("EHAM", At(-60, 0.3, 0, 0))
    progress = flown([stand, later(stand, 15), later(stand, 30), *track], plan("EHAM", "EHAM"))
    assert kinds(progress) == ["landing"]
    assert progress.times.take_off is None
    assert progress.distance_flown_nm == pytest.approx(10, abs=1)


def test_slewing_from_the_air_to_a_stand_is_no_landing() -> None:
    track = fixes("EGLL", DEPARTURE)
    stand = replace(position("EHAM", At(0, 0.3, 0, 0)), time=track[-1].time)
    progress = flown([*track, *(later(stand, 15 * n) for n in range(1, 9))], plan())
    assert kinds(progress) == ["take_off"]
    assert not progress.airborne
    assert progress.times.landing is None
    assert progress.distance_flown_nm < 40


def test_slewing_to_another_stand_begins_anew_there() -> None:
    here, there = position("EGLL", At(0, 0.3, 0, 0)), position("EGKK", At(30, 0.1, 0, 0))
    progress = flown([here, later(here, 15), there, later(there, 15)], plan())
    assert progress.phase is FlightPhase.CONNECTED
    assert progress.times.off_block is None
    assert progress.found_departure == "EGKK"
    assert progress.distance_flown_nm == 0


def test_being_lifted_by_slewing_is_no_take_off() -> None:
    here = position("EGLL", At(0, 0.3, 0, 0))
    up = [position("EGLL", At(15 + 15 * n, 0.3, 5000, 0)) for n in range(3)]
    away = [position("EGLL", At(75 + 15 * n, 0.3 + n / 2, 5000, 120)) for n in range(20)]
    progress = flown([here, *up, *away], plan())
    assert progress.airborne
    assert kinds(progress) == []


def test_a_late_position_is_flown_and_not_jumped() -> None:
    """The feed shows the same record for a minute, and then the next one."""
    track = fixes("EGLL", way(on(1500, 450, 35000), north=50, height=35000, speed=450))
    late = [replace(track[n - n % 5], time=fix.time) for n, fix in enumerate(track)]
    progress = flown(late, plan())
    assert progress.distance_flown_nm == pytest.approx(187.5, abs=0.5)
    assert kinds(progress) == []


# What is missing


@pytest.mark.parametrize("missing", range(1, 30))
def test_any_snapshot_may_be_missing(missing: int) -> None:
    departure, arrival = fixes("EGLL", DEPARTURE), fixes("EHAM", ARRIVAL)
    progress = flown([*departure[:missing], *departure[missing + 1 :]], plan())
    assert kinds(progress) == ["take_off"]
    assert LIFT_OFF - 3 <= (second(progress.times.take_off) or 0) <= LIFT_OFF + 30
    progress = flown([*arrival[:missing], *arrival[missing + 1 :]], plan())
    assert kinds(progress) == ["landing"]
    assert abs((second(progress.times.landing) or 0) - TOUCHDOWN) <= 31


def test_a_take_off_in_a_gap_has_the_time_of_the_first_snapshot_after_it() -> None:
    track = fixes("EGLL", DEPARTURE)
    progress = advance(flown(track[:10], plan()), track[-1], plan(), after_gap=True)
    assert told(progress) == [("take_off", "EGLL", second(track[-1].time))]


def test_a_landing_in_a_gap_has_the_time_of_the_first_snapshot_after_it() -> None:
    track = fixes("EHAM", ARRIVAL)
    progress = advance(flown(track[:5], plan()), track[-1], plan(), after_gap=True)
    assert told(progress) == [("landing", "EHAM", second(track[-1].time))]


def test_a_gap_is_no_time_in_a_phase() -> None:
    track = fixes("EGLL", way(on(3000, 400, 30000), north=50, height=30000, speed=400))
    whole = flown(track, plan())
    parted = flown(track[:50], plan())
    parted = advance(parted, track[120], plan(), after_gap=True)
    parted = flown(track[121:], plan(), parted)
    assert sum(seconds_in_phases(whole).values()) == 3000
    assert sum(seconds_in_phases(parted).values()) == 3000 - 15 * 71


def test_a_gap_is_no_way_flown_and_a_missing_snapshot_is_one() -> None:
    track = fixes("EGLL", way(on(3000, 400, 30000), north=50, height=30000, speed=400))
    a_step_nm = 400 * 15 / 3600
    whole = flown(track, plan()).distance_flown_nm
    away = advance(flown(track[:50], plan()), track[120], plan(), after_gap=True)
    away = flown(track[121:], plan(), away)
    assert away.distance_flown_nm == pytest.approx(whole - 71 * a_step_nm, rel=1e-3)
    missed = flown(track[121:], plan(), advance(flown(track[:50], plan()), track[120], plan()))
    assert missed.distance_flown_nm == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("lost", ["altitude", "groundspeed", "heading"])
def test_nulls_are_not_the_end(lost: str) -> None:
    for track, filed, kind in (
        (fixes("EGLL", DEPARTURE), plan(), "take_off"),
        (fixes("EHAM", ARRIVAL), plan(), "landing"),
    ):
        known = flown(track[:3], filed)
        progress = flown([replace(fix, **{lost: None}) for fix in track[3:]], filed, known)
        assert kinds(progress) == [kind], lost
        some = [replace(fix, **{lost: None}) if n % 3 else fix for n, fix in enumerate(track)]
        assert kinds(flown(some, filed)) == [kind], lost


# Where it begins


def test_who_begins_on_a_taxiway_was_not_seen_off_block() -> None:
    progress = flown(fixes("EGLL", way(*TAXI_OUT[2:], *ROLL, *CLIMB_OUT, speed=15)), plan())
    assert kinds(progress) == ["take_off"]
    assert progress.times.off_block is None


def test_who_begins_on_the_runway_takes_off_from_it() -> None:
    progress = flown(fixes("EGLL", way(on(20), *ROLL, *CLIMB_OUT)), plan())
    assert kinds(progress) == ["take_off"]
    assert second(progress.times.off_block) == second(progress.times.take_off) or (
        progress.times.off_block is not None
        and progress.times.take_off is not None
        and progress.times.take_off - progress.times.off_block <= timedelta(seconds=45)
    )


def test_trembling_is_not_leaving_the_stand() -> None:
    here = At(0, 0.3, 0, 0)
    track = [
        position("EGLL", At(15 * n, here.north + (n % 3) * 0.003, n % 7, n % 2)) for n in range(400)
    ]
    progress = flown(track, plan())
    assert progress.phase is FlightPhase.CONNECTED
    assert progress.times.off_block is None
    assert kinds(progress) == []


def test_a_hold_on_the_taxiway_is_not_the_stand() -> None:
    held = (on(40, 20), on(30, 15), on(10), on(150), on(10, 15), on(60, 15), on(10), on(400))
    points = way(*APPROACH, *held, north=-10.3, height=3000, speed=160)
    progress = flown(fixes("EHAM", points), plan())
    assert 554 <= (second(progress.times.on_block) or 0) < 554 + 15
    assert kinds(progress) == ["landing"]


def test_it_begins_where_it_stands() -> None:
    progress = begin(position("EGLL", At(0, 0.3, 0, 0)), None)
    assert progress.found_departure == "EGLL"
    assert progress.phase is FlightPhase.CONNECTED
