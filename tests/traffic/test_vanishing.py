"""What is decided of a flight that is not seen any more."""

from __future__ import annotations

import pytest

from tests.traffic.tracks import (
    APPROACH,
    ROLL_OUT,
    fixes,
    flown,
    kinds,
    on,
    plan,
    second,
    way,
)  # fmt: skip
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import finish
from vatwatch.traffic.progress_record import Progress

ARRIVAL = way(*APPROACH, *ROLL_OUT, on(600), north=-10.3, height=3000, speed=160)
STANDS = 404  # second of it


def flown_to(track: list[Position], last: int) -> Progress:
    return flown(track[: last + 1], plan("LFMT", "LFMP", "C172", rules="V"))


def test_a_flight_may_vanish_before_it_parks() -> None:
    track = fixes("EHAM", ARRIVAL)
    on_runway = next(n for n, fix in enumerate(track) if (fix.altitude or 0) <= -11 + 20)
    progress = flown(track[: on_runway + 1], plan())
    assert not progress.airborne
    assert kinds(finish(progress, plan())) == ["landing"]
    taxied = flown([f for f in track if (second(f.time) or 0) <= STANDS + 20], plan())
    assert taxied.times.on_block is None
    over = finish(taxied, plan())
    assert STANDS <= (second(over.times.on_block) or 0) < STANDS + 15
    assert over.phase is FlightPhase.PARKED


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_who_vanishes_in_level_flight_over_a_field_has_not_landed(seen: int) -> None:
    """In a simulator without the mountain, the field on it is above the aircraft."""
    level = way(on(240, 112, -250), north=-6, height=-250, speed=112)
    track = fixes("LFNQ", level)
    over_field = [n for n in range(len(track)) if flown_to(track, n).touch is not None]
    assert len(over_field) >= 3
    progress = finish(flown_to(track, over_field[seen - 1]), plan("LFMT", "LFMP", "C172"))
    assert kinds(progress) == []
    assert progress.airborne
    assert progress.times.landing is None


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_who_vanishes_on_the_runway_after_an_approach_has_landed(seen: int) -> None:
    track = fixes("LFNQ", way(*APPROACH, *ROLL_OUT, north=-10.3, height=3000, speed=160))
    on_runway = [n for n in range(len(track)) if not flown_to(track, n).airborne]
    progress = finish(flown_to(track, on_runway[seen - 1]), plan("LFMT", "LFMP", "C172"))
    assert kinds(progress) == ["landing"]
    assert not progress.airborne


def test_who_comes_in_level_and_vanishes_while_braking_has_landed() -> None:
    """The last mile over water, a few feet up."""
    low = way(on(60, 80, 60), on(20, 75, 0), on(15, 55), north=-2.4, height=60, speed=80)
    progress = finish(flown(fixes("LFNQ", low), plan("LFMT", "LFMP", "C172")), None)
    assert kinds(progress) == ["landing"]
