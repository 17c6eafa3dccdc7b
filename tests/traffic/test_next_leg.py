"""What comes after a landing, and where a flight was meant to go."""

from __future__ import annotations

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
    later,
    on,
    plan,
    position,
    second,
    way,
)  # fmt: skip
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.progress import (
    Progress,
    advance,
    begin,
    begin_next_leg,
    finish,
    stands_at,
    starts_next_leg,
)  # fmt: skip


def arrived(stands_s: int, filed: FlightPlan | None = None, icao: str = "EHAM") -> Progress:
    points = way(*APPROACH, *ROLL_OUT, on(stands_s), north=-10.3, height=3000, speed=160)
    return flown(fixes(icao, points), filed or plan())


@pytest.mark.parametrize(
    ("before", "now", "starts"),
    [
        (plan("EGLL", "EHAM"), plan("EGLL", "EHAM"), False),
        (plan("EGLL", "EHAM"), plan("EHAM", "EGLL"), True),
        (plan("EGLL", "EHAM"), plan("EHAM", "EHAM"), True),
        (plan("EGLL", "EHAM"), plan("EGLL", "EDDF"), True),
        (plan("EGLL", "EHAM"), None, False),
        (plan("EGLL", "EHAM"), plan("", ""), False),
        # Only the arrival is corrected to where the flight ended.
        (plan("EGLL", "EDDF"), plan("EGLL", "EHAM"), False),
        (plan("ZZZZ", "EHAM"), plan("EGLL", "EHAM"), True),
        (None, plan("EHAM", "EGLL"), True),
        (None, plan("EGLL", "EHAM"), False),
    ],
)
def test_a_plan_for_the_next_leg(
    before: FlightPlan | None, now: FlightPlan | None, starts: bool
) -> None:
    progress = arrived(30, before)
    assert starts_next_leg(progress, progress.fix, before, now) is starts


def test_a_departure_is_corrected_only_to_where_it_took_off_and_does_not_stand() -> None:
    wrong = plan("EDDF", "EHAM", "C172")
    circuit = (*TAXI_OUT, on(20, 55), *LIGHT_CIRCUIT, on(30), on(200))
    around = flown(fixes("EHAM", way(*circuit)), wrong)
    assert (around.found_departure, around.found_arrival) == ("EHAM", "EHAM")
    assert starts_next_leg(around, around.fix, wrong, plan("EHAM", "EHAM", "C172"))
    there = replace(around, found_departure="EGLL")
    assert not starts_next_leg(there, there.fix, wrong, plan("EGLL", "EHAM", "C172"))


def test_no_plan_starts_a_leg_in_the_air_or_before_a_flight() -> None:
    flying = flown(fixes("EHAM", way(*APPROACH[:1], north=-10.3, height=3000, speed=160)), plan())
    assert not starts_next_leg(flying, flying.fix, plan(), plan("EHAM", "EDDF"))
    standing = begin(position("EHAM", At(0, 0.3, 0, 0)), plan())
    assert not starts_next_leg(standing, standing.fix, plan(), plan("EHAM", "EDDF"))


@pytest.mark.parametrize(("stands_s", "starts"), [(120, False), (280, False), (320, True)])
def test_leaving_the_stand_starts_a_leg_after_five_minutes(stands_s: int, starts: bool) -> None:
    progress = arrived(stands_s)
    near = later(replace(progress.fix, latitude=progress.fix.latitude + 0.0002), 15)
    away = later(replace(progress.fix, latitude=progress.fix.latitude + 0.0006, groundspeed=8), 15)
    assert not starts_next_leg(progress, near, plan(), plan())
    assert starts_next_leg(progress, away, plan(), plan()) is starts


def test_the_next_leg_is_off_block_when_it_begins_to_move() -> None:
    progress = arrived(600)
    push = later(replace(progress.fix, latitude=progress.fix.latitude + 0.0002, groundspeed=3), 15)
    away = later(replace(progress.fix, latitude=progress.fix.latitude + 0.0006, groundspeed=3), 30)
    progress = advance(progress, push, plan())
    assert starts_next_leg(progress, away, plan(), plan())
    leg = begin_next_leg(progress, away, plan())
    assert leg.times.off_block == push.time
    assert leg.phase is FlightPhase.TAXI_OUT
    assert leg.movements == ()
    assert leg.found_departure == "EHAM"


def test_a_next_leg_that_is_filed_at_the_stand_is_still_on_block() -> None:
    progress = arrived(600)
    leg = begin_next_leg(progress, later(progress.fix, 15), plan("EHAM", "EGLL"))
    assert leg.phase is FlightPhase.CONNECTED
    assert leg.times.off_block is None


