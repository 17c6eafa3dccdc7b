"""The phases of a flight.

On the ground: `connected` until it leaves the place where it was first seen, then `taxi_out` until
it is in the air; after a landing `taxi_in` until it is parked, then `parked`.

In the air: `climb`, `cruise` and `descent`. A phase ends when the aircraft is 500 ft below the
highest point of a climb (`descent`), 500 ft off its cruising level (`climb` or `descent`), or
1,000 ft above the lowest point of a descent (`climb`, as in a go-around). A climb is over when
the aircraft has been level for a minute within 1,000 ft of the filed altitude, or for five minutes
anywhere: levelling off on the way up is not cruising yet. A descent is a cruise again after five
minutes level, if no lower than two thirds of the highest altitude: a hold near the destination is
still the descent. Level means: within 100 ft of where the level stretch began.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from vatwatch.traffic.thresholds import threshold

LEVEL_FT = threshold(
    100,
    "ft",
    "An autopilot holds its level much closer; the reported height wanders with the air pressure.",
)
LEFT_LEVEL_FT = threshold(
    500,
    "ft",
    "Half the distance between two levels: turbulence does not reach it, a change of level does.",
    "ICAO Annex 2, Appendix 3: levels are 1,000 ft apart, VFR ones 500 ft off them.",
)
CLIMBS_AGAIN_FT = threshold(
    1000, "ft", "A go-around climbs so far; levelling off on an approach does not."
)
FILED_LEVEL_FT = threshold(
    1000, "ft", "Controllers often clear a flight to the next level below the filed one."
)
LEVEL_AT_FILED = timedelta(
    seconds=threshold(60, "s", "Four snapshots: more than a moment of slow climbing.")
)
LEVEL_ANYWHERE = timedelta(
    seconds=threshold(300, "s", "Clearances on the way up seldom hold a flight level for so long.")
)
CRUISE_SHARE = threshold(
    2 / 3, "", "Holds and vectors near the destination are far below the cruising level."
)


class FlightPhase(StrEnum):
    """What a flight is doing."""

    CONNECTED = "connected"
    TAXI_OUT = "taxi_out"
    CLIMB = "climb"
    CRUISE = "cruise"
    DESCENT = "descent"
    TAXI_IN = "taxi_in"
    PARKED = "parked"


class Profile(Struct, frozen=True, gc=False, array_like=True):
    """The flight's height, as far as the phases need it, in feet.

    `level_ft` and `level_since`: where and when the present level stretch began. `turn_ft`: the
    highest point of the climb, the cruising level, or the lowest point of the descent.
    """

    level_ft: int | None = None
    level_since: datetime | None = None
    turn_ft: int | None = None


def next_profile(
    phase: FlightPhase,
    profile: Profile,
    altitude: int,
    time: datetime,
    filed_ft: int | None,
    highest_ft: int,
) -> tuple[FlightPhase, Profile]:
    """The phase in the air after one more altitude.

    Args:
        phase: so far: climb, cruise or descent
        profile: so far
        altitude: in feet
        time: of the altitude
        filed_ft: the plan's cruising altitude, if it says one
        highest_ft: the highest altitude so far, this one included
    """
    level_ft, since = profile.level_ft, profile.level_since
    if level_ft is None or since is None or abs(altitude - level_ft) > LEVEL_FT:
        level_ft, since = altitude, time
    level = time - since
    turn = altitude if profile.turn_ft is None else profile.turn_ft
    if phase is FlightPhase.CLIMB:
        if altitude > turn:
            turn = altitude
        elif altitude <= turn - LEFT_LEVEL_FT:
            phase, turn = FlightPhase.DESCENT, altitude
        if level >= LEVEL_AT_FILED and (
            level >= LEVEL_ANYWHERE
            or (filed_ft is not None and altitude >= filed_ft - FILED_LEVEL_FT)
        ):
            phase, turn = FlightPhase.CRUISE, altitude
    elif phase is FlightPhase.CRUISE:
        if level >= LEVEL_AT_FILED:
            turn = level_ft
        elif altitude >= turn + LEFT_LEVEL_FT:
            phase, turn = FlightPhase.CLIMB, altitude
        elif altitude <= turn - LEFT_LEVEL_FT:
            phase, turn = FlightPhase.DESCENT, altitude
    elif altitude < turn:
        turn = altitude
    elif altitude >= turn + CLIMBS_AGAIN_FT:
        phase, turn = FlightPhase.CLIMB, altitude
    elif level >= LEVEL_ANYWHERE and altitude >= CRUISE_SHARE * highest_ft:
        phase, turn = FlightPhase.CRUISE, altitude
    if level_ft == profile.level_ft and since == profile.level_since and turn == profile.turn_ft:
        return phase, profile
    return phase, Profile(level_ft, since, turn)
