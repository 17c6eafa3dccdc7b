"""When a flight will land: in the air by a profile of the way that is left, on the ground by times.

*In the air.* The way that is left is the great circle to the airport of arrival. It is cut into
what is still to climb, the cruise, and the descent with its approach, and each part takes its own
speed. An aircraft that still climbs has a slow part before it, and all slow down on the approach:
distance over present speed (`naive_eta`) knows neither. The speed of the cruise is the present
speed over ground, which has the wind in it; while the aircraft climbs it is the filed one.

*On the ground.* As VATSIM Radar's users asked for (VR#381): a parked aircraft lands its filed time
en route after it takes off, which is ten minutes after its filed time of departure or 25 minutes
from now, whichever is later; one that taxies, ten minutes from now.

None where it cannot be told: the airport is not known; in the air, if it is that of departure, or
the aircraft stands still (paused), flies around without getting nearer, or is at an impossible
speed; on the ground, if it has flown, or stands where a plan from elsewhere ends.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vatwatch.traffic.airports import Airport
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.parsed_plan import ParsedPlan
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.plan_text import MAX_CRUISE_KT
from vatwatch.traffic.progress_record import Progress
from vatwatch.traffic.thresholds import threshold

# --- on the ground -------------------------------------------------------------------------------

TAXI_MIN = threshold(10, "min", "From off-block or from now to the take-off.", "VR#381")
PREPARING_MIN = threshold(
    25, "min", "From now to the take-off of an aircraft that is parked: 15 more.", "VR#381"
)
BELIEVED_AHEAD_H = threshold(
    3,
    "h",
    "A filed time of departure that is further ahead is not believed: it is another day's, or the "
    "0000 of an empty form, as people connect about an hour before they leave.",
    "captures: 409 of 7,830 plans have 0000, twenty times as many as 0005",
)
FASTEST_FILED_KT = threshold(
    1_400, "kt", "A filed time en route that needs more speed than Concorde's is a mistake."
)

# --- in the air ----------------------------------------------------------------------------------

SLOWEST_KT = threshold(
    30, "kt", "Slower than this in the air is a hover or a pause: nothing says when it will go on."
)
CLIMB_FPM_PER_KT = threshold(
    4.0,
    "ft/min per kt",
    "Mean rate of a climb to the cruising level, by cruising speed: 1,800 ft/min of an airliner at "
    "450 kt.",
    "Eurocontrol's aircraft performance database: A320 2,500 at first, 1,000 at the top",
)
SLOWEST_CLIMB_FPM = threshold(450, "ft/min", "A light aircraft's mean rate.")
STILL_CLIMBS_FT = threshold(
    3_000,
    "ft",
    "An aircraft so far below its filed level, with most of its way before it, has levelled off on "
    "its way up and will climb on.",
)
DESCENT_FT_NM = threshold(318.0, "ft/nm", "Three degrees, the path of nearly all descents.")
LIMIT_FT = threshold(10_000, "ft", "Below it, 250 kt and no more.", "ICAO Annex 11, class C and D")
LIMIT_KT = threshold(250, "kt", "As above.")
FINAL_FT = threshold(1_500, "ft", "Height at which an approach is stable, at its last speed.")
_LIMIT_NM, _FINAL_NM = LIMIT_FT / DESCENT_FT_NM, FINAL_FT / DESCENT_FT_NM
FINAL_KT = threshold(140, "kt", "An airliner's speed on final.")
FINAL_SHARE = threshold(
    0.35,
    "",
    "A slower aircraft's speed on final: this share of its cruising speed, and FINAL_OFFSET_KT on "
    "top: 65 kt of 112 (C172), 121 of 275 (AT76), 140 of 450 (A320).",
)
FINAL_OFFSET_KT = threshold(25, "kt", "Slow aircraft slow down less: see FINAL_SHARE.")
FINAL_BEGINS = threshold(1.2, "", "Speed at the beginning of the final, as a share of that on it.")
LINE_UP_NM = threshold(
    3.0,
    "nm",
    "Added to an airliner's way for lining up with a runway whose direction is not known: nothing "
    "is needed from straight ahead, twice the final from behind. Less for slower aircraft.",
    "measured against simulated flights: without it 1.1 min too early in the last ten minutes",
)
LINED_UP_NM = threshold(
    12.0, "nm", "Nearer than this, what is added falls with the distance: who is there lines up."
)
CIRCLES_SHARE = threshold(
    2.0,
    "",
    "Who has flown so much and is still so far away that both make up twice the great circle and "
    "CIRCLES_NM more is not on the way: sightseeing, a long hold, a diversion not filed.",
)
CIRCLES_NM = threshold(100, "nm", "As above: for short flights, where a hold is half of the way.")
LONGEST_AHEAD_H = threshold(24, "h", "Longer than any flight lasts.")


def eta(
    progress: Progress,
    plan: ParsedPlan | None,
    departs: str | None,
    arrival: Airport | None,
) -> datetime | None:
    """When it will land, to the second; None where that cannot be told.

    Takes microseconds, as it is asked for each flight at each snapshot.

    Args:
        progress: what it has done so far; its `fix` says where and when it is
        plan: its plan, read
        departs: where it has taken off or will, by the ICAO code; None if unknown
        arrival: the filed airport; None if unknown
    """
    # Whether a contact with the ground is the landing is not decided yet: it is nearly there.
    if progress.airborne or progress.touch is not None:
        seconds = _en_route_s(progress, plan, departs, arrival)
    elif plan is None or progress.times.landing is not None or progress.movements:
        return None
    else:
        seconds = _to_come_s(progress, plan, departs)
    if seconds is None or seconds > LONGEST_AHEAD_H * 3600:
        return None
    now = progress.fix.time
    return now + timedelta(seconds=round(seconds), microseconds=-now.microsecond)


def naive_eta(progress: Progress, arrival: Airport | None) -> datetime | None:
    """Distance over present speed, as most trackers tell it: what `eta` is compared with."""
    fix = progress.fix
    if not progress.airborne or arrival is None or not fix.groundspeed:
        return None
    left_nm = distance_nm(fix.latitude, fix.longitude, arrival.latitude, arrival.longitude)
    return fix.time + timedelta(hours=left_nm / fix.groundspeed)


# --- on the ground -------------------------------------------------------------------------------


def _to_come_s(progress: Progress, plan: ParsedPlan, departs: str | None) -> float | None:
    """Seconds to the landing of a flight that has not taken off yet."""
    enroute_s = plan.enroute_s
    if enroute_s is None or plan.arrival_icao is None:
        return None
    # Who stands where the plan ends has flown it, and has not filed another one yet.
    if departs == plan.arrival_icao != plan.departure_icao:
        return None
    if (plan.great_circle_nm or 0.0) > enroute_s / 3600 * FASTEST_FILED_KT:
        return None
    if progress.phase is FlightPhase.TAXI_OUT:
        return TAXI_MIN * 60 + enroute_s
    return max(_until_filed_s(progress.fix.time, plan) + TAXI_MIN * 60, PREPARING_MIN * 60) + (
        enroute_s
    )


def _until_filed_s(now: datetime, plan: ParsedPlan) -> float:
    """Seconds to the filed time of departure; 0 if it has passed, or is not believed."""
    departs = plan.departure_time
    if departs is None:
        return 0.0
    utc = now.astimezone(UTC)
    passed_s = utc.hour * 3600 + utc.minute * 60 + utc.second
    ahead_s = (departs.hour * 3600 + departs.minute * 60 - passed_s) % 86_400
    return ahead_s if ahead_s <= BELIEVED_AHEAD_H * 3600 else 0.0


# --- in the air ----------------------------------------------------------------------------------
# Without min and max, which would take as long as all the rest.


def _en_route_s(
    progress: Progress,
    plan: ParsedPlan | None,
    departs: str | None,
    arrival: Airport | None,
) -> float | None:
    """Seconds to the landing of a flight in the air."""
    fix = progress.fix
    speed_kt = fix.groundspeed
    if arrival is None or speed_kt is None or not SLOWEST_KT <= speed_kt <= MAX_CRUISE_KT:
        return None
    # Nothing says for how long one will fly around that is to land where it took off.
    if progress.frozen_since is not None or departs == arrival.icao:
        return None
    left_nm = distance_nm(fix.latitude, fix.longitude, arrival.latitude, arrival.longitude)
    flown_nm = progress.distance_flown_nm
    great_circle_nm = None if plan is None else plan.great_circle_nm
    if great_circle_nm is not None and (
        flown_nm + left_nm > CIRCLES_SHARE * great_circle_nm + CIRCLES_NM
    ):
        return None
    filed_kt = (None if plan is None else plan.cruise_tas_kt) or 0
    cruise_kt = speed_kt if speed_kt > filed_kt else filed_kt
    final_kt = FINAL_OFFSET_KT + FINAL_SHARE * cruise_kt
    if final_kt > FINAL_KT:
        final_kt = FINAL_KT
    lined_up = 1.0 if left_nm > LINED_UP_NM else left_nm / LINED_UP_NM
    left_nm += final_kt / FINAL_KT * LINE_UP_NM * lined_up
    altitude_ft = fix.altitude
    if altitude_ft is None:  # as if it were where the descent begins
        return _level_and_down_s(left_nm, speed_kt, final_kt, left_nm * DESCENT_FT_NM)
    cruise_ft = None if plan is None else plan.cruise_altitude_ft
    to_climb_ft = 0 if cruise_ft is None else climb_to_come_ft(progress, cruise_ft, left_nm)
    height_ft = altitude_ft - arrival.elevation_ft
    if to_climb_ft:
        return _up_and_down_s(left_nm, speed_kt, cruise_kt, final_kt, to_climb_ft, height_ft)
    return _level_and_down_s(left_nm, speed_kt, final_kt, height_ft)


def climb_to_come_ft(progress: Progress, cruise_ft: int, left_nm: float) -> int:
    """How far below its filed level an aircraft is that will climb there; 0 if it will not."""
    altitude_ft, phase = progress.fix.altitude, progress.phase
    if altitude_ft is None or altitude_ft >= cruise_ft:
        return 0
    below_ft = cruise_ft - altitude_ft
    climbs = phase is FlightPhase.CLIMB or (
        phase is FlightPhase.CRUISE
        and below_ft > STILL_CLIMBS_FT
        and progress.distance_flown_nm < left_nm
    )
    return below_ft if climbs else 0


def _up_and_down_s(
    left_nm: float,
    speed_kt: float,
    cruise_kt: float,
    final_kt: float,
    to_climb_ft: float,
    height_ft: float,
) -> float:
    """Climb, cruise, descent: seconds. `height_ft`: above the airport of arrival, now."""
    rate_fpm = CLIMB_FPM_PER_KT * cruise_kt
    climb_h = to_climb_ft / (rate_fpm if rate_fpm > SLOWEST_CLIMB_FPM else SLOWEST_CLIMB_FPM) / 60
    climb_nm = (speed_kt + cruise_kt) / 2 * climb_h
    # Where the way is too short for the filed level, up as far as there is room to come down again.
    room_nm = max(0.0, left_nm - max(0.0, height_ft) / DESCENT_FT_NM)
    share = min(1.0, room_nm / (climb_nm + to_climb_ft / DESCENT_FT_NM))
    top_kt = speed_kt + (cruise_kt - speed_kt) * share
    climbed_nm = (speed_kt + top_kt) / 2 * climb_h * share
    return climb_h * share * 3600 + _level_and_down_s(
        max(0.0, left_nm - climbed_nm), top_kt, final_kt, height_ft + to_climb_ft * share
    )


def _level_and_down_s(left_nm: float, speed_kt: float, final_kt: float, height_ft: float) -> float:
    """Cruise and descent: seconds. `height_ft`: above the airport of arrival."""
    final_kt = final_kt if final_kt < speed_kt else speed_kt
    begins_kt = final_kt * FINAL_BEGINS
    begins_kt = begins_kt if begins_kt < speed_kt else speed_kt
    limit_kt = LIMIT_KT if speed_kt > LIMIT_KT else speed_kt
    down_nm = (height_ft if height_ft > FINAL_FT else FINAL_FT) / DESCENT_FT_NM
    if down_nm > left_nm:
        down_nm = left_nm
    level_h = (left_nm - down_nm) / speed_kt
    if down_nm <= _FINAL_NM:
        return 3600 * (level_h + 2 * down_nm / (final_kt + begins_kt))
    final_h = 2 * _FINAL_NM / (final_kt + begins_kt)
    if down_nm <= _LIMIT_NM:
        return 3600 * (level_h + final_h + 2 * (down_nm - _FINAL_NM) / (begins_kt + limit_kt))
    return 3600 * (
        level_h
        + final_h
        + 2 * (_LIMIT_NM - _FINAL_NM) / (begins_kt + limit_kt)
        + 2 * (down_nm - _LIMIT_NM) / (limit_kt + speed_kt)
    )