def test_a_flight_that_ends_while_it_stands_is_on_block() -> None:
    progress = arrived(30)
    assert progress.times.on_block is None
    assert second(finish(progress, plan()).times.on_block) == pytest.approx(404, abs=15)
    assert finish(arrived(600), plan()) == arrived(600)


def test_where_it_stands() -> None:
    progress = arrived(60)
    assert stands_at(progress, "EHAM")
    assert stands_at(progress, "eham ")
    assert not stands_at(progress, "EGLL")
    assert not stands_at(progress, "ZZZZ")
    flying = flown(fixes("EHAM", way(*APPROACH, north=-10.3, height=3000, speed=160)[:200]), plan())
    assert not stands_at(flying, "EHAM")


def test_who_slewed_to_the_ground_begins_the_next_leg_with_the_next_plan() -> None:
    flying = flown(fixes("EGLL", way(*TAXI_OUT, *ROLL, *CLIMB_OUT)), plan())
    stand = replace(position("EHAM", At(0, 0.3, 0, 0)), time=later(flying.fix, 15).time)
    progress = advance(flying, stand, plan())
    assert starts_next_leg(progress, later(stand, 15), plan(), plan("EHAM", "EGLL"))
    assert not starts_next_leg(progress, later(stand, 15), plan(), plan())


# Elsewhere


@pytest.mark.parametrize(
    ("filed", "diverted"),
    [
        (plan("EGLL", "EHAM"), False),
        (plan("EGLL", "EDDF"), True),
        (plan("EHAM", "EDDF"), True),  # turned back
        (plan("EGLL", "EDDF", rules="V"), False),
        (plan("EGLL", ""), False),
        (plan("EGLL", "ZZZZ"), False),
        (plan("EGLL", "XQ77"), False),
    ],
)
def test_a_landing_elsewhere_is_a_diversion(filed: FlightPlan, diverted: bool) -> None:
    assert arrived(60, filed).diverted is diverted


def test_a_destination_changed_in_the_air_is_diverting_until_it_lands() -> None:
    track = fixes("EHAM", way(*APPROACH, *ROLL_OUT, north=-10.3, height=3000, speed=160))
    progress = flown(track[:5], plan("EGLL", "EDDF"))
    assert not progress.diverting
    progress = flown(track[5:8], plan("EGLL", "EHAM"), progress)
    assert progress.diverting
    assert not progress.diverted
    back = flown(track[8:9], plan("EGLL", "EDDF"), progress)
    assert not back.diverting
    progress = flown(track[8:], plan("EGLL", "EHAM"), progress)
    assert not progress.diverting
    assert progress.diverted
    assert progress.found_arrival == "EHAM"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (plan("EGLL", ""), plan("EGLL", "EHAM")),
        (plan("EGLL", "EDDF", rules="V"), plan("EGLL", "EHAM", rules="V")),
        (plan("EGLL", "EDDF"), plan("EGLL", "")),
        (None, plan("EGLL", "EDDF")),
        (plan("EGLL", "EDDF"), None),
    ],
)
def test_no_other_change_of_plan_is_diverting(
    was: FlightPlan | None, now: FlightPlan | None
) -> None:
    track = fixes("EHAM", way(on(300, 250, 9000), north=-90, height=9000, speed=250))
    assert not flown(track[5:], now, flown(track[:5], was)).diverting


def test_a_plan_that_changes_on_the_ground_is_no_diversion() -> None:
    stand = position("EHAM", At(0, 0.3, 0, 0))
    progress = flown([stand, later(stand, 15)], plan("EHAM", "EDDF"))
    progress = advance(progress, later(stand, 30), plan("EHAM", "EGLL"))
    assert progress.filed_arrival == "EGLL"
    assert not progress.diverting


def test_the_airport_is_told_when_the_plan_comes() -> None:
    """A stand far out, where only the plan's own airport reaches."""
    stand = position("EHAM", At(0, 2.5, 0, 0))
    progress = flown([stand, later(stand, 15)], None)
    assert progress.found_departure == "off_airport"
    assert advance(progress, later(stand, 30), plan("EHAM", "EGLL")).found_departure == "EHAM"


@pytest.mark.parametrize(
    ("filed", "airport"),
    [(None, "PANC"), (plan("PANC", "PAFA"), "PANC"), (plan("PALH", ""), "PALH")],
)
def test_the_next_leg_begins_where_the_last_one_ended_also_if_another_airport_is_nearer(
    filed: FlightPlan | None, airport: str
) -> None:
    landed = arrived(600, plan("EGLL", "PANC"), "PANC")
    # Beside the water of Lake Hood, on the ground of Anchorage.
    near = replace(landed.fix, latitude=61.1790, longitude=-149.9640)
    begun = begin_next_leg(landed, later(near, 15), filed)
    assert begun.found_departure == begun.ground.airport == airport
