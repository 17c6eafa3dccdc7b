"""What a flight has done, told from its snapshots."""

from __future__ import annotations

from tests.traffic.tracks import ARRIVAL, DEPARTURE, At, fixes, flown, plan, seconds, told
from vatwatch.traffic.phases import FlightPhase


def test_a_departure_has_its_times_and_its_airport() -> None:
    progress = flown(fixes("EGLL", DEPARTURE), plan())
    assert told(progress) == [("take_off", "EGLL", 390)]
    assert seconds(progress.times.off_block) == 75
    assert progress.airborne
    assert progress.phase is FlightPhase.CLIMB
    assert progress.found_departure == "EGLL"
    assert not progress.joined_in_flight


def test_an_arrival_has_its_times_and_its_airport() -> None:
    progress = flown(fixes("EHAM", ARRIVAL), plan())
    assert told(progress) == [("landing", "EHAM", 435)]
    assert seconds(progress.times.on_block) == 600
    assert progress.phase is FlightPhase.PARKED
    assert progress.found_arrival == "EHAM"
    assert progress.joined_in_flight
    assert not progress.diverted


def test_a_rejected_take_off_is_no_movement() -> None:
    points = (*DEPARTURE[:6], At(375, 1.5, 0, 120), At(400, 1.9, 0, 0), At(500, 1.9, 0, 0))
    progress = flown(fixes("EGLL", points), plan())
    assert told(progress) == []
    assert not progress.airborne
