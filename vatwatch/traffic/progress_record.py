"""What is kept of a flight's progress, and the parts of the rules that all of them use."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.traffic.movements import (
    Movement,
    Times,
)
from vatwatch.traffic.phases import FlightPhase, Profile
from vatwatch.traffic.position import Position
from vatwatch.traffic.surface import (
    SLOW_KT,
    STILL_FT,
    STILL_NM,
    Step,
    altitude_of,
    speed_of,
)
from vatwatch.traffic.thresholds import threshold

STILL_FOR = timedelta(seconds=threshold(60, "s", "Nobody hovers to the metre for a minute."))
BRAKE_KT_S = threshold(
    6, "kt/s", "0.3 g, the hardest that aeroplanes brake; a pause stops at once."
)


class Ground(Struct, frozen=True, gc=False, array_like=True):
    """What is remembered of the ground: the airport, where it was last slow, and the stand.

    `feet`, `latitude`, `longitude`: the altitude that it reported and the place where it was last
    slow. `stand_latitude`, `stand_longitude`, `since`: where it stands, and since when; None while
    it moves. `left`: the first snapshot of a movement that has not yet taken it off its stand.
    """

    airport: str
    latitude: float
    longitude: float
    feet: int | None = None
    since: datetime | None = None
    stand_latitude: float = 0.0
    stand_longitude: float = 0.0
    left: datetime | None = None


class Touch(Struct, frozen=True, gc=False, array_like=True):
    """A contact with the ground that is not decided yet: feet, knots.

    `then`, `then_ft`, `then_nm`: the snapshot after it, its altitude, and how far away it was;
    `on_nm`: how far it went on from there. They tell whether the first one was still in the air.
    `sinking`: it came down to the touch as fast as before, so it was not on the ground before it.
    `level`: it came to the field level, and not down to it.
    """

    time: datetime
    altitude: int
    speed: float
    airport: str
    snapshots: int = 0
    then: datetime | None = None
    then_ft: int = 0
    then_nm: float = 0.0
    on_nm: float = 0.0
    sinking: bool = False
    level: bool = False


class Lift(Struct, frozen=True, gc=False, array_like=True):
    """A take-off that is not told yet: when it was first seen high above the runway, in feet.

    `earlier`, `earlier_ft`: the snapshot before, if it may have been in the air then already.
    """

    time: datetime
    altitude: int | None = None
    earlier: datetime | None = None
    earlier_ft: int = 0


class Progress(Struct, frozen=True, gc=False, array_like=True):
    """What a flight has done up to `fix`.

    `found_departure`, `found_arrival`: ICAO, or `off_airport`, or None while unknown.
    `phase_since`, `seconds_in`: since when the present phase is counted, and how long the finished
    ones took; `seconds_in_phases` adds them up. The fields from `ground` on are for the rules only.
    """

    fix: Position
    phase: FlightPhase
    airborne: bool
    found_departure: str | None
    found_arrival: str | None
    times: Times
    movements: tuple[Movement, ...]
    distance_flown_nm: float
    vertical_speed_fpm: int | None
    highest_ft: int | None
    fastest_kt: int | None
    phase_since: datetime
    seconds_in: dict[str, float]
    diverting: bool
    diverted: bool
    joined_in_flight: bool
    ground: Ground
    profile: Profile = Profile()
    touch: Touch | None = None
    lift: Lift | None = None
    frozen_since: datetime | None = None
    rested: bool = False
    filed_departure: str = ""
    filed_arrival: str = ""
    rejected: bool = False


def ground_at(fix: Position, airport: str, *, standing: bool) -> Ground:
    """What is remembered of the ground from one position."""
    return Ground(
        airport,
        fix.latitude,
        fix.longitude,
        altitude_of(fix),
        fix.time if standing else None,
        fix.latitude,
        fix.longitude,
    )


def enter(progress: Progress, phase: FlightPhase, time: datetime) -> Progress:
    """The progress in a phase, from a moment on if it is another one than before."""
    if phase is progress.phase:
        return progress
    counted = count_phase(progress, progress.fix, max(time, progress.phase_since))
    return replace(counted, phase=phase)


def count_phase(progress: Progress, fix: Position, until: datetime) -> Progress:
    """The present phase is counted up to a moment, and from `fix` or that moment on anew."""
    seconds = max(0.0, (until - progress.phase_since).total_seconds())
    name = progress.phase.value
    told = {**progress.seconds_in, name: progress.seconds_in.get(name, 0.0) + seconds}
    return replace(progress, seconds_in=told, phase_since=max(until, fix.time))


def flies_until(progress: Progress) -> datetime:
    """Up to when the present phase counts: to now, or to the beginning of a pause."""
    now, since = progress.fix.time, progress.frozen_since
    return now if since is None or now - since < STILL_FOR else since


def flown(before: Progress, fix: Position, step: Step, *, gap: bool) -> Progress:
    """The progress after a step in the air: distance, extremes, vertical speed."""
    altitude, speed = step.altitude, speed_of(fix)
    highest, fastest = before.highest_ft, before.fastest_kt
    if altitude is not None and (highest is None or altitude > highest):
        highest = altitude
    if speed is not None and (fastest is None or speed > fastest):
        fastest = speed
    frozen, rested = before.frozen_since, before.rested
    if step.distance_nm <= STILL_NM and abs(step.climbed_ft or 0) <= STILL_FT:
        if frozen is None:
            frozen = before.fix.time
    else:
        was = speed_of(before.fix)
        brakes = was is None or (was - step.speed_kt) / step.seconds <= BRAKE_KT_S
        if frozen is not None and flies_until(before) < before.fix.time:
            before = count_phase(before, before.fix, frozen)
        frozen, rested = None, step.speed_kt < SLOW_KT and brakes and not gap
    vertical = None
    if step.climbed_ft is not None and not gap:
        vertical = round(step.climbed_ft / step.seconds * 60)
    return replace(
        before,
        fix=fix,
        distance_flown_nm=before.distance_flown_nm + step.distance_nm,
        vertical_speed_fpm=vertical,
        highest_ft=highest,
        fastest_kt=fastest,
        frozen_since=frozen,
        rested=rested,
    )
