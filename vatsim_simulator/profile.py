"""A flight's profile in the making: stretches in which speed and height change evenly.

`FlightProfile` lays the track leg by leg, and the stretches along it, so that each part of the one
is as long as its part of the other; and marks the moments that the truth tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from vatsim_simulator.track import Leg, Point, near
from vatsim_simulator.truth import TruthKind
from vatwatch.traffic.geometry import bearing, distance_nm


class SimulatedPhase(StrEnum):
    """What a flight is doing, in the order in which it does it."""

    PARKED = "parked"
    TAXI_OUT = "taxi_out"
    TAKE_OFF = "take_off"
    CLIMB = "climb"
    CRUISE = "cruise"
    DESCENT = "descent"
    LANDING = "landing"
    TAXI_IN = "taxi_in"
    ARRIVED = "arrived"


class Stretch(NamedTuple):
    """A part of the profile: speed and height go evenly from one value to the other."""

    phase: SimulatedPhase
    lasts_s: float
    from_kt: float
    to_kt: float
    from_ft: float
    to_ft: float
    on_ground: bool = False
    shown_kt: float | None = None
    """What the simulator reports as speed, if that is not the truth."""
    begins_s: float = 0.0
    from_nm: float = 0.0

    @property
    def length_nm(self) -> float:
        """What is covered in it."""
        return (self.from_kt + self.to_kt) / 2 * self.lasts_s / 3600


class Milestone(NamedTuple):
    """A moment of the flight that the truth tells."""

    second: float
    kind: TruthKind
    airport: str = ""
    arrival: str = ""
    height_ft: int | None = None
    lasts_s: int | None = None
    distance_nm: int | None = None
    times_faster: float | None = None


class Disturbance(NamedTuple):
    """What happens at some place of a cruise that only a simulator can do."""

    share: float
    """Where, as a share of the cruise."""
    pause_s: float = 0.0
    freezes_speed: bool = False
    """Whether a paused simulator goes on reporting the speed before."""
    slew_nm: float = 0.0
    times_faster: float = 1.0


class FlightProfile:
    """The track and the stretches of one flight, as far as they are laid."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.legs: list[Leg] = []
        self.stretches: list[Stretch] = []
        self.milestones: list[Milestone] = []
        self.now_s, self.now_nm = 0.0, 0.0

    def mark(self, kind: TruthKind, airport: str = "", **rest: object) -> None:
        """This happens now."""
        self.milestones.append(
            Milestone(self.now_s, kind, airport, **rest)  # type: ignore[arg-type]
        )

    def wait(
        self, phase: SimulatedPhase, lasts_s: float, ft: float, *, on_ground: bool = True
    ) -> None:
        """Stand still."""
        self._add(Stretch(phase, lasts_s, 0, 0, ft, ft, on_ground))

    def run(self, to: Point, *stretches: Stretch) -> None:
        """Go to a point; the stretches' lengths must be as long as that together."""
        self._lay([to])
        for stretch in stretches:
            self._add(stretch)
        self._close()

    def drive(
        self, phase: SimulatedPhase, to: Point, kt: float, from_ft: float, to_ft: float
    ) -> None:
        """Taxi to a point at an even speed."""
        lasts_s = distance_nm(*self.point, *to) / kt * 3600
        self.run(to, Stretch(phase, lasts_s, kt, kt, from_ft, to_ft, True))

    def leap(self, to: Point) -> float:
        """Be at a point, in no time; how far that was."""
        self._lay([to])
        leapt_nm = self.legs[-1].length_nm
        self._close()
        return leapt_nm

    def fly(
        self,
        via: Sequence[Point],
        up: Sequence[Stretch],
        down: Sequence[Stretch],
        disturbance: Disturbance | None = None,
    ) -> None:
        """Fly along these points: up, level for as long as it takes, and down to the last one.

        If the way is too short for that, it is made longer.
        """
        used_nm = sum(part.length_nm for part in (*up, *down))
        way = [self.point, *via]
        length_nm = sum(distance_nm(*a, *b) for a, b in pairwise(way))
        if length_nm < used_nm:
            course = bearing(*self.point, *via[0])
            out = near(via[0], course + 90, (used_nm - length_nm) / 2 + 0.2)
            via = [via[0], out, *via]
        began_nm = self.now_nm
        self._lay(via)
        length_nm = self.legs[-1].from_nm + self.legs[-1].length_nm - began_nm
        for stretch in up:
            self._add(stretch)
        self._level(max(length_nm - used_nm, 0.0), up[-1].to_kt, up[-1].to_ft, disturbance)
        for stretch in down:
            self._add(stretch)
        self._close()

    def second_at(self, nm: float) -> float:
        """When it comes to this place of the track."""
        for stretch in self.stretches:
            if stretch.from_nm <= nm < stretch.from_nm + stretch.length_nm:
                share = (nm - stretch.from_nm) / stretch.length_nm
                return stretch.begins_s + share * stretch.lasts_s
        return self.now_s

    def _level(
        self, length_nm: float, kt: float, ft: float, disturbance: Disturbance | None
    ) -> None:
        if disturbance is None or length_nm < 2:
            self._add(_level(length_nm, kt, ft))
            return
        before_nm = length_nm * disturbance.share
        after_nm = length_nm - before_nm
        self._add(_level(before_nm, kt, ft))
        if disturbance.pause_s:
            self.mark(TruthKind.PAUSE, lasts_s=round(disturbance.pause_s))
            shown_kt = kt if disturbance.freezes_speed else None
            self._add(
                Stretch(SimulatedPhase.CRUISE, disturbance.pause_s, 0, 0, ft, ft, shown_kt=shown_kt)
            )
        if disturbance.slew_nm:
            leapt_nm = min(disturbance.slew_nm, after_nm * 0.9)
            self.mark(TruthKind.SLEW, distance_nm=round(leapt_nm))
            self.now_nm += leapt_nm
            after_nm -= leapt_nm
        fast_nm = after_nm * 0.8 if disturbance.times_faster > 1 else 0.0
        if fast_nm:
            self.mark(TruthKind.ACCELERATED, times_faster=disturbance.times_faster)
            self._add(_level(fast_nm, kt * disturbance.times_faster, ft)._replace(shown_kt=kt))
        self._add(_level(after_nm - fast_nm, kt, ft))

    def _add(self, stretch: Stretch) -> None:
        self.stretches.append(stretch._replace(begins_s=self.now_s, from_nm=self.now_nm))
        self.now_s += stretch.lasts_s
        self.now_nm += stretch.length_nm

    def _lay(self, points: Sequence[Point]) -> None:
        from_nm = self.now_nm
        for point in points:
            self.legs.append(Leg.between(from_nm, self.point, point))
            from_nm += self.legs[-1].length_nm
            self.point = point

    def _close(self) -> None:
        """The next part begins where this one's track ends."""
        self.now_nm = self.legs[-1].from_nm + self.legs[-1].length_nm


def _level(length_nm: float, kt: float, ft: float) -> Stretch:
    return Stretch(SimulatedPhase.CRUISE, length_nm / kt * 3600, kt, kt, ft, ft)
