"""In the air: contacts with the ground, and the landing.

An aircraft at field height touches the ground at the lowest such snapshot. Off any airport the
field is the place where it last stood or rolled, to 1.5 nm, and as high as that: a lake, a meadow.

It has landed when it is slower than 40 kt, or after two more snapshots at field height if it has
lost half its speed; it has made a touch-and-go when it climbs again, unless it sank to the lowest
point and climbed from it so fast that it cannot have rolled: a go-around does not touch the ground.
The time of a landing is that of the first snapshot on the ground: if the touch was more than 20 ft
above the runway on which it rolls afterwards, it is the snapshot after it.

If it is not seen any more before that is decided, it has landed, unless it came to the field level
and has not braked: it has flown over it, as on a mountain whose field is above it.

Where the height says nothing (pressure altitude, no airport near) it has landed when it rolls:
slower than 40 kt, level, and moving as its speed says; or when it has stood still for a minute
after it slowed down as a brake can, which a paused simulator does not. The time is then the
beginning of the level stretch. What can hover must stand still. Of who has filed no aircraft nobody
knows whether it can: where the height says nothing it must stand still, too, and nowhere has it
landed while it sinks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT, REACH_NM, airfields
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.destination import has_diverted, refiled
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.movements import (
    MovementKind,
    Times,
    landed,
    times_of,
    touched,
)
from vatwatch.traffic.phases import LEVEL_FT, FlightPhase, Profile, next_profile
from vatwatch.traffic.plan_text import cruise_altitude_ft
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    STILL_FOR,
    Progress,
    Touch,
    enter,
    flies_until,
    flown,
    ground_at,
)
from vatwatch.traffic.surface import (
    AIRBORNE_FT,
    FASTEST_ROLL_KT,
    FEET_A_NM,
    FIELD_ABOVE_FT,
    FIELD_BELOW_FT,
    FLYING_KT,
    HIGHEST_FIELD_FT,
    HOVER_FT,
    LIFTED_FT,
    PRESSURE_ERROR_FT,
    SLOW_KT,
    STANDING_KT,
    STILL_NM,
    Step,
    altitude_of,
    hovers,
    own_airports,
    speed_of,
)
from vatwatch.traffic.thresholds import threshold

TOUCH_SNAPSHOTS = threshold(
    2,
    "snapshots",
    "Half a minute: a touch-and-go is over sooner, and who lands has braked by then.",
)
BRAKED_SHARE = threshold(0.5, "", "Of the speed at the touch; nobody who flies on brakes so much.")
UNBRAKED_SHARE = threshold(
    0.9, "", "Of the speed at the touch; who rolls loses more until the next snapshot."
)
LEVEL_SLOPE = threshold(
    0.02,
    "",
    "No runway for jets is steeper, and an approach is: 5.2 %, in the flare still 2.5 %.",
    "ICAO Annex 14, 3.1.13 and 3.1.14.",
)
STILL_SINKING = threshold(
    0.8, "", "Of the rate of descent before: who flares or rolls has lost more of it."
)
TOUCH_S = threshold(
    8, "s", "A touch-and-go rolls for five seconds at least, and rotates for three."
)
FASTEST_CLIMB_FPM = threshold(
    4_500, "ft/min", "A light airliner's steepest initial climb; what climbed more went around."
)
FLARE_FT = threshold(
    20, "ft", "Over the runway; from there it takes two seconds or more to the touch."
)
LANDED_AGO = timedelta(seconds=threshold(90, "s", "A roll-out is over in a minute."))

_MEADOW = Airport(OFF_AIRPORT, "", "", "", "", 0.0, 0.0, 0, "")


def in_air(
    before: Progress, fix: Position, plan: FlightPlan | None, step: Step, gap: bool
) -> Progress:
    """The progress of an aircraft that was in the air; `gap`: not seen for a while before `fix`."""
    after = flown(before, fix, step, gap=gap)
    if plan is not None and (plan.arrival != before.filed_arrival or before.diverting):
        after = refiled(after, plan)
    altitude, speed = step.altitude, step.speed_kt
    if altitude is not None and altitude > HIGHEST_FIELD_FT:
        return _vertical(after, fix, plan, step, gap)
    field = _field(before, fix, plan)
    slow = speed < SLOW_KT
    if field is None and not slow:
        return _vertical(after, fix, plan, step, gap)
    height = _height(before, altitude, field)
    if slow:
        time = _landed_at(after, fix, plan, step, height)
        if time is not None:
            return land(after, fix, plan, time, OFF_AIRPORT if field is None else field.icao)
    elif (
        field is not None
        and altitude is not None
        and height is not None
        and -FIELD_BELOW_FT <= height <= FIELD_ABOVE_FT
        and speed <= FASTEST_ROLL_KT
        and not hovers(plan)
    ):
        touch = _touch(before, fix, step, altitude, field)
        return replace(after, touch=touch, airborne=False)
    return _vertical(after, fix, plan, step, gap)


def _field(before: Progress, fix: Position, plan: FlightPlan | None) -> Airport | None:
    """The airport that it is at; or the water or the meadow from which it took off."""
    found = airfields().find(fix.latitude, fix.longitude, own_airports(plan))
    ground = before.ground
    if (
        found is not None
        or ground.airport != OFF_AIRPORT
        or ground.feet is None
        or abs(fix.latitude - ground.latitude) > REACH_NM / 60
        or distance_nm(fix.latitude, fix.longitude, ground.latitude, ground.longitude) > REACH_NM
    ):
        return found
    return replace(
        _MEADOW, latitude=ground.latitude, longitude=ground.longitude, elevation_ft=ground.feet
    )


def _height(before: Progress, altitude: int | None, field: Airport | None) -> int | None:
    """The height over the field in feet: by the aircraft's own altimeter if it has been there."""
    if altitude is None or field is None:
        return None
    feet = before.ground.feet if before.ground.airport == field.icao else None
    return altitude - (field.elevation_ft if feet is None else feet)


