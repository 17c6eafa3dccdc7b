"""A position of a flight, as its track keeps it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Position(Struct, frozen=True, gc=False):
    """Where a flight was: degrees WGS84, feet, knots, degrees true."""

    time: datetime
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None
    heading: int | None
