"""Inbound blocks: how many flights will land at an airport in each quarter or half hour to come.

The first block begins with the snapshot. A flight is in the block in which its ETA is, its end
excluded. What lands after the last block is counted apart, and so is what is in the air and cannot
be told when it will land: blocks, later ones, and those without an ETA make up all inbound flights.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from vatwatch.traffic.airport_traffic import AirportUse

AHEAD = timedelta(hours=2)
LENGTHS_MIN = (15, 30)


class Block(Struct, frozen=True, gc=False, rename={"start": "from", "end": "to"}):
    """How many flights land from `start` on and before `end`."""

    start: datetime
    end: datetime
    airborne: int
    not_departed: int


class Inbound(Struct, frozen=True, gc=False):
    """All that are inbound, in blocks."""

    total: int
    airborne: int
    not_departed: int
    blocks: tuple[Block, ...]
    later: int
    without_eta: int


def inbound_blocks(uses: Iterable[AirportUse], now: datetime, minutes: int) -> Inbound:
    """Count inbound flights.

    Args:
        uses: the inbound flights
        now: the time of the snapshot
        minutes: the length of a block, one of `LENGTHS_MIN`
    """
    length = timedelta(minutes=minutes)
    number = AHEAD // length
    airborne, waiting = [0] * number, [0] * number
    total = flying = later = without = 0
    for use in uses:
        total += 1
        flying += use.airborne
        if use.eta is None:
            without += 1
            continue
        block = max((use.eta - now) // length, 0)
        if block >= number:
            later += 1
        elif use.airborne:
            airborne[block] += 1
        else:
            waiting[block] += 1
    blocks = tuple(
        Block(now + each * length, now + (each + 1) * length, airborne[each], waiting[each])
        for each in range(number)
    )
    return Inbound(total, flying, total - flying, blocks, later, without)
