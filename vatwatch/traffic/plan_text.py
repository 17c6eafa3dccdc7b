"""What pilots mean by what they file, where it can be told. None where it cannot."""

from __future__ import annotations

import re

# ICAO Doc 4444, Appendix 2, item 15: F flight levels, A hundreds of feet, S and M tens of metres.
_LEVEL = re.compile(r"(?:VFR/?)?(FL|F|A|S|M)?\s*(\d{1,6})")
FEET_PER_METRE = 3.280_84
# The highest that was seen is 61,729 ft; nothing that flies on the network cruises above this.
MAX_CRUISE_FT = 100_000
# A bare number below this is a flight level: nobody cruises at 600 ft, and FL600 is the highest.
BARE_LEVELS_BELOW = 1000


def cruise_altitude_ft(text: str) -> int | None:
    """`35000`, `FL350`, `350`, `F350`, `A045`, `VFR/065` in feet; `VFR`, `0` and nonsense: None."""
    match = _LEVEL.fullmatch(text.strip().upper())
    if match is None:
        return None
    unit, number = match[1], int(match[2])
    if unit in ("S", "M"):
        feet = round(number * 10 * FEET_PER_METRE)
    elif unit is not None or number < BARE_LEVELS_BELOW:
        feet = number * 100 if number < BARE_LEVELS_BELOW else number
    else:
        feet = number
    return feet if 0 < feet <= MAX_CRUISE_FT else None
