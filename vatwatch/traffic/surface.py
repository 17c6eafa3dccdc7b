"""Whether an aircraft is on the ground, as far as one position can tell, and what is a jump.

*Heights.* The feed gives the height above sea level, from most simulators the true one, from some
the pressure altitude, which can be 1,000 ft off. The height over a field is therefore taken
against the altitude that this very aircraft reported when it last stood there, and only if it has
not, against the airport's elevation. That elevation is the one of the highest point of the landing
area: runways that slope begin hundreds of feet below. So an aircraft is *at field height* from
300 ft below to 100 ft above.

*Jumps.* An aircraft that is moved by hand (slewing, "start from gate", a new simulator session) is
suddenly elsewhere. Where it jumped is not flown, and it neither took off nor landed. A step is a
jump if it is five times as long as the reported speeds say, as even a simulator that runs four
times as fast as the clock flies no farther; or if it goes up or down more steeply than 45° beyond
what a helicopter can climb. After a gap the question is only whether the place could be reached.
"""

from __future__ import annotations

from msgspec import Struct

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT, airfields, filed_airports
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.position import Position
from vatwatch.traffic.rotorcraft import can_hover
from vatwatch.traffic.thresholds import threshold

SLOW_KT = threshold(
    40,
    "kt",
    "Aeroplanes taxi slower and fly faster than this.",
    "ICAO Doc 9157 Part 2 plans taxiways for about 30 kt; ultralights stall at 35 to 45 kt.",
)
FLYING_KT = threshold(30, "kt", "The slowest aeroplanes lift off at about this speed.")
LIFTED_FT = threshold(
    30, "ft", "No runway rises so much in the seconds between two snapshots of a take-off run."
)
FIELD_ABOVE_FT = threshold(
    100,
    "ft",
    "Elevations in simulators differ from the published ones by less in 99 of 100 cases.",
    "928 of 940 aircraft that stood at their departure in six captures, 2020 to 2025.",
)
FIELD_BELOW_FT = threshold(
    300,
    "ft",
    "The elevation is the highest point of the landing area; runways may slope down from it.",
    "ICAO Annex 14, 2.3; Lukla 205 ft, Courchevel 215 ft, Aspen 158 ft.",
)
HOVER_FT = threshold(
    50, "ft", "A helicopter that is higher over a field hovers; lower, it stands or air-taxies."
)
PRESSURE_ERROR_FT = threshold(
    1500,
    "ft",
    "Pressure altitude and elevation differ by up to 1,000 ft, and runways slope by up to 300 ft.",
    "27 ft an hPa; 980 to 1,045 hPa are rare extremes.",
)
HIGHEST_FIELD_FT = threshold(
    16_500,
    "ft",
    "No aircraft on the ground reports more: the highest field, and an altimeter 1,500 ft off.",
    "SPNH in Peru, 14,965 ft.",
)
FASTEST_ROLL_KT = threshold(
    220, "kt", "No aeroplane rolls faster.", "Tyres are made for 204 kt; Concorde left at 217 kt."
)
AIRBORNE_FT = threshold(
    100, "ft", "No take-off run climbs so much on the steepest runways that jets use (2 %)."
)
STANDING_KT = threshold(3, "kt", "A push-back's pace.")
STILL_NM = threshold(0.004, "nm", "About 7 m: a simulator trembles less.")
STILL_FT = threshold(10, "ft", "Standing on the ground; nobody hovers so exactly.")
JUMP_FACTOR = threshold(
    5, "", "Simulators run at up to four times the clock's pace, and a position may be late."
)
JUMP_SLACK_NM = threshold(
    0.5, "nm", "Speeds are whole knots, and positions are up to a few seconds old."
)
JUMP_FT_MIN = threshold(
    2_000, "ft/min", "What a helicopter climbs straight up.", "AW139: 2,140 ft/min."
)
LONGEST_LINGER_S = threshold(
    180, "s", "A position may be so old before its connection times out.", "172 s were seen."
)
GAP_S = threshold(
    60, "s", "Between two snapshots are 15 s; after four of them something was missed."
)
REACH_KT = threshold(
    650,
    "kt",
    "Hardly anything on the network goes further in an hour: an airliner with a strong jet stream "
    "behind it.",
)
REACH_NM_SLACK = threshold(
    30,
    "nm",
    "A record may be three minutes old, and in that time a jet goes thirty miles.",
    "docs/reading.md: records up to 172 s old linger.",
)
LOWEST_FT = threshold(
    -2_000, "ft", "What is lower is garbage.", "The shore of the Dead Sea is at -1,400 ft."
)
HIGHEST_FT = threshold(100_000, "ft", "What is higher is garbage.", "61,729 ft was seen.")
FASTEST_KT = threshold(
    2_500, "kt", "What is faster is garbage.", "1,636 kt was seen; the SR-71 flew 1,905 kt."
)

