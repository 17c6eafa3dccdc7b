"""Stands: when an aircraft leaves one, and when it is on one, also without a flight."""

from __future__ import annotations

import pytest

from tests.traffic.tracks import At, fixes, flown, kinds, later, on, plan, position, second, way
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import finish

# Out to the runway, a roll that is broken off, and back to a stand.
OUT, REJECTED = (on(60), on(10, 15), on(120, 15), on(10), on(30)), (on(25, 110), on(25, 12))
BACK = (on(120, 12), on(10))
STANDS = 60 + 10 + 120 + 10 + 30 + 25 + 25 + 120 + 10


def stays(position: Position, seconds: int) -> list[Position]:
    return [later(position, passed) for passed in range(15, seconds + 1, 15)]


def test_who_is_back_from_a_rejected_take_off_is_on_block_after_five_minutes() -> None:
    track = fixes("EGLL", way(*OUT, *REJECTED, *BACK, on(600)))
    progress = flown(track, plan())
    assert kinds(progress) == []
    assert progress.phase is FlightPhase.PARKED
    assert second(progress.times.on_block) == pytest.approx(STANDS, abs=15)
    assert second(progress.times.off_block) == pytest.approx(60, abs=15)


def test_who_leaves_the_network_sooner_may_have_waited_for_another_try() -> None:
    track = fixes("EGLL", way(*OUT, *REJECTED, *BACK, on(120)))
    assert finish(flown(track, plan()), plan()).times.on_block is None


def test_who_tries_again_after_a_rejected_take_off_was_not_on_block() -> None:
    for waits in (60, 400):
        again = (on(waits), on(30, 15), on(10), on(35, 145), on(60, 180, 2500), on(60, 250, 6000))
        progress = flown(fixes("EGLL", way(*OUT, *REJECTED, *BACK, *again)), plan())
        assert kinds(progress) == ["take_off"]
        assert progress.times.on_block is None
        assert second(progress.times.off_block) == pytest.approx(60, abs=15)
        assert finish(progress, plan()).times.on_block is None


def test_who_waits_before_the_runway_is_not_on_block() -> None:
    progress = flown(fixes("EGLL", way(*OUT, on(900))), plan())
    assert progress.phase is FlightPhase.TAXI_OUT
    assert finish(progress, plan()).times.on_block is None


def slewed(waits: int) -> list[Position]:
    """From the stand to 1.2 nm away, and from there on its way after a while."""
    stand = position("EGLL", At(0, 0.2, 0, 0))
    put = position("EGLL", At(75, -1.0, 0, 0))
    drives = way(on(15, 12), on(90, 15), on(10), north=-1.0, second=75 + waits)
    return [stand, *stays(stand, 60), put, *stays(put, waits), *fixes("EGLL", drives)[1:]]


def test_who_is_moved_from_the_stand_to_the_runway_is_off_block_at_no_known_time() -> None:
    track = slewed(120)
    progress = flown(track, plan())
    assert progress.phase is FlightPhase.TAXI_OUT
    assert progress.times.off_block is None
    rolls = way(on(35, 145), on(60, 180, 2500), on(60, 250, 6000), second=400)
    progress = flown(fixes("EGLL", rolls)[1:], plan(), flown(track, plan()))
    assert kinds(progress) == ["take_off"]
    assert progress.times.off_block is None


def test_who_is_moved_to_another_stand_is_off_block_when_he_leaves_that() -> None:
    progress = flown(slewed(600), plan())
    assert second(progress.times.off_block) == pytest.approx(75 + 600, abs=20)


def test_who_is_moved_on_his_way_was_off_block_before() -> None:
    track = fixes("EGLL", way(*OUT))
    put = [later(position("EGLL", At(230 + 15, -1.2, 0, 0)), 15 * n) for n in range(4)]
    progress = flown([*track, *put], plan())
    assert second(progress.times.off_block) == pytest.approx(60, abs=15)


def test_who_is_moved_to_the_runway_and_gives_up_there_is_on_block() -> None:
    track = slewed(120)[:-3]
    last = second(track[-1].time) or 0
    rejected = way(*REJECTED, *BACK, on(600), north=-1.0, second=round(last))
    progress = flown([*track, *fixes("EGLL", rejected)[1:]], plan())
    assert progress.phase is FlightPhase.PARKED
    assert second(progress.times.on_block) == pytest.approx(last + 180, abs=20)
