"""On the ground: the take-off.

*Take-off.* An aircraft that rolls (30 kt or more; one that can hover: that moves) and is 100 ft
higher than where it was last slow has taken off, at once if it is faster than 60 kt, else if it was
30 ft higher in the snapshot before. So has one that is faster than any aeroplane rolls, that is
300 ft below where it rolled (fields on mountains), or that has gone 3 nm at speed. The airport is
the one where it stood or taxied: nobody taxies from one to another. A rejected take-off is none, as
it stays at the field's height.

The time is that of the first snapshot in the air. That is the one in which it is seen so high, or
the one before, where it may have been a few feet up: so it was if its later climb, drawn
backwards, is not yet on the ground there. The next snapshot tells that, so a take-off is recorded
with it. What can hover has taken off where it was first 10 ft up.
"""

from __future__ import annotations

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import filed_airport
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.movements import (
    Times,
    taken_off,
    times_of,
)
from vatwatch.traffic.phases import FlightPhase, Profile
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    Ground,
    Lift,
    Progress,
    enter,
    flown,
)
from vatwatch.traffic.stand import taxi
from vatwatch.traffic.surface import (
    AIRBORNE_FT,
    FASTEST_ROLL_KT,
    FIELD_BELOW_FT,
    FLYING_KT,
    GAP_S,
    LIFTED_FT,
    STANDING_KT,
    Step,
    altitude_of,
    hovers,
    speed_of,
)
from vatwatch.traffic.thresholds import threshold

SURELY_FLYING_KT = threshold(60, "kt", "Nobody taxies so fast, so one snapshot is enough.")
BELOW_RUNWAY_FT = threshold(
    300, "ft", "Runways on mountain sides slope down by less; what is lower has flown off them."
)
LONGEST_RUN_NM = threshold(3.0, "nm", "The longest runways are 3 nm long, at Edwards 6.5 nm.")
UNFROZEN_KT_S = threshold(5, "kt/s", "No aeroplane gathers speed so fast without a catapult.")
HOVER_LIFT_FT = threshold(
    10, "ft", "A helicopter that moves so high over its pad is flying; trembling is less."
)
ROTATION_S = threshold(
    3, "s", "The first seconds of a climb are slower than what follows: the aircraft rotates."
)


def on_ground(
    before: Progress, fix: Position, plan: FlightPlan | None, step: Step, gap: bool
) -> Progress:
    """The progress of an aircraft that was on the ground; `gap`: not seen for a while since."""
    can_hover, speed, ground = hovers(plan), step.speed_kt, before.ground
    if not can_hover and _unfrozen(before, step):
        return _into_the_air(before, fix, step, None)
    if not (speed >= FLYING_KT or (can_hover and (speed >= STANDING_KT or step.distance_nm > 0))):
        return taxi(before, fix, plan, step)
    was, feet = altitude_of(before.fix), ground.feet
    rise = None if step.altitude is None or feet is None else step.altitude - feet
    rose = None if was is None or feet is None else was - feet
    risen = rose is not None and rose >= (HOVER_LIFT_FT if can_hover else LIFTED_FT)
    fast = speed >= SURELY_FLYING_KT
    if rise is not None and rise >= AIRBORNE_FT:
        flies = fast or risen
    else:
        fallen = rise is not None and rise <= -BELOW_RUNWAY_FT
        flies = speed > FASTEST_ROLL_KT or (
            fast and (fallen or _from_ground_nm(ground, fix) > LONGEST_RUN_NM)
        )
    if not flies:
        return taxi(before, fix, plan, step)
    if can_hover:
        lift = Lift(before.fix.time if risen else fix.time)
    elif (speed_of(before.fix) or 0) >= FLYING_KT and was is not None:
        lift = Lift(fix.time, step.altitude, before.fix.time, was)
    else:
        lift = Lift(fix.time)
    after = _into_the_air(before, fix, step, lift)
    return settle_take_off(after, None) if gap or lift.earlier is None else after


def settle_take_off(progress: Progress, fix: Position | None) -> Progress:
    """The progress with the take-off that it is in, told by the next position if there is one."""
    lift = progress.lift
    assert lift is not None
    time = lift.time
    if lift.earlier is not None and fix is not None and _flew_already(lift, fix):
        time = lift.earlier
    off_block = progress.times.off_block
    movements = taken_off(progress.movements, progress.ground.airport, time)
    return replace(
        progress,
        lift=None,
        movements=movements,
        times=times_of(movements, None if off_block is None else min(off_block, time)),
    )


def _flew_already(lift: Lift, fix: Position) -> bool:
    """Whether an even climb to `fix` began before the snapshot before the first high one."""
    altitude, seconds = altitude_of(fix), (fix.time - lift.time).total_seconds()
    if altitude is None or lift.altitude is None or lift.earlier is None:
        return False
    if altitude <= lift.altitude or seconds > GAP_S:
        return False
    rate = (altitude - lift.altitude) / seconds
    climbing = (lift.time - lift.earlier).total_seconds() - ROTATION_S
    return lift.altitude - lift.earlier_ft >= rate * climbing


def _from_ground_nm(ground: Ground, fix: Position) -> float:
    return distance_nm(fix.latitude, fix.longitude, ground.latitude, ground.longitude)


def _unfrozen(before: Progress, step: Step) -> bool:
    """Whether an aircraft that has only stood so far was a paused one in the air."""
    standing = speed_of(before.fix)
    if before.phase is not FlightPhase.CONNECTED or standing is None:
        return False
    if step.speed_kt < SURELY_FLYING_KT:
        return False
    if (step.speed_kt - standing) / step.seconds <= UNFROZEN_KT_S:
        return False
    field = filed_airport(before.ground.airport)
    feet = altitude_of(before.fix)
    return field is None or (feet is not None and feet > field.elevation_ft + FIELD_BELOW_FT)


def _into_the_air(before: Progress, fix: Position, step: Step, lift: Lift | None) -> Progress:
    """In the air. The next snapshot tells the take-off; without `lift` it was there already."""
    seen = lift is not None
    first, altitude, times = not before.movements, step.altitude, before.times
    airport = before.ground.airport if seen else None
    off_block = times.off_block
    if lift is not None and before.phase is FlightPhase.CONNECTED:
        off_block = before.ground.left or lift.time
    after = replace(
        enter(before, FlightPhase.CLIMB if seen else FlightPhase.CRUISE, fix.time),
        fix=fix,
        airborne=True,
        lift=lift,
        times=Times(off_block, times.take_off),
        found_departure=airport if first else before.found_departure,
        found_arrival=None,
        joined_in_flight=before.joined_in_flight or (first and not seen),
        diverting=False,
        diverted=False,
        profile=Profile(altitude, fix.time, altitude),
        frozen_since=None,
        rested=False,
        rejected=False,
    )
    return flown(after, fix, step, gap=False)