FEET_A_NM = 1_852 / 0.3048


def altitude_of(fix: Position) -> int | None:
    """The altitude in feet, if it is one."""
    altitude = fix.altitude
    return None if altitude is None or not LOWEST_FT <= altitude <= HIGHEST_FT else altitude


def speed_of(fix: Position) -> int | None:
    """The ground speed in knots, if it is one."""
    speed = fix.groundspeed
    return None if speed is None or not 0 <= speed <= FASTEST_KT else speed


def own_airports(plan: FlightPlan | None) -> tuple[Airport, ...]:
    """The airports of the plan that we know."""
    return () if plan is None else filed_airports(plan.departure, plan.arrival)


def hovers(plan: FlightPlan | None) -> bool:
    """Whether the plan's aircraft can stand still in the air."""
    return plan is not None and can_hover(plan.aircraft_short)


def airport_at(fix: Position, plan: FlightPlan | None) -> str:
    """The airport of a place: ICAO, or `off_airport`."""
    found = airfields().find(fix.latitude, fix.longitude, own_airports(plan))
    return OFF_AIRPORT if found is None else found.icao


class Step(Struct, frozen=True, gc=False):
    """From one position to the next: seconds, nautical miles, knots, feet; None: unknown."""

    seconds: float
    distance_nm: float
    speed_kt: float
    altitude: int | None
    climbed_ft: int | None


def is_jump(
    step: Step, before_kt: int | None, after_kt: int | None, since_s: float, *, gap: bool
) -> bool:
    """Whether an aircraft cannot have moved so by itself.

    Args:
        step: what it did
        before_kt: the speed before the step
        after_kt: the speed after it
        since_s: for how long it has been where it was: a frozen position catches up at once
        gap: whether it was not seen for a while
    """
    if gap:
        return step.distance_nm > REACH_KT * step.seconds / 3600 + REACH_NM_SLACK
    speed = ((before_kt or 0) + (after_kt or 0)) / 2
    if before_kt is None and after_kt is None:
        speed = REACH_KT
    elif before_kt is None or after_kt is None:
        speed *= 2
    seconds = max(step.seconds, min(since_s, LONGEST_LINGER_S))
    if step.distance_nm > JUMP_FACTOR * speed * seconds / 3600 + JUMP_SLACK_NM:
        return True
    if step.climbed_ft is None:
        return False
    straight = JUMP_FT_MIN * max(seconds, 15.0) / 60
    return abs(step.climbed_ft) > straight + step.distance_nm * FEET_A_NM


def looks_airborne(fix: Position, plan: FlightPlan | None) -> bool:
    """Whether one position, with nothing before it, is one in the air."""
    altitude, speed = altitude_of(fix), speed_of(fix)
    if altitude is None:
        return speed is not None and speed > FASTEST_ROLL_KT
    if altitude > HIGHEST_FIELD_FT or (speed is not None and speed > FASTEST_ROLL_KT):
        return True
    field = airfields().find(fix.latitude, fix.longitude, own_airports(plan))
    height = None if field is None else altitude - field.elevation_ft
    if speed is not None and speed < SLOW_KT:
        if height is None:
            return False
        return height > (FIELD_ABOVE_FT if hovers(plan) and speed else PRESSURE_ERROR_FT)
    if height is None:
        return speed is not None
    return not -FIELD_BELOW_FT <= height <= FIELD_ABOVE_FT
