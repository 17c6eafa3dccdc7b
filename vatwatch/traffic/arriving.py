"""In the air: contacts with the ground, and the landing.

An aircraft at field height touches the ground at the lowest such snapshot. It has landed when it is
slower than 40 kt, or after two more snapshots at field height if it has lost 20 kt; it has made
a touch-and-go when it climbs again. A go-around does not come down to the field.

Where the height says nothing (pressure altitude, no airport near) it has landed when it rolls:
slower than 40 kt, level, and moving as its speed says; or when it has stood still for a minute
after it slowed down as a brake can, which a paused simulator does not. The time is then the
beginning of the level stretch. What can hover must stand still.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import airfields
from vatwatch.traffic.destination import has_diverted, refiled
from vatwatch.traffic.movements import (
    MovementKind,
    landed,
    times_of,
    touched,
)
from vatwatch.traffic.phases import FlightPhase, Profile, next_profile
from vatwatch.traffic.plan_text import cruise_altitude_ft
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    Progress,
    Touch,
    enter,
    flown,
    ground_at,
)
from vatwatch.traffic.surface import (
    AIRBORNE_FT,
    FASTEST_ROLL_KT,
    FEET_A_NM,
    FIELD_ABOVE_FT,
    FIELD_BELOW_FT,
    HIGHEST_FIELD_FT,
    HOVER_FT,
    PRESSURE_ERROR_FT,
    SLOW_KT,
    STANDING_KT,
    Step,
    airport_at,
    altitude_of,
    hovers,
    own_airports,
    speed_of,
)
from vatwatch.traffic.thresholds import threshold

DEEPER_FT = threshold(30, "ft", "Still coming down: the touch is yet to come.")
BRAKED_KT = threshold(20, "kt", "Nobody brakes so much to fly on.")
LEVEL_SLOPE = threshold(
    0.03, "", "Between the slope of runways and that of an approach.", "ICAO Annex 14: 2 %; 5.2 %."
)
STILL_S = timedelta(seconds=threshold(60, "s", "Nobody hovers to the metre for a minute."))
LANDED_AGO = timedelta(seconds=threshold(90, "s", "A roll-out is over in a minute."))


def in_air(
    before: Progress, fix: Position, plan: FlightPlan | None, step: Step, gap: bool
) -> Progress:
    """The progress of an aircraft that was in the air; `gap`: not seen for a while before `fix`."""
    altitude = step.altitude
    if altitude is None or altitude <= HIGHEST_FIELD_FT:
        touch = _touches(before, fix, plan, step)
        if isinstance(touch, Touch):
            after = flown(before, fix, step, gap=gap)
            return replace(after, touch=touch, airborne=False)
        if touch is not None:
            return land(flown(before, fix, step, gap=gap), fix, plan, touch, airport_at(fix, plan))
    after = flown(before, fix, step, gap=gap)
    after = _vertical(after, fix, plan, step, gap)
    if plan is not None and (
        plan.arrival != before.filed_arrival or plan.departure != before.filed_departure
    ):
        after = refiled(after, plan)
    return after


def _touches(
    before: Progress, fix: Position, plan: FlightPlan | None, step: Step
) -> Touch | datetime | None:
    """A contact to be watched, the time of a landing that is certain, or nothing."""
    field = airfields().find(fix.latitude, fix.longitude, own_airports(plan))
    speed, altitude = step.speed_kt, step.altitude
    slow = speed < SLOW_KT
    if field is None and not slow:
        return None
    height = None
    if field is not None and altitude is not None:
        feet = before.ground.feet if before.ground.airport == field.icao else None
        height = altitude - (field.elevation_ft if feet is None else feet)
    can_hover = hovers(plan)
    if not slow:
        if height is None or speed > FASTEST_ROLL_KT:
            return None
        if -FIELD_BELOW_FT <= height <= (HOVER_FT if can_hover else FIELD_ABOVE_FT):
            assert altitude is not None
            assert field is not None
            return Touch(fix.time, altitude, speed, field.icao)
        return None
    if height is not None:
        if can_hover:
            if -FIELD_BELOW_FT <= height <= HOVER_FT:
                return _level_since(before, fix)
        elif abs(height) <= FIELD_BELOW_FT:
            return _level_since(before, fix)
        elif height > PRESSURE_ERROR_FT:
            return None
    still = before.frozen_since
    if still is not None and fix.time - still >= STILL_S:
        return _level_since(before, fix) if not can_hover else still
    if can_hover or plan is None or altitude is None:
        return None
    return _level_since(before, fix) if _rolls(step) else None


def _rolls(step: Step) -> bool:
    """Whether a slow step is one on wheels: it moves as its speed says, and level."""
    if step.climbed_ft is None or not step.speed_kt:
        return False
    due = step.speed_kt * step.seconds / 3600
    return (
        step.distance_nm >= due / 2
        and abs(step.climbed_ft) <= LEVEL_SLOPE * step.distance_nm * FEET_A_NM
    )


def _level_since(before: Progress, fix: Position) -> datetime:
    """When the level stretch at the end of which it is slow began: the touchdown."""
    profile, altitude = before.profile, altitude_of(fix)
    if profile.level_since is None or profile.level_ft is None or altitude is None:
        return fix.time
    last = before.movements[-1].time if before.movements else None
    level = abs(altitude - profile.level_ft) <= FIELD_ABOVE_FT
    if not level or fix.time - profile.level_since > LANDED_AGO:
        return fix.time
    return profile.level_since if last is None else max(profile.level_since, last)


def after_touch(before: Progress, fix: Position, plan: FlightPlan | None, step: Step) -> Progress:
    """The progress of an aircraft that touched the ground, not decided yet whether for good."""
    touch = before.touch
    assert touch is not None
    after = flown(before, fix, step, gap=False)
    altitude = step.altitude
    if step.speed_kt < SLOW_KT:
        return land(after, fix, plan, touch.time, touch.airport)
    if altitude is None:
        return replace(after, touch=replace(touch, snapshots=touch.snapshots + 1))
    field = airfields().find(fix.latitude, fix.longitude, own_airports(plan))
    feet = None
    if field is not None:
        own = before.ground.feet if before.ground.airport == field.icao else None
        feet = field.elevation_ft if own is None else own
    if altitude < touch.altitude - DEEPER_FT:
        if feet is not None and altitude >= feet - FIELD_BELOW_FT and field is not None:
            return replace(after, touch=Touch(fix.time, altitude, step.speed_kt, field.icao))
        return replace(_vertical(after, fix, plan, step, False), touch=None, airborne=True)
    above = feet is None or altitude > feet + FIELD_ABOVE_FT
    if altitude >= touch.altitude + AIRBORNE_FT or (above and altitude > touch.altitude):
        return _touch_and_go(after, fix, touch, altitude)
    if above:
        return replace(after, touch=None, airborne=True)
    snapshots = touch.snapshots + 1
    if snapshots >= 2 and step.speed_kt <= touch.speed - BRAKED_KT:
        return land(after, fix, plan, touch.time, touch.airport)
    return replace(after, touch=replace(touch, snapshots=snapshots))


def _touch_and_go(after: Progress, fix: Position, touch: Touch, altitude: int) -> Progress:
    movements = touched(after.movements, touch.airport, touch.time)
    return replace(
        enter(after, FlightPhase.CLIMB, fix.time),
        airborne=True,
        touch=None,
        movements=movements,
        profile=Profile(altitude, fix.time, altitude),
    )


def land(
    after: Progress, fix: Position, plan: FlightPlan | None, time: datetime, airport: str
) -> Progress:
    """The progress with a landing at this time, seen at `fix`."""
    movements = landed(after.movements, airport, time)
    hop = not movements or movements[-1].kind is not MovementKind.LANDING
    speed = speed_of(fix)
    return replace(
        enter(after, FlightPhase.TAXI_OUT if hop else FlightPhase.TAXI_IN, time),
        airborne=False,
        touch=None,
        movements=movements,
        times=times_of(movements, after.times.off_block),
        found_arrival=None if hop else airport,
        ground=ground_at(fix, airport, standing=speed is not None and speed < STANDING_KT),
        diverting=False,
        diverted=not hop and has_diverted(after, fix, airport, plan),
        frozen_since=None,
    )


def _vertical(
    after: Progress, fix: Position, plan: FlightPlan | None, step: Step, gap: bool
) -> Progress:
    if step.altitude is None:
        return after
    profile = after.profile
    if gap:
        profile = Profile(None, None, profile.turn_ft)
    filed_ft = None if plan is None else cruise_altitude_ft(plan.altitude)
    phase, profile = next_profile(
        after.phase, profile, step.altitude, fix.time, filed_ft, after.highest_ft or step.altitude
    )
    if phase is not after.phase:
        after = enter(after, phase, fix.time)
    return after if profile is after.profile else replace(after, profile=profile)
