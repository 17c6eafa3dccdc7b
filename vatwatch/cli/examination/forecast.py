"""When a disk will be full, from how fast things on it grow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Growth:
    """Something that grows evenly until it has reached its bound. Sizes are bytes."""

    name: str
    per_day: float
    most: float | None = None
    """How much it may still grow; None: without end."""


def days_until_full(free: float, growths: Sequence[Growth]) -> float | None:
    """After how many days `free` bytes are used up; None if that never happens."""
    days = 0.0
    growing = [one for one in growths if one.per_day > 0 and (one.most is None or one.most > 0)]
    # Each turn lasts until the disk is full, or the next one has reached its bound.
    while growing:
        rate = sum(one.per_day for one in growing)
        ends = [one.most / one.per_day for one in growing if one.most is not None]
        step = min([free / rate, *ends])
        days += step
        if step == free / rate:
            return days
        free -= rate * step
        growing = [
            replace(one, most=None if one.most is None else one.most - one.per_day * step)
            for one in growing
            if one.most is None or one.most / one.per_day > step
        ]
    return None
