"""Works a flight out before it begins: its way, its heights and speeds, and its milestones."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

from vatsim_simulator.fleet import AircraftType
from vatsim_simulator.performance import TURN_OFF_KT, FlightPerformance
from vatsim_simulator.places import is_hub
from vatsim_simulator.profile import Disturbance, FlightProfile, Milestone, SimulatedPhase, Stretch
from vatsim_simulator.track import (
    TOUCHDOWN_NM,
    Point,
    Runway,
    Stand,
    centre,
    ground_ft,
    lake_of,
    near,
    runway_of,
    stand_of,
)
from vatsim_simulator.truth import OFF_AIRPORT, TruthKind
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.geometry import distance_nm

TAXI_KT, PUSHBACK_KT = 16, 3
CRAWL_KT = 12
# Floats have no brakes.
DRIFT_KT, DRIFT_NM = 2, 0.05
CIRCUIT_FT = 1_000
UPWIND_NM = 1.5


class Itinerary(NamedTuple):
    """From where to where, and with what. `planned` is where it was bound for at first."""

    aircraft: AircraftType
    cruise_kt: float
    departure: Airport
    arrival: Airport
    planned: Airport


class Doings(NamedTuple):
    """What a flight does besides going from one airport to the other."""

    start: Stand | None = None
    """Where it is parked already; None: at any stand."""
    spot: Stand | None = None
    """A helicopter's or a seaplane's goal out in the country."""
    touch_and_goes: int = 0
    """As many circuits at its departure first."""
    rejects: int = 0
    """Take-offs that it begins and breaks off."""
    gives_up: bool = False
    """It taxies back after the last of these."""
    go_arounds_ft: tuple[int, ...] = ()
    """From which heights above the field it goes around at its arrival."""
    turns_after: float = 0.0
    """After this share of the way to `planned` it turns to its arrival instead."""
    slews_to_runway: bool = False
    """It is moved to the runway instead of taxiing there."""
    disturbance: Disturbance | None = None


class Planner:
    """Works a flight out, in the order in which it is flown."""

    def __init__(self, random: Random, flight: Itinerary, doings: Doings) -> None:
        self._random, self._flight, self._doings = random, flight, doings
        self._performance = FlightPerformance(flight.aircraft, flight.cruise_kt)
        self.start = doings.start or stand_of(random, flight.departure)
        around = self.start.airport is None and flight.departure.icao == flight.arrival.icao
        end = self.start if doings.gives_up or around else doings.spot
        self.end: Stand = end or stand_of(random, flight.arrival)
        self.cruise_ft = _cruising_height_ft(random, flight, self.start, self.end)
        self.profile = FlightProfile(self.start.point)

    def work_out(self) -> None:
        """From stand to stand."""
        random, profile = self._random, self.profile
        profile.wait(SimulatedPhase.PARKED, random.uniform(480, 2700), self.start.ground_ft)
        if self._performance.helicopter or not self._doings.slews_to_runway:
            profile.mark(TruthKind.OFF_BLOCK, _name(self.start))
        if self._performance.helicopter:
            self._hop()
        else:
            runway = self._runway(self._flight.departure, self.start)
            self._taxi_out(runway)
            if not self._doings.gives_up:
                self._take_off(runway)
        profile.mark(TruthKind.ON_BLOCK, _name(self.end))
        profile.wait(SimulatedPhase.ARRIVED, random.uniform(180, 1500), self.end.ground_ft)

    def _hop(self) -> None:
        """A helicopter's way: up from the stand, and down to the other one."""
        profile, performance = self.profile, self._performance
        profile.mark(TruthKind.TAKE_OFF, _name(self.start))
        goal = self.end.point
        via: list[Point] = []
        if self._flight.departure.icao == self._flight.arrival.icao:
            via = self._round(self.start.point, self._random.uniform(0, 360))
        level_ft = self.cruise_ft
        profile.fly(
            [*via, goal],
            performance.up(self.start.ground_ft, level_ft),
            performance.down(self.end.ground_ft, level_ft),
            self._doings.disturbance,
        )
        profile.mark(TruthKind.LANDING, _name(self.end))

    def _taxi_out(self, runway: Runway) -> None:
        random, profile = self._random, self.profile
        stand_ft, runway_ft = self.start.ground_ft, self._ground_ft(runway.threshold)
        if self._doings.slews_to_runway:
            leapt_nm = profile.leap(runway.threshold)
            profile.mark(TruthKind.SLEW, _name(self.start), distance_nm=round(leapt_nm))
        else:
            if not self._performance.by_eye:
                self._push_back(stand_ft)
            drifts_nm = DRIFT_NM if self._flight.aircraft.seaplane else 0.0
            to = runway.point(-drifts_nm)
            profile.drive(SimulatedPhase.TAXI_OUT, to, TAXI_KT, stand_ft, runway_ft)
        if profile.point != runway.threshold:
            threshold = runway.threshold
            profile.drive(SimulatedPhase.TAXI_OUT, threshold, DRIFT_KT, runway_ft, runway_ft)
        else:
            profile.wait(SimulatedPhase.TAXI_OUT, random.uniform(20, 240), runway_ft)
        if self._doings.slews_to_runway:
            # It leaves the place where it was put; its simulator took it off its stand.
            profile.mark(TruthKind.OFF_BLOCK, _name(self.start))
        for number in range(self._doings.rejects):
            self._reject(runway, last=number + 1 == self._doings.rejects)

    def _push_back(self, stand_ft: float) -> None:
        random, profile = self._random, self.profile
        behind = near(profile.point, self.start.heading + 180, 0.03)
        profile.drive(SimulatedPhase.TAXI_OUT, behind, PUSHBACK_KT, stand_ft, stand_ft)
        profile.wait(SimulatedPhase.TAXI_OUT, random.uniform(40, 120), stand_ft)

    def _reject(self, runway: Runway, *, last: bool) -> None:
        """A take-off that is broken off at 45 to 85 % of the speed for it."""
        profile, performance = self.profile, self._performance
        share = self._random.uniform(0.45, 0.85)
        ft = self._ground_ft(runway.threshold)
        roll = performance.roll(ft, ft, share)
        brake = performance.brake(roll.to_kt, CRAWL_KT, ft, ft)
        profile.run(runway.point(roll.length_nm + brake.length_nm), roll, brake)
        profile.mark(TruthKind.REJECTED_TAKE_OFF, _name(self.start))
        if last and self._doings.gives_up:
            profile.drive(SimulatedPhase.TAXI_IN, self.end.point, TAXI_KT, ft, self.end.ground_ft)
            return
        profile.drive(SimulatedPhase.TAXI_OUT, runway.threshold, TAXI_KT, ft, ft)
        profile.wait(SimulatedPhase.TAXI_OUT, self._random.uniform(30, 300), ft)

    def _take_off(self, runway: Runway) -> None:
        """Everything from the roll of the take-off to the stand."""
        flight, profile, performance = self._flight, self.profile, self._performance
        roll_nm = performance.roll(0, 0).length_nm
        lifts_ft = self._ground_ft(runway.point(roll_nm))
        roll = performance.roll(self._ground_ft(runway.threshold), lifts_ft)
        profile.run(runway.point(roll_nm), roll)
        profile.mark(TruthKind.TAKE_OFF, _name(self.start))
        for _ in range(self._doings.touch_and_goes):
            lifts_ft = self._touch_and_go(runway, lifts_ft)
        if flight.departure.icao == flight.arrival.icao:
            landing = runway
            via = self._circuit(runway, self._random.choice((-90, 90)))[:-2]
            if not self._doings.touch_and_goes:
                via = self._round(runway.point(runway.length_nm + UPWIND_NM), runway.course)
        else:
            landing = self._runway(flight.arrival, self.end)
            via = [runway.point(runway.length_nm + UPWIND_NM)]
            self._turn_away(via)
        self._land(landing, via, lifts_ft)

    def _turn_away(self, via: list[Point]) -> None:
        """Set out for where the plan goes, and turn to the arrival on the way."""
        share = self._doings.turns_after
        if not share:
            return
        (from_lat, from_lon), (to_lat, to_lon) = via[0], centre(self._flight.planned)
        # Over the 180th meridian, the short way round.
        east = (to_lon - from_lon + 540) % 360 - 180
        via.append(
            (
                from_lat + (to_lat - from_lat) * share,
                (from_lon + east * share + 540) % 360 - 180,
            )
        )

    def _land(self, runway: Runway, via: list[Point], lifts_ft: float) -> None:
        flight, profile, performance = self._flight, self.profile, self._performance
        touchdown = runway.point(TOUCHDOWN_NM)
        touch_ft = self._arrival_ft(touchdown)
        level_ft = self._level_ft(via, touchdown, lifts_ft, touch_ft)
        up, disturbance = performance.up(lifts_ft, level_ft), self._doings.disturbance
        for height_ft in self._doings.go_arounds_ft:
            self._go_around(runway, via, up, level_ft, height_ft, disturbance)
            disturbance = None
            via = self._circuit(runway, self._random.choice((-90, 90)))[:-2]
            level_ft = touch_ft + max(performance.final_ft, CIRCUIT_FT)
            up = performance.up(touch_ft, level_ft, touch_ft + height_ft)
        down = performance.down(touch_ft, level_ft)
        began_nm = profile.now_nm
        turns = len(profile.legs) + 1
        profile.fly([*via, _final_fix(runway, down), touchdown], up, down, disturbance)
        if self._doings.turns_after and not self._doings.go_arounds_ft:
            turn_nm = max(profile.legs[turns].from_nm + profile.legs[turns].length_nm, began_nm)
            second = profile.second_at(turn_nm)
            profile.milestones.append(
                Milestone(second, TruthKind.DIVERTING, arrival=flight.arrival.icao)
            )
        profile.mark(TruthKind.LANDING, _name(self.end))
        brake = performance.brake(flight.aircraft.approach_kt, TURN_OFF_KT, 0, 0)
        off = runway.point(TOUCHDOWN_NM + brake.length_nm)
        off_ft = self._arrival_ft(off)
        profile.run(off, brake._replace(from_ft=touch_ft, to_ft=off_ft))
        profile.drive(SimulatedPhase.TAXI_IN, self.end.point, TAXI_KT, off_ft, self.end.ground_ft)

    def _go_around(
        self,
        runway: Runway,
        via: list[Point],
        up: list[Stretch],
        level_ft: float,
        height_ft: int,
        disturbance: Disturbance | None,
    ) -> None:
        """Come down to that height above the field, and no further."""
        performance = self._performance
        touch_ft = self._arrival_ft(runway.point(TOUCHDOWN_NM))
        down = performance.down(touch_ft, level_ft, touch_ft + height_ft)
        short_nm = performance.from_touchdown_nm(height_ft)
        whole = performance.down(touch_ft, level_ft)
        self.profile.fly(
            [*via, _final_fix(runway, whole), runway.point(TOUCHDOWN_NM - short_nm)],
            up,
            down,
            disturbance,
        )
        self.profile.mark(TruthKind.GO_AROUND, _name(self.end), height_ft=height_ft)

    def _touch_and_go(self, runway: Runway, lifts_ft: float) -> float:
        """Once around, and off again; the ground's height where it leaves the runway."""
        profile, performance = self.profile, self._performance
        level_ft = self.start.ground_ft + max(CIRCUIT_FT, performance.final_ft)
        touch_ft = self._ground_ft(runway.point(TOUCHDOWN_NM))
        down = performance.down(touch_ft, level_ft)
        profile.fly(
            self._circuit(runway, self._random.choice((-90, 90))),
            performance.up(lifts_ft, level_ft),
            down,
        )
        profile.mark(TruthKind.TOUCH_AND_GO, _name(self.start))
        kt = performance.aircraft.approach_kt
        low_kt = kt * self._random.uniform(0.7, 0.9)
        brake = performance.brake(kt, low_kt, touch_ft, touch_ft)
        go = performance.accelerate(low_kt, touch_ft, touch_ft)
        off = runway.point(TOUCHDOWN_NM + brake.length_nm + go.length_nm)
        profile.run(off, brake, go._replace(to_ft=self._ground_ft(off)))
        return self._ground_ft(off)

    def _circuit(self, runway: Runway, side: float) -> list[Point]:
        """Upwind, crosswind, downwind, base, final; the last two are final fix and touchdown."""
        down = self._performance.down(0.0, max(CIRCUIT_FT, self._performance.final_ft))
        final = _final_fix(runway, down)
        wide_nm = 0.9 if self._performance.by_eye else 4.0
        upwind = runway.point(runway.length_nm + UPWIND_NM)
        return [
            upwind,
            near(upwind, runway.course + side, wide_nm),
            near(final, runway.course + side, wide_nm),
            final,
            runway.point(TOUCHDOWN_NM),
        ]

    def _round(self, start: Point, course: float) -> list[Point]:
        """A round over the country that comes back."""
        outward = course + self._random.uniform(-60, 60)
        return [
            start,
            *(near(start, outward + turn, self._random.uniform(6, 18)) for turn in (-35, 35)),
        ]

    def _level_ft(
        self, via: list[Point], touchdown: Point, lifts_ft: float, touch_ft: float
    ) -> float:
        """The height to fly at: a short flight flies lower."""
        performance = self._performance
        way = [self.profile.point, *via, touchdown]
        length_nm = sum(distance_nm(*a, *b) for a, b in pairwise(way))
        lowest_ft = int(max(lifts_ft, touch_ft)) + max(int(performance.final_ft), CIRCUIT_FT)
        level_ft = max(self.cruise_ft, lowest_ft)
        while level_ft > lowest_ft:
            parts = (*performance.up(lifts_ft, level_ft), *performance.down(touch_ft, level_ft))
            if sum(part.length_nm for part in parts) <= length_nm:
                break
            level_ft = max(int(level_ft * 0.85), lowest_ft)
        self.cruise_ft = level_ft
        return level_ft

    def _runway(self, airport: Airport, stand: Stand) -> Runway:
        if stand.airport is None:
            return lake_of(self._random, stand)
        return runway_of(self._random, airport, hub=is_hub(airport.icao))

    def _ground_ft(self, point: Point) -> float:
        return _height_ft(self.start, self._flight.departure, point)

    def _arrival_ft(self, point: Point) -> float:
        return _height_ft(self.end, self._flight.arrival, point)


