"""Whether a pilot who is seen now continues a flight that is known, and how a flight ends.

*One connection.* The same cid, callsign and logon time (give or take two seconds) is one
connection. A plan that changes in the air never starts a flight. On the ground after a landing the
next flight starts when a plan with another departure or arrival is filed, or when the aircraft
leaves its stand again after it was on block.

*A reconnect.* The same cid with a new logon time, no later than the reconnect window after it was
last seen, continues its flight, unless

- the departure that is filed differs, or
- the aircraft stood at its filed arrival, having flown there, or
- it has landed, and the next flight starts as it would on one connection, or
- the place cannot be reached in the time.

*A return.* A flight that was in the air, or on its take-off roll, when it disappeared is dropped
when the window is over, and can be resumed for a day, if departure and arrival are the same and the
place can be reached. Who stands at the departure again begins anew, and so does who had no plan and
comes back on the ground.

A flight that has ended on the ground is over for good: if the feed shows its connection again after
more than the window, that is another flight.

Under another callsign a flight is continued or resumed only if the plan is the same: departure,
arrival, aircraft and route.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.identity import same_logon
from vatwatch.traffic.network_state import Flight, Rules
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import begin, stands_at, starts_next_leg
from vatwatch.traffic.thresholds import threshold

ROLLING_KT = threshold(
    50,
    "kt",
    "Nobody taxies faster: who does is on the runway.",
    "ICAO Doc 9157 Part 2 plans taxiways for about 30 kt",
)


class Ending(StrEnum):
    """How a flight has ended."""

    COMPLETED = "completed"
    """It has flown, and was on the ground when it was last seen."""
    CANCELLED = "cancelled"
    """It has never flown."""
    DIVERTED = "diverted"
    """It has landed elsewhere than at the arrival that was filed."""
    DROPPED = "dropped"
    """It was in the air when it was last seen; it can be resumed for a day."""


def ending_of(flight: Flight) -> Ending:
    """How a flight ends that is not seen any more."""
    progress = flight.progress
    if progress.airborne or _takes_off(flight):
        return Ending.DROPPED
    if not flight.flown:
        return Ending.CANCELLED
    return Ending.DIVERTED if progress.diverted else Ending.COMPLETED


def continues_flight(
    known: Flight, pilot: Pilot, logon: datetime, kept: Position, rules: Rules
) -> bool:
    """Whether a pilot continues the flight that is online, or away, under cid and callsign.

    Args:
        known: the flight as it was last seen
        pilot: the record of now
        logon: when the connection of now began
        kept: where it is now, as it is kept
        rules: the reconnect window
    """
    next_leg = starts_next_leg(known.progress, kept, known.pilot.flight_plan, pilot.flight_plan)
    if (
        logon is known.connection_logon
        or same_logon(known.connection_logon, logon)
        or same_logon(known.logon_time, logon)
    ):
        return known.seen_in_later_snapshot or not next_leg
    if known.seen_in_later_snapshot or logon - known.last_seen > rules.reconnect_window:
        return False
    return (
        not next_leg
        and not _departs_elsewhere(known.pilot.flight_plan, pilot.flight_plan)
        and not _has_arrived(known)
        and _reachable(known, pilot, kept.time, rules)
    )


def takes_over(known: Flight, pilot: Pilot, time: datetime, rules: Rules) -> bool:
    """Whether a pilot goes on, under another callsign, with a flight that is away in the air."""
    return (
        known.pilot.callsign != pilot.callsign
        and ending_of(known) is Ending.DROPPED
        and _same_plan(known.pilot.flight_plan, pilot.flight_plan)
        and _reachable(known, pilot, time, rules)
    )


def resumes(dropped: Flight, pilot: Pilot, logon: datetime, kept: Position, rules: Rules) -> bool:
    """Whether a pilot goes on with a flight that was dropped in the air."""
    was, now = dropped.pilot.flight_plan, pilot.flight_plan
    if dropped.pilot.callsign == pilot.callsign and same_logon(dropped.connection_logon, logon):
        return True  # one connection, of which the feed showed nothing for a while
    if kept.time - dropped.last_seen > rules.resume_window:
        return False
    if not _reachable(dropped, pilot, kept.time, rules):
        return False
    if was is None and now is None:
        # Who flies without a plan goes on in the air; on the ground anything may begin.
        return dropped.pilot.callsign == pilot.callsign and begin(kept, None).airborne
    if was is None or now is None:
        return False
    if dropped.pilot.callsign != pilot.callsign and not _same_plan(was, now):
        return False
    same_ends = (_code(was.departure), _code(was.arrival)) == (
        _code(now.departure),
        _code(now.arrival),
    )
    return same_ends and not _begins_anew(dropped, kept)


def _takes_off(flight: Flight) -> bool:
    """Whether it was on its take-off roll: in the next snapshot it would have been in the air."""
    speed = flight.progress.fix.groundspeed
    return flight.progress.times.landing is None and speed is not None and speed >= ROLLING_KT


def _begins_anew(dropped: Flight, kept: Position) -> bool:
    """Whether it stands where it once took off from."""
    plan = dropped.pilot.flight_plan
    return plan is not None and stands_at(begin(kept, plan), _code(plan.departure))


def _departs_elsewhere(was: FlightPlan | None, now: FlightPlan | None) -> bool:
    if was is None or now is None:
        return False
    before, after = _code(was.departure), _code(now.departure)
    return bool(before and after) and before != after


def _has_arrived(known: Flight) -> bool:
    plan = known.pilot.flight_plan
    stands = known.progress.ground.since is not None
    if plan is None or known.progress.airborne or not stands or not _code(plan.arrival):
        return False
    # An old plan may still be filed where it ended: before it has flown it has not arrived.
    return known.flown and stands_at(known.progress, _code(plan.arrival))


def _same_plan(was: FlightPlan | None, now: FlightPlan | None) -> bool:
    if was is None or now is None:
        return False
    return _filed(was) == _filed(now)


def _filed(plan: FlightPlan) -> tuple[str, ...]:
    return (
        _code(plan.departure),
        _code(plan.arrival),
        _code(plan.aircraft_short),
        " ".join(plan.route.split()).upper(),
    )


def _code(text: str) -> str:
    return text.strip().upper()


def _reachable(known: Flight, pilot: Pilot, time: datetime, rules: Rules) -> bool:
    was = known.progress.fix
    hours = (time - known.last_seen) / timedelta(hours=1)
    far = distance_nm(was.latitude, was.longitude, pilot.latitude, pilot.longitude)
    return far <= hours * rules.reach_kt + rules.reach_margin_nm
