"""When a flight will land."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.eta import flown
from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.eta import LONGEST_AHEAD_H, eta, naive_eta
from vatwatch.traffic.movements import Movement, MovementKind, Times
from vatwatch.traffic.parsed_plan import ParsedPlan
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import begin
from vatwatch.traffic.progress_record import Progress, Touch

NOON = datetime(2026, 3, 1, 12, 0, 10, 120_000, tzinfo=UTC)
AIRPORTS = load_airports()
LONDON, AMSTERDAM, NEW_YORK = (AIRPORTS[icao] for icao in ("EGLL", "EHAM", "KJFK"))
PLAN = ParsedPlan(
    departure_icao="KJFK",
    arrival_icao="EGLL",
    great_circle_nm=2_991.0,
    cruise_altitude_ft=35_000,
    cruise_tas_kt=450,
    enroute_s=6 * 3600,
)


def fix(
    nm: float = 0.0,
    altitude: int | None = 35_000,
    groundspeed: int | None = 450,
    at: datetime = NOON,
) -> Position:
    """So many miles south of London."""
    return Position(at, LONDON.latitude - nm / 60, LONDON.longitude, altitude, groundspeed, 0)


def flying(
    nm: float,
    altitude: int | None = 35_000,
    groundspeed: int | None = 450,
    phase: FlightPhase = FlightPhase.CRUISE,
    flown_nm: float = 1_000.0,
) -> Progress:
    return replace(
        begin(fix(nm, altitude, groundspeed), None),
        airborne=True,
        phase=phase,
        distance_flown_nm=flown_nm,
    )


def standing(phase: FlightPhase = FlightPhase.CONNECTED, at: datetime = NOON) -> Progress:
    return replace(begin(fix(0, 83, 0, at), None), airborne=False, phase=phase)


def minutes(
    progress: Progress,
    plan: ParsedPlan | None = PLAN,
    departs: str | None = NEW_YORK.icao,
    arrival: Airport | None = LONDON,
) -> float | None:
    found = eta(progress, plan, departs, arrival)
    if found is None:
        return None
    assert found.microsecond == 0
    return (found - progress.fix.time).total_seconds() / 60


def naive_minutes(progress: Progress) -> float:
    found = naive_eta(progress, LONDON)
    assert found is not None
    return (found - progress.fix.time).total_seconds() / 60


# --- in the air ----------------------------------------------------------------------------------


def test_from_the_cruise_the_slowing_of_the_descent_and_the_approach_is_added() -> None:
    # By hand: 393 nm at 450 kt (3 for lining up) take 52.4 min; 79 nm down to 10,000 ft at 350,
    # 13.5; 26.7 nm down to 1,500 ft at 209, 7.7; 4.7 nm at 154, 1.8. The naive estimate has 500 nm
    # at 450 kt.
    told = minutes(flying(500))
    assert told == pytest.approx(75.4, abs=0.4)
    assert naive_minutes(flying(500)) == pytest.approx(66.7, abs=0.1)


def test_wind_is_in_the_speed_over_ground() -> None:
    headwind, tailwind = (
        minutes(flying(1_000, groundspeed=380)),
        minutes(flying(1_000, 35_000, 520)),
    )
    assert headwind is not None
    assert tailwind is not None
    assert headwind - tailwind == pytest.approx(1_000 / 380 * 60 - 1_000 / 520 * 60, abs=5)


def test_an_aircraft_that_climbs_is_not_held_to_its_present_speed() -> None:
    climbing = flying(300, 2_000, 180, FlightPhase.CLIMB, 5.0)
    told = minutes(climbing)
    # 33,000 ft at 1,800 ft/min take 18 min and 96 nm; 94 nm at 450 kt 12.5; the descent 23.
    assert told == pytest.approx(54, abs=1.5)
    assert naive_minutes(climbing) == pytest.approx(100, abs=0.2)


def test_an_aircraft_that_levels_off_on_its_way_up_will_climb_on() -> None:
    on_its_way_up = minutes(flying(900, 10_000, 250, FlightPhase.CRUISE, 30.0))
    for_good = minutes(
        flying(900, 10_000, 250, FlightPhase.CRUISE, 30.0),
        replace(PLAN, cruise_altitude_ft=10_000),
    )
    assert on_its_way_up is not None
    assert for_good is not None
    assert on_its_way_up < 150 < for_good
    # With less before it than behind it, it will not.
    assert minutes(flying(200, 10_000, 250, FlightPhase.CRUISE, 700.0)) == pytest.approx(51, abs=2)


def test_on_a_short_flight_it_climbs_only_as_far_as_there_is_room() -> None:
    told = minutes(flying(40, 1_000, 160, FlightPhase.CLIMB, 3.0))
    assert told is not None
    assert 8 < told < 20


def test_in_the_descent_and_on_final() -> None:
    assert minutes(flying(60, 15_000, 330, FlightPhase.DESCENT)) == pytest.approx(15, abs=1.5)
    assert minutes(flying(4.7, 1_600, 150, FlightPhase.DESCENT)) == pytest.approx(2.3, abs=0.2)
    assert minutes(flying(0, 83, 140, FlightPhase.DESCENT)) == pytest.approx(0, abs=0.1)


def test_a_slow_aircraft_has_its_own_speeds() -> None:
    plan = ParsedPlan(arrival_icao="EGLL", cruise_altitude_ft=2_500, cruise_tas_kt=110)
    told = minutes(flying(50, 2_500, 110, FlightPhase.CRUISE, 20.0), plan)
    assert told == pytest.approx(50 / 110 * 60 + 2, abs=1)


@pytest.mark.parametrize("plan", [None, ParsedPlan()])
def test_without_a_plan_the_present_speed_and_height_tell(plan: ParsedPlan | None) -> None:
    assert minutes(flying(500), plan, None) == pytest.approx(75.4, abs=0.4)
    assert minutes(flying(500, altitude=None), plan, None) == pytest.approx(85, abs=12)


@pytest.mark.parametrize(
    "progress",
    [
        replace(flying(500), frozen_since=NOON),
        flying(500, groundspeed=None),
        flying(500, groundspeed=0),
        flying(500, groundspeed=12),
        flying(500, groundspeed=1_000_000),
        flying(500, groundspeed=-450),
        flying(5_300, groundspeed=100),
        flying(1_500, flown_nm=4_700),
    ],
    ids=[
        "paused",
        "no speed",
        "standing in the air",
        "hovering",
        "garbage",
        "backwards",
        "longer than a day",
        "flying around",
    ],
)
def test_in_the_air_it_is_not_told_where_it_cannot_be(progress: Progress) -> None:
    assert minutes(progress) is None


def test_without_an_airport_to_land_at_it_is_not_told() -> None:
    assert minutes(flying(500), arrival=None) is None
    assert naive_eta(flying(500), None) is None


def test_who_is_to_land_where_it_took_off_may_fly_for_any_time() -> None:
    local = ParsedPlan(departure_icao="EGLL", arrival_icao="EGLL", great_circle_nm=0.0)
    assert minutes(flying(20), local, "EGLL") is None
    assert minutes(flying(20), None, "EGLL") is None


# --- on the ground -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("departs", "expected"),
    [
        (None, 25 + 360),
        (time(11, 0), 25 + 360),  # it has passed
        (time(12, 10), 25 + 360),  # sooner than one who is parked can be off
        (time(12, 40), 40 + 10 + 360),
        (time(14, 59), 179 + 10 + 360),
        (time(15, 1), 25 + 360),  # nobody waits so long
        (time(0, 0), 25 + 360),
    ],
)
def test_parked_it_lands_by_its_filed_times(departs: time | None, expected: int) -> None:
    told = minutes(standing(), replace(PLAN, departure_time=departs))
    assert told == pytest.approx(expected, abs=0.2)


def test_a_time_of_departure_after_midnight_is_tomorrows() -> None:
    late = NOON.replace(hour=23, minute=30)
    told = minutes(standing(at=late), replace(PLAN, departure_time=time(0, 20)))
    assert told == pytest.approx(50 + 10 + 360, abs=0.2)


def test_taxiing_it_lands_ten_minutes_and_its_time_en_route_from_now() -> None:
    plan = replace(PLAN, departure_time=time(14, 0))
    assert minutes(standing(FlightPhase.TAXI_OUT), plan) == pytest.approx(370, abs=0.1)


def test_a_round_of_a_field_has_its_filed_time_en_route() -> None:
    local = ParsedPlan(
        departure_icao="EGLL", arrival_icao="EGLL", great_circle_nm=0.0, enroute_s=1_800
    )
    assert minutes(standing(FlightPhase.TAXI_OUT), local, "EGLL") == pytest.approx(40, abs=0.1)


@pytest.mark.parametrize(
    "plan",
    [
        None,
        replace(PLAN, enroute_s=None),
        replace(PLAN, arrival_icao=None),
        replace(PLAN, enroute_s=480),  # eight minutes over the Atlantic
        replace(PLAN, enroute_s=47 * 3600),
    ],
    ids=["no plan", "no time en route", "no airport", "too fast", "longer than a day"],
)
def test_on_the_ground_it_is_not_told_where_it_cannot_be(plan: ParsedPlan | None) -> None:
    assert minutes(standing(), plan) is None


def test_who_stands_where_the_plan_ends_is_not_about_to_fly_there() -> None:
    assert minutes(standing(), departs=LONDON.icao) is None
    assert minutes(standing(FlightPhase.TAXI_OUT), departs=LONDON.icao) is None
    # A plan that begins and ends there is one for a round.
    assert minutes(standing(), replace(PLAN, departure_icao="EGLL"), LONDON.icao) is not None
    assert minutes(standing(), departs=AMSTERDAM.icao) is not None


@pytest.mark.parametrize("phase", [FlightPhase.TAXI_IN, FlightPhase.PARKED])
def test_who_has_landed_has_no_eta(phase: FlightPhase) -> None:
    landed = Movement(MovementKind.LANDING, "EGLL", NOON)
    done = replace(standing(phase), times=Times(landing=NOON), movements=(landed,))
    assert minutes(done) is None
    assert naive_eta(standing(phase), LONDON) is None


def test_who_was_moved_to_the_ground_after_the_take_off_is_not_about_to_depart() -> None:
    took_off = Movement(MovementKind.TAKE_OFF, "KJFK", NOON)
    moved = replace(
        standing(FlightPhase.TAXI_IN), times=Times(take_off=NOON), movements=(took_off,)
    )
    assert minutes(moved) is None


def test_while_it_is_open_whether_it_has_landed_it_is_nearly_there() -> None:
    before = flying(1, 200, 140, FlightPhase.DESCENT)
    touching = replace(
        flying(0.5, LONDON.elevation_ft, 120, FlightPhase.DESCENT),
        airborne=False,
        touch=Touch(NOON, LONDON.elevation_ft, 120, "EGLL"),
    )
    landing, nearly = minutes(touching), minutes(before)
    assert landing is not None
    assert nearly is not None
    assert landing <= nearly < 2


# --- whatever comes ------------------------------------------------------------------------------

PLANS = st.none() | st.builds(
    ParsedPlan,
    arrival_icao=st.sampled_from([None, "EGLL"]),
    great_circle_nm=st.none() | st.floats(0, 10_900),
    cruise_altitude_ft=st.none() | st.integers(100, 99_999),
    cruise_tas_kt=st.none() | st.integers(20, 2_500),
    enroute_s=st.none() | st.integers(60, 172_800),
    departure_time=st.none() | st.times(),
)


@given(
    st.builds(
        Position,
        st.just(NOON),
        st.floats(-90, 90),
        st.floats(-180, 180),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none(),
    ),
    PLANS,
    st.booleans(),
    st.sampled_from([*FlightPhase]),
    st.floats(0, 50_000),
)
def test_it_is_later_than_now_and_within_a_day_or_not_told(
    position: Position,
    plan: ParsedPlan | None,
    airborne: bool,
    phase: FlightPhase,
    flown_nm: float,
) -> None:
    progress = replace(
        begin(fix(), None),
        fix=position,
        airborne=airborne,
        phase=phase,
        distance_flown_nm=flown_nm,
    )
    told = minutes(progress, plan)
    assert told is None or -0.05 <= told <= LONGEST_AHEAD_H * 60
    if told is not None and airborne:
        top_kt = max(position.groundspeed or 0, (plan and plan.cruise_tas_kt) or 0)
        assert told >= naive_minutes(progress) * (position.groundspeed or 0) / top_kt - 0.1


def test_it_is_nearer_the_truth_than_distance_over_speed_on_flights_that_it_does_not_know() -> None:
    random = Random(7)
    moments = [moment for _ in range(30) for moment in flown(random)]
    for lead in (10, 30, 60, 120):
        ours, naive = [], []
        for each in moments:
            if each.lead_min == lead:
                departure = each.flight.departure.icao
                told, plain = (
                    eta(each.progress, each.plan, departure, each.flight.arrival),
                    naive_eta(each.progress, each.flight.arrival),
                )
                assert told is not None
                assert plain is not None
                ours.append(abs((told - each.lands).total_seconds()))
                naive.append(abs((plain - each.lands).total_seconds()))
        assert len(ours) > 15
        assert statistics.median(ours) < statistics.median(naive) / 2
        assert max(ours) < 600