def _height_ft(stand: Stand, airport: Airport, point: Point) -> float:
    """Of the ground at the airport, or of the lake."""
    return stand.ground_ft if stand.airport is None else ground_ft(airport, point)


def _name(stand: Stand) -> str:
    return OFF_AIRPORT if stand.airport is None else stand.airport.icao


def _final_fix(runway: Runway, down: list[Stretch]) -> Point:
    """Where the final approach begins, in line with the runway."""
    final_nm = sum(part.length_nm for part in down if part.phase is SimulatedPhase.LANDING)
    return runway.point(TOUCHDOWN_NM - final_nm - 0.5)


def _cruising_height_ft(random: Random, flight: Itinerary, start: Stand, end: Stand) -> int:
    """A level that fits the distance: thousands of feet, and a light aircraft's five hundred."""
    aircraft, ground = flight.aircraft, max(start.ground_ft, end.ground_ft)
    if aircraft.light and aircraft.ceiling_ft < 20_000:
        level_ft = random.choice((1500, 2000, 2500, 3000, 3500, 4500, 5500, 6500, 8000))
        return max(level_ft, int(ground) + 1_000)
    length_nm = distance_nm(*start.point, *end.point)
    highest_ft = min(aircraft.ceiling_ft, int(6_000 + length_nm * 75))
    lowest_ft = max(min(highest_ft - 6_000, 31_000), 4_000)
    return random.randint(lowest_ft // 1000, max(highest_ft, lowest_ft) // 1000) * 1000
