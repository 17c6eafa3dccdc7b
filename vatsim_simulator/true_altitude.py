"""How high aircraft really are: levels are flown by the standard pressure, not by the day's."""

from __future__ import annotations

from math import cos, radians, sin

from vatsim_simulator.flight import Fix
from vatsim_simulator.stamps import TICKS_PER_S


def true_altitude_ft(fix: Fix, now: int) -> float:
    """Above the sea, in the weather of the moment."""
    return fix.altitude_ft + above_level_ft(fix, round(qnh_hpa(fix.latitude, fix.longitude, now)))


def above_level_ft(fix: Fix, hpa: int) -> float:
    """How much higher than the level that is flown."""
    return fix.altitude_ft * (hpa - 1013) * 0.0004


def qnh_hpa(latitude: float, longitude: float, now: int) -> float:
    """The weather: highs and lows that drift eastwards, 985 to 1040 hPa."""
    hours = now / TICKS_PER_S / 3600
    return (
        1012.5
        + 17 * sin(radians(latitude * 5)) * cos(radians(longitude * 4 - hours * 2))
        + 9 * cos(radians(longitude * 7 + latitude * 3 + hours))
    )
