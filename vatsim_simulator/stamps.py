"""The feed's time: whole ticks of 100 ns, as its texts have up to seven digits after the point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

TICKS_PER_S = 10_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ticks(moment: datetime) -> int:
    """The ticks since 1970 of an aware time."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 10


def from_ticks(ticks: int) -> datetime:
    """The aware UTC time, cut to microseconds."""
    return EPOCH + timedelta(microseconds=ticks // 10)


def stamp(ticks: int) -> str:
    """`2025-08-06T06:54:56.0309059Z`: zeros at the end are left out, and the point when all are."""
    second, fraction = divmod(ticks, TICKS_PER_S)
    if not fraction:
        return _to_the_second(second) + "Z"
    return f"{_to_the_second(second)}.{fraction:07d}".rstrip("0") + "Z"


# A snapshot's thousands of times lie in a few dozen seconds.
@lru_cache(maxsize=4096)
def _to_the_second(second: int) -> str:
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