def _landed_at(
    after: Progress, fix: Position, plan: FlightPlan | None, step: Step, height: int | None
) -> datetime | None:
    """When a slow aircraft came down; None if it is still in the air."""
    hovering = hovers(plan)
    may_hover = hovering or plan is None or not plan.aircraft_short
    highest = HOVER_FT if hovering else FIELD_ABOVE_FT if may_hover else FIELD_BELOW_FT
    if may_hover and (step.climbed_ft or 0) <= -LIFTED_FT:
        return None  # on its way down
    if height is not None and -FIELD_BELOW_FT <= height <= highest:
        return fix.time if hovering else _touchdown(after, fix, fix.time)
    still, too_high = after.frozen_since, height is not None and height > PRESSURE_ERROR_FT
    if after.rested and still is not None and fix.time - still >= STILL_FOR and not too_high:
        return still if hovering else _touchdown(after, fix, still)
    if hovering or (may_hover and (height is None or too_high)):
        return None
    if _rolls(step, known=height is not None):
        return _touchdown(after, fix, fix.time)
    return None


def _rolls(step: Step, *, known: bool) -> bool:
    """Whether a slow step is one on wheels: it moves as its speed says, and level."""
    speed = step.speed_kt
    if step.climbed_ft is None or not speed or (speed >= FLYING_KT and not known):
        return False
    return (
        step.distance_nm >= speed * step.seconds / 3600 / 2
        and abs(step.climbed_ft) <= LEVEL_SLOPE * step.distance_nm * FEET_A_NM
    )


def _touchdown(after: Progress, fix: Position, slow_since: datetime) -> datetime:
    """When the level stretch began at the end of which it was slow."""
    profile, altitude = after.profile, altitude_of(fix)
    if profile.level_since is None or profile.level_ft is None or altitude is None:
        return slow_since
    level = abs(altitude - profile.level_ft) <= LEVEL_FT
    if not level or slow_since - profile.level_since > LANDED_AGO:
        return slow_since
    since = max(profile.level_since, after.phase_since)
    return max(since, after.movements[-1].time) if after.movements else since


def after_touch(before: Progress, fix: Position, plan: FlightPlan | None, step: Step) -> Progress:
    """The progress of an aircraft that touched the ground, not decided yet whether for good."""
    touch = before.touch
    assert touch is not None
    after = flown(before, fix, step, gap=False)
    altitude, slow = step.altitude, step.speed_kt < SLOW_KT
    if altitude is None:
        if slow:
            return land(after, fix, plan, touch.time, touch.airport)
        return replace(after, touch=replace(touch, snapshots=touch.snapshots + 1))
    field = _field(before, fix, plan)
    height = _height(before, altitude, field)
    if altitude >= touch.altitude + LIFTED_FT and (
        height is None or height > FIELD_ABOVE_FT or altitude >= touch.altitude + AIRBORNE_FT
    ):
        if touch.sinking and touch.snapshots == 0 and _climbed_at_once(step):
            return _flies_on(after, fix, plan, step)
        return _touch_and_go(after, fix, touch, altitude)
    falls = -(step.climbed_ft or 0)
    if not slow and falls >= max(LIFTED_FT, LEVEL_SLOPE * step.distance_nm * FEET_A_NM):
        if field is None or height is None or height < -FIELD_BELOW_FT:
            return _flies_on(after, fix, plan, step)
        touch = _touch(before, fix, step, altitude, field)
    else:
        touch = _followed(touch, fix, altitude, step)
    if slow or (touch.snapshots >= TOUCH_SNAPSHOTS and step.speed_kt <= touch.speed * BRAKED_SHARE):
        return land(after, fix, plan, _first_on_ground(touch, altitude), touch.airport)
    if touch.snapshots >= TOUCH_SNAPSHOTS and height is None:
        return _flies_on(after, fix, plan, step)  # low and level, and away from the field
    return replace(after, touch=touch)


