"""On which boards of airports and FIRs a flight is, as the simulator knows it.

The definitions are the published ones (docs/rules.md, "Airports and FIRs"), worked out from where
the flight is on its way, which plan it has, and what the updates have shown of it: whose take-off
no update shows departs from where his plan says. None of the code of the rules is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vatsim_simulator.flight import Fix
from vatsim_simulator.inside import fir_at
from vatsim_simulator.pilots import PilotConnection, Shown
from vatsim_simulator.profile import SimulatedPhase
from vatsim_simulator.stamps import TICKS_PER_S
from vatsim_simulator.track import Stand
from vatsim_simulator.truth import TruthKind, TruthLog
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.geometry import distance_nm

DEPARTURES, ARRIVALS, ON_GROUND = "departures", "arrivals", "on_ground"
# Of FIRs; the others are of airports.
AIRBORNE = "airborne"
AFTER_TOUCHDOWN = (SimulatedPhase.LANDING, SimulatedPhase.TAXI_IN, SimulatedPhase.ARRIVED)
# From here on a roll after a touchdown is a landing, and before it may be a touch-and-go.
LANDED_KT = 40
# Who is so far from where he stood has left it; who was moving when he came was leaving.
LEFT_NM, MOVING_KT = 0.015, 3
# Back from a take-off that came to nothing, and parked for good.
GIVES_UP_TICKS = 300 * TICKS_PER_S
# Nobody hovers to the metre for so long.
HOVERS_TICKS = 60 * TICKS_PER_S
# So far from where it stood the ground is as high as there.
KNOWN_NM = 1.5
# Nothing flies faster; such a plan is a mistake, and tells no arrival.
FASTEST_KT = 1_400


class Listing(NamedTuple):
    """A flight is on this board of this airport, or of this FIR."""

    board: str
    place: str


def listings(pilot: PilotConnection, fix: Fix, now: int) -> Iterator[Listing]:
    """On which boards an update lists a pilot; notes in `pilot.shown` what it shows of him."""
    shown, flight = _shown(pilot, fix), pilot.flight
    if not is_down(pilot, fix, now):
        shown.flew = True
        departs = shown.stood_at
        if departs is None:
            departs = _touched_at(pilot, shown, now) or _filed(pilot.plan, "departure")
        if departs:
            yield Listing(DEPARTURES, departs)
        arrives = _filed(pilot.plan, "arrival")
        if arrives:
            yield Listing(ARRIVALS, arrives)
        over = fir_at(fix.latitude, fix.longitude)
        if over:
            yield Listing(AIRBORNE, over)
        return
    after = fix.phase in AFTER_TOUCHDOWN
    here = shown.stood_at = _icao(flight.ends_at if after else flight.starts_at)
    if here:
        yield Listing(ON_GROUND, here)
    if shown.flew:
        return
    leaves, filed = _leaves(pilot, fix, now), _filed(pilot.plan, "departure")
    if here and (filed == here or (leaves and not filed)):
        yield Listing(DEPARTURES, here)
    arrives = _expected(pilot.plan, here)
    if arrives:
        yield Listing(ARRIVALS, arrives)


class BoardWatch:
    """Tells into a log which update lists a flight on a board for the first time, or no more."""

    def __init__(self, log: TruthLog) -> None:
        self._log = log
        self._listed: dict[tuple[int, str, Listing], int] = {}

    def look(self, now: int, fixes: Iterable[tuple[PilotConnection, Fix]]) -> None:
        """Look at all pilots of an update, and where they are."""
        found = {
            (pilot.number, pilot.callsign, one): pilot.cid
            for pilot, fix in fixes
            for one in listings(pilot, fix, now)
        }
        for kind, of, other in (
            (TruthKind.BOARD_LEFT, self._listed, found),
            (TruthKind.BOARD_ENTERED, found, self._listed),
        ):
            for key, cid in of.items():
                if key not in other:
                    number, callsign, (board, place) = key
                    where = (
                        {"area": "fir", "sector": place}
                        if board == AIRBORNE
                        else {"airport": place}
                    )
                    self._log.add(kind, now, cid, callsign, flight=number, board=board, **where)
        self._listed = found


def is_down(pilot: PilotConnection, fix: Fix, now: int) -> bool:
    """Whether it stands or taxies. Who rolls after a touchdown may still take off again. A
    helicopter in the country may hover low above it, and who has filed no aircraft may be one; how
    high the water or the meadow is from which it took off is known."""
    if not fix.on_ground or pilot.shown is None or not pilot.shown.flew:
        return fix.on_ground
    flight, phase = pilot.flight, fix.phase
    plan = pilot.plan
    may_hover = flight.aircraft.helicopter or plan is None or not plan.aircraft_short
    if may_hover and phase in AFTER_TOUCHDOWN and _is_in_the_country(pilot, fix):
        return phase is SimulatedPhase.ARRIVED and _arrived_for(pilot, now) >= HOVERS_TICKS
    rolls_out = phase is SimulatedPhase.LANDING and fix.groundspeed_kt >= LANDED_KT
    return not rolls_out and phase is not SimulatedPhase.TAKE_OFF


def _is_in_the_country(pilot: PilotConnection, fix: Fix) -> bool:
    """Whether it comes down where no update has shown anything of the ground."""
    flight, shown = pilot.flight, pilot.shown
    if flight.ends_at.airport is not None or shown is None:
        return False
    start = flight.starts_at
    stood_here = shown.stood_at == "" and start.airport is None
    away_nm = distance_nm(fix.latitude, fix.longitude, *start.point)
    return not stood_here or away_nm > KNOWN_NM


def _shown(pilot: PilotConnection, fix: Fix) -> Shown:
    if pilot.shown is None or pilot.shown.flight != pilot.number:
        moves = fix.groundspeed_kt >= MOVING_KT
        pilot.shown = Shown(pilot.number, pilot.told, fix.latitude, fix.longitude, left=moves)
    return pilot.shown


def _leaves(pilot: PilotConnection, fix: Fix, now: int) -> bool:
    """Whether it was seen to leave its stand, and has not come back to stay."""
    shown = pilot.shown
    assert shown is not None
    away_nm = distance_nm(fix.latitude, fix.longitude, shown.latitude, shown.longitude)
    shown.left = shown.left or away_nm > LEFT_NM
    if fix.phase is SimulatedPhase.ARRIVED:
        return _arrived_for(pilot, now) < GIVES_UP_TICKS
    return shown.left


def _arrived_for(pilot: PilotConnection, now: int) -> int:
    """How many ticks it has stood at its goal."""
    second = pilot.flight.phase_begins_s(SimulatedPhase.ARRIVED)
    return now - pilot.began_ticks - round(second * TICKS_PER_S)


def _touched_at(pilot: PilotConnection, shown: Shown, now: int) -> str:
    """Where a flight that joined in the air has touched and gone since."""
    second = (now - pilot.began_ticks) / TICKS_PER_S
    since = pilot.flight.milestones[shown.told :]
    places = [
        one.airport for one in since if one.kind is TruthKind.TOUCH_AND_GO and one.second <= second
    ]
    return places[-1] if places and places[-1] in load_airports() else ""


def _expected(plan: FlightPlan | None, here: str) -> str:
    """Where a flight will land that has not departed yet, if anybody can tell when."""
    departs, arrives = _filed(plan, "departure"), _filed(plan, "arrival")
    if plan is None or not arrives:
        return ""
    hours, minutes = divmod(int(plan.enroute_time), 100)
    enroute_h = hours + minutes / 60
    if not enroute_h or (here == arrives != departs):
        # No time, or it stands where its plan ends: that was flown.
        return ""
    if departs:
        airports = load_airports()
        one, other = airports[departs], airports[arrives]
        way_nm = distance_nm(one.latitude, one.longitude, other.latitude, other.longitude)
        if way_nm > enroute_h * FASTEST_KT:
            return ""
    return arrives


def _filed(plan: FlightPlan | None, field: str) -> str:
    """The airport of the plan, if it is a known one; else empty."""
    code = "" if plan is None else str(getattr(plan, field))
    return code if code in load_airports() else ""


def _icao(stand: Stand) -> str:
    return "" if stand.airport is None else stand.airport.icao
