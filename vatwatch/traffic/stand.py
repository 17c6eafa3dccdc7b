"""The stand and the way from it and to it.

Where an aircraft is first seen standing is its stand; it is off block with the first
snapshot of the movement that takes it 28 m away. It is on block where it stands for a minute after
a landing, and no longer if it moves on within five minutes: then it was held on its way.

Who has rolled faster than anybody taxies and did not take off is on block where he then stands for
five minutes: he may as well wait for another try. Who was moved by hand at an airport has no stand
there until he has stood for five minutes: nobody can tell whether it was to the runway.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT
from vatwatch.traffic.destination import has_diverted
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.movements import with_on_block
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    Ground,
    Progress,
    enter,
)
from vatwatch.traffic.surface import (
    LIFTED_FT,
    SLOW_KT,
    STANDING_KT,
    STILL_NM,
    Step,
    airport_at,
    hovers,
)
from vatwatch.traffic.thresholds import threshold

STAND_NM = threshold(0.015, "nm", "About 28 m: half a wing span; a push-back is longer.")
ON_BLOCK_AFTER = timedelta(seconds=threshold(60, "s", "Four snapshots at one place."))
HELD_AT_MOST = timedelta(
    seconds=threshold(300, "s", "Few wait so long on a taxiway after a landing.")
)


def taxi(before: Progress, fix: Position, plan: FlightPlan | None, step: Step) -> Progress:
    """The progress of an aircraft that stays on the ground."""
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
    slow = step.speed_kt < SLOW_KT
    rejected = before.rejected or not (slow or movements or hovers(plan))
    since, left = ground.since, ground.left
    stand = (ground.stand_latitude, ground.stand_longitude)
    if since is not None:
        away = distance_nm(fix.latitude, fix.longitude, *stand)
        if away > STAND_NM:
            left = left or fix.time
            if phase is FlightPhase.CONNECTED:
                phase, times = FlightPhase.TAXI_OUT, replace(times, off_block=left)
            elif phase is FlightPhase.PARKED and not movements:
                phase, times, rejected = FlightPhase.TAXI_OUT, replace(times, on_block=None), False
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
        phase, times = FlightPhase.PARKED, with_on_block(times, since)
    elif (
        phase is FlightPhase.TAXI_OUT
        and since is not None
        and left is None
        and fix.time - since >= HELD_AT_MOST
    ):
        if rejected:
            phase, times = FlightPhase.PARKED, with_on_block(times, since)
        elif times.off_block is None:
            phase = FlightPhase.CONNECTED
    feet, standing = ground.feet, step.speed_kt < STANDING_KT
    if step.altitude is not None and (standing or (slow and not hovers(plan))):
        # What rises so much while it moves may be in the air; where it stands it is not.
        risen = not standing and feet is not None and step.altitude - feet >= LIFTED_FT
        feet = feet if risen else step.altitude
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
        times=times,
        movements=movements,
        found_departure=found_departure,
        found_arrival=found_arrival,
        diverted=diverted,
        rejected=rejected,
        vertical_speed_fpm=None if climbed is None else 0,
        filed_departure=before.filed_departure if plan is None else plan.departure,
        filed_arrival=before.filed_arrival if plan is None else plan.arrival,
    )