def _touch(before: Progress, fix: Position, step: Step, altitude: int, field: Airport) -> Touch:
    sank, sinks = before.vertical_speed_fpm, (step.climbed_ft or 0) / step.seconds * 60
    sinking = sank is not None and sinks < 0 and sinks <= STILL_SINKING * sank
    level = -(step.climbed_ft or 0) <= LEVEL_SLOPE * step.distance_nm * FEET_A_NM
    return Touch(fix.time, altitude, step.speed_kt, field.icao, sinking=sinking, level=level)


def decide_touch(progress: Progress, plan: FlightPlan | None) -> Progress:
    """The progress of an aircraft that is not seen any more after a contact with the ground."""
    touch, speed = progress.touch, speed_of(progress.fix)
    assert touch is not None
    if touch.level and speed is not None and speed > touch.speed * UNBRAKED_SHARE:
        return replace(progress, touch=None, airborne=True)
    return land(progress, progress.fix, plan, touch.time, touch.airport)


def _climbed_at_once(step: Step) -> bool:
    """Whether there was no time for being on the ground before this climb."""
    seconds = max(0.0, step.seconds - TOUCH_S)
    return (step.climbed_ft or 0) > FASTEST_CLIMB_FPM / 60 * seconds


def _flies_on(after: Progress, fix: Position, plan: FlightPlan | None, step: Step) -> Progress:
    return _vertical(replace(after, touch=None, airborne=True), fix, plan, step, gap=False)


def _followed(touch: Touch, fix: Position, altitude: int, step: Step) -> Touch:
    if touch.then is None:
        return replace(
            touch, snapshots=1, then=fix.time, then_ft=altitude, then_nm=step.distance_nm
        )
    return replace(touch, snapshots=touch.snapshots + 1, on_nm=touch.on_nm + step.distance_nm)


def _first_on_ground(touch: Touch, altitude: int) -> datetime:
    """The time of the touch, or of the snapshot after it if the touch was still in the air.

    The runway goes on backwards as it goes on from there, up or down.
    """
    if touch.then is None:
        return touch.time
    slope = (altitude - touch.then_ft) / touch.on_nm if touch.on_nm > STILL_NM else 0.0
    runway_ft = max(touch.then_ft, touch.then_ft - slope * touch.then_nm)
    return touch.then if touch.altitude - runway_ft > FLARE_FT else touch.time


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
    if after.joined_in_flight and not hovers(plan) and (after.fastest_kt or 0) < SLOW_KT:
        return _never_flew(after, fix, airport)
    movements = landed(after.movements, airport, time)
    hop = not movements or movements[-1].kind is not MovementKind.LANDING
    speed = speed_of(fix)
    ground = ground_at(fix, airport, standing=speed is not None and speed < STANDING_KT)
    if ground.since is not None and after.frozen_since is not None:
        ground = replace(ground, since=after.frozen_since)
    return replace(
        enter(after, FlightPhase.TAXI_OUT if hop else FlightPhase.TAXI_IN, time),
        airborne=False,
        touch=None,
        movements=movements,
        times=times_of(movements, after.times.off_block),
        found_arrival=None if hop else airport,
        ground=ground,
        diverting=False,
        diverted=not hop and has_diverted(after, fix, airport, plan),
        frozen_since=None,
        rested=False,
    )


def _never_flew(after: Progress, fix: Position, airport: str) -> Progress:
    """It rolls, and was never fast: its altitude was wrong, and it has been on the ground."""
    return replace(
        enter(after, FlightPhase.TAXI_OUT, fix.time),
        airborne=False,
        touch=None,
        joined_in_flight=False,
        found_departure=airport,
        times=Times(fix.time if after.frozen_since is not None else None),
        distance_flown_nm=0.0,
        highest_ft=None,
        fastest_kt=None,
        ground=ground_at(fix, airport, standing=False),
        frozen_since=None,
        rested=False,
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
        after = enter(after, phase, flies_until(after))
    return after if profile is after.profile else replace(after, profile=profile)
