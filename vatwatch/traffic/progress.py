"""What a flight has done so far, from one snapshot to the next.

`begin` takes the first position of a flight, `advance` each one that follows. Both are pure: the
same positions give the same progress, also through JSON and back.

The rules stand where they are applied: `departing` for the ground up to the take-off, `arriving`
for the air down to the landing, `surface` for heights and jumps, `airfields` for the airport,
`phases`, `movements`, and `destination` for diversions.

A position that is not known (null, or garbage) changes nothing that it does not tell: without
altitude an aircraft keeps being in the air or on the ground until its speed decides, without speed
the speed over ground is taken from the distance.
"""

from __future__ import annotations

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT, OWN_REACH_NM, filed_airport
from vatwatch.traffic.arriving import after_touch, decide_touch, in_air
from vatwatch.traffic.departing import on_ground, settle_take_off
from vatwatch.traffic.destination import named
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.movements import Times, with_on_block
from vatwatch.traffic.phases import FlightPhase, Profile
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress_record import (
    Progress,
    count_phase,
    enter,
    flies_until,
    ground_at,
)
from vatwatch.traffic.stand import HELD_AT_MOST, STAND_NM
from vatwatch.traffic.surface import (
    GAP_S,
    STANDING_KT,
    Step,
    airport_at,
    altitude_of,
    is_jump,
    looks_airborne,
    own_airports,
    speed_of,
)


def begin(fix: Position, plan: FlightPlan | None) -> Progress:
    """The progress of a flight that is seen for the first time."""
    airborne = looks_airborne(fix, plan)
    speed = speed_of(fix)
    still = speed is None or speed < STANDING_KT
    airport = airport_at(fix, plan)
    altitude = altitude_of(fix)
    on_ground = FlightPhase.CONNECTED if still else FlightPhase.TAXI_OUT
    ground = ground_at(fix, OFF_AIRPORT if airborne else airport, standing=still and not airborne)
    return Progress(
        fix=fix,
        phase=FlightPhase.CRUISE if airborne else on_ground,
        airborne=airborne,
        found_departure=None if airborne else airport,
        found_arrival=None,
        times=Times(),
        movements=(),
        distance_flown_nm=0.0,
        vertical_speed_fpm=None,
        highest_ft=altitude if airborne else None,
        fastest_kt=speed if airborne else None,
        phase_since=fix.time,
        seconds_in={},
        diverting=False,
        diverted=False,
        joined_in_flight=airborne,
        ground=replace(ground, feet=None) if airborne else ground,
        profile=Profile(altitude, fix.time, altitude),
        filed_departure="" if plan is None else plan.departure,
        filed_arrival="" if plan is None else plan.arrival,
    )


def advance(
    before: Progress, fix: Position, plan: FlightPlan | None, *, after_gap: bool = False
) -> Progress:
    """The progress after one more position.

    Args:
        before: the progress so far
        fix: the position, as the track keeps it; later than the one before
        plan: as filed now
        after_gap: whether the aircraft was away between the two
    """
    was = before.fix
    there = fix.latitude == was.latitude and fix.longitude == was.longitude
    if (
        there
        and not after_gap
        and fix.groundspeed == 0
        and was.groundspeed == 0
        and before.ground.left is None
        and fix.altitude == was.altitude
        and (before.phase is FlightPhase.CONNECTED or before.phase is FlightPhase.PARKED)
        and (
            plan is None
            or (plan.departure == before.filed_departure and plan.arrival == before.filed_arrival)
        )
    ):
        return replace(before, fix=fix)
    seconds = (fix.time - was.time).total_seconds()
    if seconds <= 0:
        return before
    if before.lift is not None:
        before = settle_take_off(before, None if after_gap else fix)
    gap = after_gap or seconds > GAP_S
    moved = 0.0 if there else distance_nm(was.latitude, was.longitude, fix.latitude, fix.longitude)
    altitude, altitude_was = altitude_of(fix), altitude_of(was)
    climbed = None if altitude is None or altitude_was is None else altitude - altitude_was
    speed, speed_was = speed_of(fix), speed_of(was)
    # A float also as the feed says it: read back after a restart it is written the same.
    kt = moved / seconds * 3600 if speed is None else float(speed)
    step = Step(seconds, moved, kt, altitude, climbed)
    since = before.frozen_since
    since_s = 0.0 if since is None else (fix.time - since).total_seconds()
    if is_jump(step, speed_was, speed, since_s, gap=gap):
        return _jumped(before, fix, plan)
    if after_gap:
        before = count_phase(before, fix, flies_until(before))
    if before.touch is not None:
        after = after_touch(before, fix, plan, step)
    elif before.airborne:
        after = in_air(before, fix, plan, step, gap)
    else:
        after = on_ground(before, fix, plan, step, gap)
    if after_gap and after.distance_flown_nm > before.distance_flown_nm:
        # Nobody saw which way it went.
        after = replace(after, distance_flown_nm=before.distance_flown_nm)
    return after


def seconds_in_phases(progress: Progress) -> dict[str, int]:
    """How long each phase took, the present one included, in whole seconds; pauses do not count."""
    told = {phase: round(seconds) for phase, seconds in progress.seconds_in.items()}
    present = progress.phase.value
    now = (flies_until(progress) - progress.phase_since).total_seconds()
    told[present] = round(progress.seconds_in.get(present, 0.0) + max(0.0, now))
    return told


