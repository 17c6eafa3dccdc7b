"""Frequencies."""

from __future__ import annotations

from functools import lru_cache

# 199.998 MHz is how the feed says "no frequency".
NO_FREQUENCY_HZ = 199_998_000
GRID_HZ = 5_000
# No radio has a higher frequency, and the database's integer ends there.
MAX_HZ = 10**12


# Of some thousand channels; the bound is for those who send others.
@lru_cache(maxsize=4096)
def frequency_hz(text: str) -> int | None:
    """A controller's frequency in Hz; None for 199.998, which means none yet, and for garbage."""
    try:
        hertz = round(float(text) * 1e6)
    except (ValueError, OverflowError):
        return None
    if not 0 < hertz <= MAX_HZ or hertz == NO_FREQUENCY_HZ:
        return None
    return on_grid_hz(hertz)


def on_grid_hz(frequency: int) -> int:
    """The channel that a radio is on: the nearest multiple of 5 kHz."""
    return (frequency + GRID_HZ // 2) // GRID_HZ * GRID_HZ
