"""Aircraft types: how often they are used, and their performance."""

from __future__ import annotations

from typing import NamedTuple


class AircraftType(NamedTuple):
    """The performance of a type: round figures that look right on a map."""

    icao: str
    wake: str
    equipment: str
    weight: int
    """Its share of all flights."""
    range_nm: tuple[int, int]
    """The shortest and the longest flight it is used for."""
    ceiling_ft: int
    cruise_tas_kt: int
    climb_ft_min: int
    approach_kt: int

    @property
    def light(self) -> bool:
        """Whether it flies visually, from any field."""
        return self.wake == "L"

    @property
    def helicopter(self) -> bool:
        """Takes off and lands where it stands."""
        return self.icao in HELICOPTERS

    @property
    def seaplane(self) -> bool:
        """On floats: takes off from water, and comes down on it."""
        return self.icao in SEAPLANES


HELICOPTERS = frozenset({"EC45"})
SEAPLANES = frozenset({"DHC2"})

_AIRLINER = "SDE2E3FGHIRWXY/LB1"
_HEAVY = "SDE1E2E3FGHIJ3J4J5M1RWXY/LB1D1"
_LIGHT = "SDFGR/S"

FLEET: tuple[AircraftType, ...] = (
    AircraftType("A320", "M", _AIRLINER, 160, (100, 2600), 39000, 450, 2300, 137),
    AircraftType("B738", "M", _AIRLINER, 130, (100, 2700), 41000, 453, 2400, 145),
    AircraftType("A321", "M", _AIRLINER, 68, (150, 2800), 39000, 450, 2100, 142),
    AircraftType("A20N", "M", _AIRLINER, 57, (100, 3200), 39000, 452, 2400, 136),
    AircraftType("B38M", "M", _AIRLINER, 39, (150, 3200), 41000, 455, 2500, 145),
    AircraftType("A319", "M", _AIRLINER, 38, (90, 2600), 39000, 448, 2400, 130),
    AircraftType("A21N", "M", _AIRLINER, 30, (200, 3800), 39000, 452, 2200, 140),
    AircraftType("B737", "M", _AIRLINER, 12, (100, 2800), 41000, 452, 2500, 138),
    AircraftType("E190", "M", _AIRLINER, 9, (80, 1900), 41000, 447, 2500, 132),
    AircraftType("CRJ7", "M", _AIRLINER, 7, (80, 1300), 41000, 448, 2200, 138),
    AircraftType("B77W", "H", _HEAVY, 96, (1200, 7300), 41000, 490, 2100, 150),
    AircraftType("A388", "J", _HEAVY, 50, (2000, 7500), 42000, 495, 1700, 140),
    AircraftType("A339", "H", _HEAVY, 27, (900, 6500), 41000, 472, 2000, 140),
    AircraftType("B789", "H", _HEAVY, 25, (1200, 7200), 42000, 488, 2200, 145),
    AircraftType("A359", "H", _HEAVY, 22, (1200, 7600), 42000, 488, 2200, 140),
    AircraftType("A333", "H", _HEAVY, 11, (700, 5500), 40000, 470, 1900, 138),
    AircraftType("B748", "H", _HEAVY, 10, (1500, 7000), 42000, 492, 1900, 152),
    AircraftType("MD11", "H", _HEAVY, 10, (900, 5800), 41000, 480, 2000, 155),
    AircraftType("GLF4", "M", _AIRLINER, 6, (200, 3600), 45000, 460, 3500, 130),
    AircraftType("C25C", "L", "SDE2FGRY/LB1", 5, (100, 1700), 45000, 410, 3200, 110),
    AircraftType("AT76", "M", "SDFGHRY/LB1", 8, (60, 700), 25000, 275, 1300, 115),
    AircraftType("DH8D", "M", "SDFGHRY/LB1", 8, (60, 900), 25000, 355, 1600, 120),
    AircraftType("B350", "L", _LIGHT, 5, (50, 1000), 33000, 300, 2000, 110),
    AircraftType("PC12", "L", "SDFGRWY/S", 6, (40, 900), 29000, 265, 1500, 90),
    AircraftType("C172", "L", _LIGHT, 16, (10, 260), 11500, 112, 650, 65),
    AircraftType("P28A", "L", _LIGHT, 8, (10, 240), 11500, 115, 600, 68),
    AircraftType("DA42", "L", _LIGHT, 6, (20, 400), 15500, 160, 1000, 80),
    AircraftType("EC45", "L", "VGD/A", 4, (10, 150), 9500, 130, 1200, 60),
)
# Not among the others, as it can be used from water only.
SEAPLANE = AircraftType("DHC2", "L", _LIGHT, 0, (10, 300), 9500, 108, 850, 55)
