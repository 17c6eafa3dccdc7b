"""Movement rates: how many take-offs and landings there are an hour.

A rate is the number of movements in the 30 or 60 minutes up to the snapshot, their beginning
excluded, by the hour. A touch-and-go is a landing and a take-off. A movement counts by its own
time, and where it was made: who diverts lands where it lands, and what is off any airport counts
nowhere.

The trend is a change of the rate, in movements an hour; more than zero is more traffic than before.
`over_30_min`: the rate of the last 30 minutes less that of the 30 before. `over_5_min`: the rate
over 60 minutes less what it was five minutes ago.

What was not seen is not counted: in the first hour of a service, or after a gap, rates are too low.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from vatwatch.traffic.movements import MovementKind
from vatwatch.traffic.network_state import RecentMovement

HALF_HOUR, HOUR = timedelta(minutes=30), timedelta(minutes=60)
TREND = timedelta(minutes=5)


class MovementRate(Struct, frozen=True, gc=False):
    """Movements an hour, over the last half hour and hour."""

    over_30_min: float
    over_60_min: float


class MovementTrend(Struct, frozen=True, gc=False):
    """How the rate changes, in movements an hour."""

    over_5_min: float
    over_30_min: float


class MovementRates(Struct, frozen=True, gc=False):
    """Of an airport, or of several together."""

    take_offs: MovementRate
    landings: MovementRate


class MovementTrends(Struct, frozen=True, gc=False):
    """Of an airport, or of several together."""

    take_offs: MovementTrend
    landings: MovementTrend


class MovementCounts(Struct):
    """How many movements of one kind there were, by how long ago."""

    last_5: int = 0
    last_30: int = 0
    last_60: int = 0
    from_60_to_65: int = 0

    def add(self, ago: timedelta) -> None:
        """Count one that was so long ago."""
        if ago < TREND:
            self.last_5 += 1
        if ago < HALF_HOUR:
            self.last_30 += 1
        if ago < HOUR:
            self.last_60 += 1
        elif ago < HOUR + TREND:
            self.from_60_to_65 += 1

    def add_all(self, other: MovementCounts) -> None:
        """Count those of another airport, too."""
        self.last_5 += other.last_5
        self.last_30 += other.last_30
        self.last_60 += other.last_60
        self.from_60_to_65 += other.from_60_to_65

    def rate(self) -> MovementRate:
        """By the hour."""
        return MovementRate(self.last_30 * 2.0, float(self.last_60))

    def trend(self) -> MovementTrend:
        """Movements an hour more, or less, than before."""
        before = self.last_60 - self.last_30
        return MovementTrend(float(self.last_5 - self.from_60_to_65), (self.last_30 - before) * 2.0)


class Movements(Struct):
    """Those of an airport, counted."""

    take_offs: MovementCounts
    landings: MovementCounts

    @classmethod
    def none(cls) -> Movements:
        """Nothing counted yet."""
        return cls(MovementCounts(), MovementCounts())

    def add_all(self, other: Movements) -> None:
        """Count those of another airport, too."""
        self.take_offs.add_all(other.take_offs)
        self.landings.add_all(other.landings)

    @property
    def last_60(self) -> int:
        """Take-offs and landings of the last hour."""
        return self.take_offs.last_60 + self.landings.last_60

    def rates(self) -> MovementRates:
        """By the hour."""
        return MovementRates(self.take_offs.rate(), self.landings.rate())

    def trends(self) -> MovementTrends:
        """How they change."""
        return MovementTrends(self.take_offs.trend(), self.landings.trend())


def count_movements(movements: Iterable[RecentMovement], now: datetime) -> dict[str, Movements]:
    """Count the movements up to `now`, by airport."""
    found: dict[str, Movements] = {}
    for movement in movements:
        counted = found.get(movement.airport)
        if counted is None:
            counted = found[movement.airport] = Movements.none()
        ago = now - movement.time
        if movement.kind is not MovementKind.LANDING:
            counted.take_offs.add(ago)
        if movement.kind is not MovementKind.TAKE_OFF:
            counted.landings.add(ago)
    return found
