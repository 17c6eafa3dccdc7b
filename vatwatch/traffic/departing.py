"""On the ground: the stand, taxiing and the take-off.

*Take-off.* An aircraft that rolls (30 kt or more; one that can hover: that moves) and is 100 ft
higher than where it was last slow has taken off; the time is the first snapshot in which it was
30 ft higher. So has one that is faster than any aeroplane rolls, that is 300 ft below where
it rolled (fields on mountains), or that has gone 3 nm at speed. The airport is the one where it
stood or taxied: nobody taxies from one to another. A rejected take-off is none, as it stays at
the field's height.

*The stand.* Where an aircraft is first seen standing is its stand; it is off block with the first
snapshot of the movement that takes it 28 m away. It is on block where it stands for a minute after
a landing, and no longer if it moves on within five minutes: then it was held on its way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT, filed_airport
from vatwatch.traffic.destination import has_diverted
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.movements import (
    taken_off,
    times_of,
)
from vatwatch.traffic.phases import FlightPhase, Profile
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    Ground,
    Progress,
    Touch,
    enter,
    flown,
)
from vatwatch.traffic.surface import (
    AIRBORNE_FT,
    FASTEST_ROLL_KT,
    FIELD_BELOW_FT,
    FLYING_KT,
    LIFTED_FT,
    SLOW_KT,
    STANDING_KT,
    STILL_NM,
    Step,
    airport_at,
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
STAND_NM = threshold(0.015, "nm", "About 28 m: half a wing span; a push-back is longer.")
ON_BLOCK_AFTER = timedelta(seconds=threshold(60, "s", "Four snapshots at one place."))
HELD_AT_MOST = timedelta(
    seconds=threshold(300, "s", "Few wait so long on a taxiway after a landing.")
)


def on_ground(before: Progress, fix: Position, plan: FlightPlan | None, step: Step) -> Progress:
    """The progress of an aircraft that was on the ground."""
    ground = before.ground
    speed, altitude = step.speed_kt, step.altitude
    can_hover = hovers(plan)
    flying = speed >= FLYING_KT or (can_hover and (speed >= STANDING_KT or step.distance_nm > 0))
    rise = 0 if altitude is None or ground.feet is None else altitude - ground.feet
    lift = before.lift
    if not can_hover and _unfrozen(before, step):
        return _take_off(before, fix, step, fix.time, seen=False)
    if flying:
        if rise >= LIFTED_FT and altitude is not None:
            if rise >= AIRBORNE_FT and (lift is not None or speed >= SURELY_FLYING_KT):
                return _take_off(before, fix, step, fix.time if lift is None else lift.time)
            if lift is None:
                lift = Touch(fix.time, altitude, speed, ground.airport)
        else:
            lift = None
        if speed > FASTEST_ROLL_KT or (
            speed >= SURELY_FLYING_KT
            and (
                rise <= -BELOW_RUNWAY_FT
                or distance_nm(fix.latitude, fix.longitude, ground.latitude, ground.longitude)
                > LONGEST_RUN_NM
            )
        ):
            return _take_off(before, fix, step, fix.time)
    else:
        lift = None
    return _taxi(before, fix, plan, step, lift)


def _taxi(
    before: Progress, fix: Position, plan: FlightPlan | None, step: Step, lift: Touch | None
) -> Progress:
    ground, phase, times = before.ground, before.phase, before.times
    airport, found_departure = ground.airport, before.found_departure
    found_arrival, movements, diverted = before.found_arrival, before.movements, before.diverted
    refiled = plan is not None and (
        plan.departure != before.filed_departure or plan.arrival != before.filed_arrival
    )
    if refiled or (airport == OFF_AIRPORT and step.distance_nm > 0):
        airport = airport_at(fix, plan)
        if not movements:
            found_departure = airport
        elif found_arrival == OFF_AIRPORT and airport != OFF_AIRPORT:
            found_arrival = airport
            movements = (*movements[:-1], replace(movements[-1], airport=airport))
            diverted = has_diverted(before, fix, airport, plan)
    slow = step.speed_kt < SLOW_KT and lift is None
    since, left = ground.since, ground.left
    stand = (ground.stand_latitude, ground.stand_longitude)
    if since is not None:
        away = distance_nm(fix.latitude, fix.longitude, *stand)
        if away > STAND_NM:
            left = left or fix.time
            if phase is FlightPhase.CONNECTED:
                phase, times = FlightPhase.TAXI_OUT, replace(times, off_block=left)
            elif phase is FlightPhase.PARKED:
                if times.on_block is not None and left - times.on_block < HELD_AT_MOST:
                    times = replace(times, on_block=None)
                phase = FlightPhase.TAXI_IN
            since = left = None
        elif step.distance_nm > STILL_NM or step.speed_kt >= STANDING_KT:
            left = left or fix.time
        else:
            left = None
    if since is None and step.speed_kt < STANDING_KT:
        since, stand = fix.time, (fix.latitude, fix.longitude)
    if (
        phase is FlightPhase.TAXI_IN
        and since is not None
        and left is None
        and fix.time - since >= ON_BLOCK_AFTER
    ):
        phase, times = FlightPhase.PARKED, replace(times, on_block=since)
    feet = ground.feet
    if slow and step.altitude is not None:
        feet = step.altitude
    ground = Ground(
        airport,
        fix.latitude if slow else ground.latitude,
        fix.longitude if slow else ground.longitude,
        feet,
        since,
        *stand,
        left,
    )
    climbed = step.climbed_ft
    return replace(
        enter(before, phase, fix.time),
        fix=fix,
        ground=ground,
        lift=lift,
        times=times,
        movements=movements,
        found_departure=found_departure,
        found_arrival=found_arrival,
        diverted=diverted,
        vertical_speed_fpm=None if climbed is None else 0,
        filed_departure=before.filed_departure if plan is None else plan.departure,
        filed_arrival=before.filed_arrival if plan is None else plan.arrival,
    )


def _unfrozen(before: Progress, step: Step) -> bool:
    """Whether an aircraft that seemed to stand was a paused one in the air, which flies again."""
    standing = speed_of(before.fix)
    if standing is None or step.speed_kt < SURELY_FLYING_KT:
        return False
    if (step.speed_kt - standing) / step.seconds <= UNFROZEN_KT_S:
        return False
    field = filed_airport(before.ground.airport)
    feet = altitude_of(before.fix)
    return field is None or (feet is not None and feet > field.elevation_ft + FIELD_BELOW_FT)


def _take_off(
    before: Progress, fix: Position, step: Step, time: datetime, *, seen: bool = True
) -> Progress:
    airport, movements = before.ground.airport, before.movements
    if seen:
        movements = taken_off(movements, airport, time)
    first = not before.movements
    altitude = step.altitude
    after = replace(
        enter(before, FlightPhase.CLIMB if seen else FlightPhase.CRUISE, time),
        fix=fix,
        airborne=True,
        movements=movements,
        times=times_of(movements, before.times.off_block),
        found_departure=(airport if seen else None) if first else before.found_departure,
        found_arrival=None,
        joined_in_flight=before.joined_in_flight or (first and not seen),
        diverting=False,
        diverted=False,
        lift=None,
        profile=Profile(altitude, fix.time, altitude),
        frozen_since=None,
        rested=False,
    )
    return flown(after, fix, step, gap=False)
