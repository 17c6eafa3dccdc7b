"""A flight from stand to stand: its position at any second.

The whole flight is worked out when it begins: a track of great circles, a profile of stretches
along it, and the milestones that the truth tells. Where it is at a moment is then a look-up, so a
flight can be joined in the middle, and pauses with its pilot.
"""

from __future__ import annotations

from bisect import bisect_right
from random import Random
from typing import NamedTuple

from vatsim_simulator.fleet import AircraftType
from vatsim_simulator.planner import Doings, Itinerary, Planner
from vatsim_simulator.profile import Milestone, SimulatedPhase
from vatsim_simulator.truth import TruthKind
from vatwatch.traffic.airports import Airport


class Fix(NamedTuple):
    """Where a flight is: WGS84 degrees, feet above sea level, knots, degrees true."""

    latitude: float
    longitude: float
    altitude_ft: float
    groundspeed_kt: float
    heading: int
    phase: SimulatedPhase
    flown_nm: float
    remaining_nm: float
    on_ground: bool


class SimulatedFlight:
    """One flight, worked out to its end. `at(second)` says where it is."""

    __slots__ = (
        "_begins",
        "_leg_begins",
        "_legs",
        "_parked_heading",
        "_stretches",
        "aircraft",
        "arrival",
        "cruise_ft",
        "cruise_kt",
        "departure",
        "distance_nm",
        "ends_at",
        "lasts_s",
        "milestones",
        "planned",
        "starts_at",
    )

    def __init__(
        self,
        random: Random,
        aircraft: AircraftType,
        departure: Airport,
        arrival: Airport,
        doings: Doings | None = None,
        planned: Airport | None = None,
    ) -> None:
        """Work it out; `planned` is where it was bound for, if it lands elsewhere."""
        self.aircraft, self.departure, self.arrival = aircraft, departure, arrival
        self.planned = planned or arrival
        self.cruise_kt = aircraft.cruise_tas_kt * random.uniform(0.97, 1.03)
        plan = Planner(
            random,
            Itinerary(aircraft, self.cruise_kt, departure, arrival, self.planned),
            doings or Doings(),
        )
        plan.work_out()
        profile = plan.profile
        self.starts_at, self.ends_at, self.cruise_ft = plan.start, plan.end, plan.cruise_ft
        self._legs = profile.legs
        self._leg_begins = [leg.from_nm for leg in self._legs]
        self.distance_nm = self._legs[-1].from_nm + self._legs[-1].length_nm
        self._stretches = profile.stretches
        self._begins = [stretch.begins_s for stretch in self._stretches]
        self.milestones: list[Milestone] = sorted(profile.milestones, key=lambda one: one.second)
        self.lasts_s = self._stretches[-1].begins_s + self._stretches[-1].lasts_s

    @property
    def accelerates(self) -> bool:
        """Whether the simulator's time runs faster in some part of it."""
        return any(one.kind is TruthKind.ACCELERATED for one in self.milestones)

    def at(self, second: float) -> Fix:
        """Where the flight is, `second` after it began; before and after, where it stands."""
        stretch = self._stretches[max(0, bisect_right(self._begins, second) - 1)]
        passed_s = min(max(second - stretch.begins_s, 0.0), stretch.lasts_s)
        share = passed_s / stretch.lasts_s if stretch.lasts_s else 1.0
        gained_kt = (stretch.to_kt - stretch.from_kt) * share
        flown_nm = stretch.from_nm + (stretch.from_kt + gained_kt / 2) * passed_s / 3600
        leg = self._legs[max(0, bisect_right(self._leg_begins, flown_nm) - 1)]
        latitude, longitude, course = leg.at(flown_nm - leg.from_nm)
        if stretch.phase is SimulatedPhase.PARKED:
            course = self.starts_at.heading
        elif stretch.phase is SimulatedPhase.ARRIVED:
            course = self.ends_at.heading
        return Fix(
            latitude,
            longitude,
            stretch.from_ft + (stretch.to_ft - stretch.from_ft) * share,
            stretch.from_kt + gained_kt if stretch.shown_kt is None else stretch.shown_kt,
            round(course) % 360,
            stretch.phase,
            flown_nm,
            max(self.distance_nm - flown_nm, 0.0),
            stretch.on_ground,
        )

    def ground_ft(self, fix: Fix) -> float:
        """The ground below; in the air as if it rose evenly from one airport to the other."""
        if fix.on_ground:
            return fix.altitude_ft
        share = fix.flown_nm / self.distance_nm if self.distance_nm else 0.0
        rise_ft = self.ends_at.ground_ft - self.starts_at.ground_ft
        return self.starts_at.ground_ft + rise_ft * share

    def phase_ends_s(self, second: float) -> float:
        """The end of the stretch at this second; infinite for the last one."""
        following = bisect_right(self._begins, second)
        return self._begins[following] if following < len(self._begins) else float("inf")

    def phase_begins_s(self, phase: SimulatedPhase) -> float:
        """When a phase begins for the first time; never, if it does not."""
        for stretch in self._stretches:
            if stretch.phase is phase:
                return stretch.begins_s
        return float("inf")
