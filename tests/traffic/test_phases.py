"""The phases of a flight in the air."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.traffic.tracks import fixes, flown, later, on, plan, way
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.progress import advance, begin, seconds_in_phases

CLIMB, CRUISE, DESCENT = FlightPhase.CLIMB, FlightPhase.CRUISE, FlightPhase.DESCENT
START = {"height": 3000, "speed": 250, "north": 30}


def phases(*stretches: object, altitude: str = "FL350") -> list[FlightPhase]:
    """The phases in their order."""
    points = way(*stretches, **START)  # type: ignore[arg-type]
    told: list[FlightPhase] = []
    progress = None
    for fix in fixes("EGLL", points):
        filed = plan(altitude=altitude)
        progress = begin(fix, filed) if progress is None else advance(progress, fix, filed)
        if not told or told[-1] is not progress.phase:
            told.append(progress.phase)
    return told


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        # Joined while climbing; the plan's level.
        ([on(900, 400, 35000), on(1200, 450, 35000)], [CRUISE, CLIMB, CRUISE]),
        # Levelling off for three minutes on the way up is not cruising.
        ([on(300, 300, 12000), on(180, 300, 12000), on(600, 400, 35000)], [CRUISE, CLIMB]),
        # Seven minutes are.
        ([on(300, 300, 12000), on(420, 300, 12000)], [CRUISE, CLIMB, CRUISE]),
        # Down, with a long hold on the way.
        (
            [on(600, 450, 35000), on(400, 450, 35000), on(800, 300, 9000), on(900, 220, 9000),
             on(200, 200, 4000)],
            [CRUISE, CLIMB, CRUISE, DESCENT],
        ),
        # A step climb, and one level down again.
        (
            [on(600, 450, 35000), on(400, 450, 35000), on(120, 450, 37000), on(600, 450, 37000),
             on(120, 450, 35000), on(600, 450, 35000)],
            [CRUISE, CLIMB, CRUISE, CLIMB, CRUISE, DESCENT, CRUISE],
        ),
        # A go-around.
        (
            [on(120, 140, 300), on(120, 170, 3000)], [CRUISE, DESCENT, CLIMB],
        ),
        # Turbulence.
        ([on(15, 250, 3150), on(15, 250, 2850), on(15, 250, 3200), on(300, 250, 3000)], [CRUISE]),
    ],
)  # fmt: skip
def test_phases_in_the_air(stretches: list[object], expected: list[FlightPhase]) -> None:
    assert phases(*stretches) == expected


def test_the_time_in_each_phase_adds_up() -> None:
    points = way(on(900, 400, 35000), on(1200, 450, 35000), on(900, 300, 5000), **START)  # type: ignore[arg-type]
    progress = flown(fixes("EGLL", points), plan())
    told = seconds_in_phases(progress)
    assert sum(told.values()) == 3000
    assert told["cruise"] == pytest.approx(1200, abs=120)
    assert told["descent"] == pytest.approx(900, abs=60)


def test_a_pause_in_the_air_is_no_time_of_a_phase() -> None:
    track = fixes("EGLL", way(on(900, 250, 3000), **START))  # type: ignore[arg-type]
    before, rest = track[:30], track[30:]
    paused = [later(replace(before[-1], groundspeed=0), 15 * n) for n in range(1, 81)]
    progress = flown([*before, *paused], plan())
    assert sum(seconds_in_phases(progress).values()) == 29 * 15
    progress = flown([later(fix, 1200) for fix in rest], plan(), progress)
    assert sum(seconds_in_phases(progress).values()) == 900
