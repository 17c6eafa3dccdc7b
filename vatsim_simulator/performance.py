"""How an aircraft of a type takes off, climbs, descends and lands."""

from __future__ import annotations

from typing import NamedTuple

from vatsim_simulator.fleet import AircraftType
from vatsim_simulator.profile import SimulatedPhase, Stretch

# Below this altitude, at most 250 knots.
SPEED_LIMIT_FT = 10_000
SPEED_LIMIT_KT = 250
TURN_OFF_KT = 25
LIGHT_DESCENT_FT_MIN = 600
DESCENT_FT_MIN = 2_000
# A glide path of 3 degrees loses 318 ft a nautical mile; light ones come in steeper.
GLIDE_FT_A_NM = 318
SLOWEST_APPROACH_FT_MIN = 450
FINAL_FT, LIGHT_FINAL_FT = 2_000, 1_000
FLARE_FT, FLARE_S = 30, 6
ROTATION_S, ROTATION_FT = 3, 12
HOVER_FT, HOVER_S = 8, 12
HELICOPTER_FINAL_FT = 500
# From standstill to flying speed: 40 s for an airliner, 26 s for a light one.
ROLL_S, ROLL_S_A_KT = 15, 0.17
BRAKING_KT_A_S = 3.2


class FlightPerformance(NamedTuple):
    """One flight's: the type's, at its cruising speed of today."""

    aircraft: AircraftType
    cruise_kt: float

    @property
    def by_eye(self) -> bool:
        """Whether it flies traffic patterns at 1,000 ft, and needs no long final."""
        return self.aircraft.light and self.aircraft.ceiling_ft < 20_000

    @property
    def helicopter(self) -> bool:
        """Whether it takes off and lands where it stands."""
        return self.aircraft.helicopter

    @property
    def take_off_kt(self) -> float:
        """At which it leaves the ground; near enough to what it lands with."""
        return self.aircraft.approach_kt

    @property
    def final_ft(self) -> float:
        """How high above the field the final approach begins."""
        return LIGHT_FINAL_FT if self.by_eye else FINAL_FT

    def roll(self, from_ft: float, to_ft: float, share: float = 1.0) -> Stretch:
        """From standstill to the speed of take-off, or to a share of it."""
        kt = self.take_off_kt * share
        lasts_s = (ROLL_S + self.take_off_kt * ROLL_S_A_KT) * share
        return _on_ground(SimulatedPhase.TAKE_OFF, lasts_s, 0, kt, from_ft, to_ft)

    def brake(self, from_kt: float, to_kt: float, from_ft: float, to_ft: float) -> Stretch:
        """On the runway, from one speed to the other."""
        lasts_s = max((from_kt - to_kt) / BRAKING_KT_A_S, 1.0)
        return _on_ground(SimulatedPhase.LANDING, lasts_s, from_kt, to_kt, from_ft, to_ft)

    def accelerate(self, from_kt: float, from_ft: float, to_ft: float) -> Stretch:
        """On the runway, back to flying speed after a touch."""
        lasts_s = max((self.take_off_kt - from_kt) / 4, 2.0)
        return _on_ground(
            SimulatedPhase.TAKE_OFF, lasts_s, from_kt, self.take_off_kt, from_ft, to_ft
        )

    def up(self, ground_ft: float, level_ft: float, from_ft: float | None = None) -> list[Stretch]:
        """From the runway up to a level; or from `from_ft`, after a go-around."""
        if self.helicopter:
            return self._lift(ground_ft, level_ft)
        rate, kt = self.aircraft.climb_ft_min, self.take_off_kt
        limit_kt, limit_ft, top_kt = self._speeds(ground_ft, level_ft)
        rotated_ft = ground_ft + ROTATION_FT if from_ft is None else from_ft
        limit_ft = max(limit_ft, rotated_ft)
        parts = []
        if from_ft is None:
            parts.append(Stretch(SimulatedPhase.CLIMB, ROTATION_S, kt, kt, ground_ft, rotated_ft))
        parts.append(_climb(SimulatedPhase.CLIMB, kt, limit_kt, rotated_ft, limit_ft, rate))
        # The higher, the thinner the air.
        parts.append(_climb(SimulatedPhase.CLIMB, limit_kt, top_kt, limit_ft, level_ft, rate * 0.6))
        return parts

    def down(self, ground_ft: float, level_ft: float, to_ft: float | None = None) -> list[Stretch]:
        """From a level down to the runway; or to `to_ft`, where it goes around."""
        if self.helicopter:
            return self._settle(ground_ft, level_ft)
        limit_kt, limit_ft, top_kt = self._speeds(ground_ft, level_ft)
        final_ft = min(ground_ft + self.final_ft, limit_ft)
        rate = LIGHT_DESCENT_FT_MIN if self.aircraft.light else DESCENT_FT_MIN
        kt = self.aircraft.approach_kt
        lowest_ft = ground_ft + FLARE_FT if to_ft is None else to_ft
        # Slowed down and established for two thirds of the final approach.
        steady_ft = max(lowest_ft, ground_ft + (final_ft - ground_ft) * 0.66)
        parts = [
            _climb(SimulatedPhase.DESCENT, top_kt, limit_kt, level_ft, limit_ft, rate),
            _climb(SimulatedPhase.DESCENT, limit_kt, kt * 1.3, limit_ft, final_ft, rate * 0.7),
            _climb(SimulatedPhase.LANDING, kt * 1.3, kt, final_ft, steady_ft, self.approach_ft_min),
            _climb(SimulatedPhase.LANDING, kt, kt, steady_ft, lowest_ft, self.approach_ft_min),
        ]
        if to_ft is None:
            parts.append(Stretch(SimulatedPhase.LANDING, FLARE_S, kt, kt, lowest_ft, ground_ft))
        return parts

    @property
    def approach_ft_min(self) -> float:
        """How fast it sinks on final."""
        return max(SLOWEST_APPROACH_FT_MIN, self.aircraft.approach_kt / 60 * GLIDE_FT_A_NM)

    def from_touchdown_nm(self, height_ft: float) -> float:
        """How far before the touchdown it is this high, on the last part of its final."""
        minutes = (height_ft - FLARE_FT) / self.approach_ft_min + FLARE_S / 60
        return minutes * self.aircraft.approach_kt / 60

    def _speeds(self, ground_ft: float, level_ft: float) -> tuple[float, float, float]:
        """The speed below the limit's height, that height, and the speed of the cruise."""
        limit_kt = min(SPEED_LIMIT_KT, self.cruise_kt)
        limit_ft = min(max(SPEED_LIMIT_FT, ground_ft + 2_500), level_ft)
        # Short of the cruising speed when the climb is a short one.
        share = min(1, max(0, level_ft - limit_ft) / 15_000)
        return limit_kt, limit_ft, limit_kt + (self.cruise_kt - limit_kt) * share

    def _lift(self, ground_ft: float, level_ft: float) -> list[Stretch]:
        hover_ft = ground_ft + HOVER_FT
        return [
            Stretch(SimulatedPhase.CLIMB, HOVER_S, 0, 5, ground_ft, hover_ft),
            _climb(SimulatedPhase.CLIMB, 5, 60, hover_ft, hover_ft + 150, 600),
            _climb(
                SimulatedPhase.CLIMB,
                60,
                self.cruise_kt,
                hover_ft + 150,
                level_ft,
                self.aircraft.climb_ft_min,
            ),
        ]

    def _settle(self, ground_ft: float, level_ft: float) -> list[Stretch]:
        final_ft = min(ground_ft + HELICOPTER_FINAL_FT, level_ft)
        hover_ft = ground_ft + HOVER_FT
        return [
            _climb(SimulatedPhase.DESCENT, self.cruise_kt, 60, level_ft, final_ft, 800),
            _climb(SimulatedPhase.LANDING, 60, 10, final_ft, hover_ft, 450),
            Stretch(SimulatedPhase.LANDING, HOVER_S, 10, 0, hover_ft, ground_ft),
        ]


def _climb(
    phase: SimulatedPhase, from_kt: float, to_kt: float, from_ft: float, to_ft: float, ft_min: float
) -> Stretch:
    return Stretch(phase, abs(to_ft - from_ft) / ft_min * 60, from_kt, to_kt, from_ft, to_ft)


def _on_ground(
    phase: SimulatedPhase,
    lasts_s: float,
    from_kt: float,
    to_kt: float,
    from_ft: float,
    to_ft: float,
) -> Stretch:
    return Stretch(phase, lasts_s, from_kt, to_kt, from_ft, to_ft, on_ground=True)