def finish(progress: Progress, plan: FlightPlan | None) -> Progress:
    """The progress of a flight that has ended: what was not decided yet is decided.

    A contact with the ground is a landing, unless it flew over the field; and where it stands after
    a landing it is on block.
    """
    if progress.lift is not None:
        progress = settle_take_off(progress, None)
    if progress.touch is not None:
        progress = decide_touch(progress, plan)
    ground = progress.ground
    if progress.phase is FlightPhase.TAXI_IN and ground.since is not None:
        times = with_on_block(progress.times, ground.since)
        progress = replace(enter(progress, FlightPhase.PARKED, progress.fix.time), times=times)
    return progress


def stands_at(progress: Progress, icao: str) -> bool:
    """Whether it is on the ground at this airport, which a plan names."""
    airport = filed_airport(icao)
    if progress.airborne or airport is None:
        return False
    fix = progress.fix
    away = distance_nm(fix.latitude, fix.longitude, airport.latitude, airport.longitude)
    return away <= OWN_REACH_NM


def starts_next_leg(
    progress: Progress, fix: Position, plan_before: FlightPlan | None, plan: FlightPlan | None
) -> bool:
    """Whether a flight that has landed is over at `fix`, and another one begins.

    So it is when a plan with another departure or arrival is filed, or when the aircraft leaves the
    place where it stood for five minutes. Who only corrects the arrival to the airport
    where the flight ended begins no other flight.
    """
    # On the ground after a take-off it has landed, or was moved there.
    if progress.airborne or progress.touch is not None or not progress.movements:
        return False
    if plan is not None and plan is not plan_before and _other_leg(progress, plan_before, plan):
        return True
    ground, on_block = progress.ground, progress.times.on_block
    if on_block is None or ground.since is None:
        return False
    away = distance_nm(fix.latitude, fix.longitude, ground.stand_latitude, ground.stand_longitude)
    return away > STAND_NM and fix.time - on_block >= HELD_AT_MOST


def begin_next_leg(progress: Progress, fix: Position, plan: FlightPlan | None) -> Progress:
    """The progress of the flight that follows on this one, where `starts_next_leg` says so.

    If the aircraft leaves its stand, it is off block with the first snapshot of that movement. It
    is still at the airport where it has landed, unless the plan names the one that it is at.
    """
    after = begin(fix, plan)
    ground = progress.ground
    if after.airborne:
        return after
    if ground.airport != OFF_AIRPORT and all(
        after.ground.airport != own.icao for own in own_airports(plan)
    ):
        here = replace(after.ground, airport=ground.airport)
        after = replace(after, ground=here, found_departure=ground.airport)
    if ground.since is None:
        return after
    away = distance_nm(fix.latitude, fix.longitude, ground.stand_latitude, ground.stand_longitude)
    if away <= STAND_NM:
        return after
    times = Times(off_block=ground.left or fix.time)
    return replace(after, times=times, phase=FlightPhase.TAXI_OUT)


def _other_leg(progress: Progress, before: FlightPlan | None, plan: FlightPlan) -> bool:
    departure, arrival = named(plan.departure), named(plan.arrival)
    if not departure and not arrival:
        return False
    if before is None:
        return departure == progress.found_arrival
    if arrival != named(before.arrival):
        corrected = (progress.found_arrival, "")
        return departure != named(before.departure) or arrival not in corrected
    # Where it took off: a correction, unless it is also where it stands now, after a round.
    corrects = departure == progress.found_departure != progress.found_arrival
    return departure not in (named(before.departure), "") and not corrects


def _jumped(before: Progress, fix: Position, plan: FlightPlan | None) -> Progress:
    """It was moved: what it is now is seen afresh, what it has done stays."""
    afresh = begin(fix, plan)
    if flies_until(before) < before.fix.time:
        before = count_phase(before, before.fix, flies_until(before))
    first = not before.movements
    # From its stand to the runway, or to another stand: when it is off block is not to be seen.
    aside = (
        first
        and not before.airborne
        and not afresh.airborne
        and afresh.found_departure == before.found_departure != OFF_AIRPORT
    )
    if afresh.airborne:
        phase = before.phase if before.airborne else FlightPhase.CRUISE
    elif before.movements:
        phase = FlightPhase.TAXI_IN
    else:
        phase = FlightPhase.TAXI_OUT if aside else afresh.phase
    return replace(
        enter(before, phase, fix.time),
        fix=fix,
        airborne=afresh.airborne,
        found_departure=afresh.found_departure if first else before.found_departure,
        vertical_speed_fpm=None,
        ground=afresh.ground,
        profile=afresh.profile,
        touch=None,
        lift=None,
        frozen_since=None,
        rested=False,
        rejected=False,
        joined_in_flight=before.joined_in_flight or (first and afresh.airborne),
        times=replace(before.times, off_block=None) if first and not aside else before.times,
        filed_departure=afresh.filed_departure if first else before.filed_departure,
        filed_arrival=afresh.filed_arrival if first else before.filed_arrival,
    )
