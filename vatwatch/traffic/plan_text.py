"""What pilots mean by the levels, speeds and times that they file. None where it cannot be told.

Each function takes the text as it was filed and reads it in the forms of ICAO Doc 4444, Appendix 2,
items 13, 15, 16 and 19, and in those that were seen in the feed. A form that could mean two things
means nothing here: `82` may be 82 knots or Mach 0.82.
"""

from __future__ import annotations

import re
from datetime import UTC, time, timedelta
from functools import lru_cache

from vatwatch.traffic.thresholds import threshold

# --- levels --------------------------------------------------------------------------------------

# Item 15: F and FL flight levels, A hundreds of feet, S and M tens of metres (four digits). Pilots
# also write feet after FL and A, `VFR/` before a level, and levels without a letter.
_LEVEL = re.compile(r"(?:VFR[/ ]?)?(FL|F|A)? ?([0-9]{3,6})|(?:VFR[/ ]?)?([SM]) ?([0-9]{4})")
FEET_PER_METRE = 3.280_84
MAX_CRUISE_FT = threshold(
    99_999,
    "ft",
    "Six digits are a level or feet with digits too many; the highest that was seen is 61,729 ft.",
    "41 captures of the feed",
)
BARE_LEVELS_BELOW = threshold(
    1_000,
    "",
    "A bare number below this is a flight level: few cruise at 600 ft, and FL600 is the highest.",
)
LEVELS_AS_FEET_FROM = threshold(
    10_000,
    "ft",
    "After F or FL, four digits may be feet or a level with a digit too many; five can only be "
    "feet.",
)


@lru_cache(maxsize=8_192)
def cruise_altitude_ft(text: str) -> int | None:
    """`35000`, `FL350`, `350`, `F350`, `A045`, `S1130`, `VFR/065` in feet; `VFR`, `0`: None."""
    match = _LEVEL.fullmatch(text.strip().upper())
    if match is None:
        return None
    if match[3]:
        feet = round(int(match[4]) * 10 * FEET_PER_METRE)
    else:
        feet = int(match[2])
        if feet < BARE_LEVELS_BELOW:
            feet *= 100
        elif match[1] in ("F", "FL") and feet < LEVELS_AS_FEET_FROM:
            return None
    return feet if 0 < feet <= MAX_CRUISE_FT else None


# --- speeds --------------------------------------------------------------------------------------

# Item 15: N knots and K km/h with four digits, M hundredths of Mach with three. The feed mostly has
# bare knots. `M.78`, `0.78` and `.78` are Mach as people write it.
_SPEED = re.compile(
    r"N? ?(?P<knots>[0-9]{2,4}) ?(?P<unit>KTS?)?|K(?P<kmh>[0-9]{3,4})"
    r"|M(?P<hundredths>[0-9]{2,3})|M?(?P<mach>[0-9]?\.[0-9]{1,3})"
)
KMH_PER_KNOT = 1.852
MIN_CRUISE_KT = threshold(20, "kt", "An airship does 30; less is a mistake.")
MAX_CRUISE_KT = threshold(
    2_500, "kt", "The fastest in the feed was 1,636 kt; much more is a mistake.", "41 captures"
)
SLOW_AIRCRAFT_BELOW_FT = threshold(
    18_000,
    "ft",
    "Bare numbers below 100 are knots below this level; above it they may be hundredths of Mach "
    "(`82` of an A339 at 32,000 ft), as nothing flies so slowly there.",
    "captures: ten of ten at FL290 and above were Mach",
)
AMBIGUOUS_FROM_KT = threshold(
    700,
    "kt",
    "Bare numbers from here may be km/h (830), thousandths of Mach (850) or a fighter's knots.",
    "captures: twelve airliners with 820 to 924",
)
AMBIGUOUS_BELOW_KT = threshold(
    1_000, "kt", "Bare numbers from here on are supersonic: Concorde's 1,000 to 1,160.", "captures"
)

# The international standard atmosphere (ICAO Doc 7488): kelvins, kelvins a foot, knots.
_SEA_LEVEL_K, _LAPSE_K_FT, _TROPOPAUSE_FT = 288.15, 0.0019812, 36_089
_SOUND_AT_SEA_LEVEL_KT = 661.48


def cruise_tas_kt(text: str, altitude_ft: int | None = None) -> int | None:
    """`N0450`, `450`, `450KT`, `K0830`, `M078`, `0.78` in knots of true air speed.

    Mach needs the filed level, which tells the speed of sound in the standard atmosphere. A bare
    number that may be Mach or km/h is None.

    Args:
        text: as filed
        altitude_ft: the filed level, None if unknown
    """
    match = _SPEED.fullmatch(text.strip().upper())
    if match is None:
        return None
    if match["knots"]:
        knots = float(match["knots"])
        if not match["unit"] and match[0][0] != "N" and _may_be_another_unit(knots, altitude_ft):
            return None
    elif match["kmh"]:
        knots = int(match["kmh"]) / KMH_PER_KNOT
    elif altitude_ft is None:
        return None
    else:
        mach = float(match["mach"]) if match["mach"] else int(match["hundredths"]) / 100
        knots = mach * sound_kt(altitude_ft)
    return round(knots) if MIN_CRUISE_KT <= knots <= MAX_CRUISE_KT else None


def _may_be_another_unit(number: float, altitude_ft: int | None) -> bool:
    if number < 100:
        return altitude_ft is not None and altitude_ft > SLOW_AIRCRAFT_BELOW_FT
    return AMBIGUOUS_FROM_KT <= number < AMBIGUOUS_BELOW_KT


def sound_kt(altitude_ft: float) -> float:
    """The speed of sound in the standard atmosphere, as far up as 65,000 ft."""
    kelvins = _SEA_LEVEL_K - _LAPSE_K_FT * min(altitude_ft, _TROPOPAUSE_FT)
    return _SOUND_AT_SEA_LEVEL_KT * float((kelvins / _SEA_LEVEL_K) ** 0.5)


# --- times ---------------------------------------------------------------------------------------

_HOURS_AND_MINUTES = re.compile(r"([0-9]{2}):?([0-5][0-9])")
LONGEST_FILED_H = threshold(
    48, "h", "The longest flights last 19 hours, some slow ones a day and a half; 7400 was filed."
)


def time_of_day(text: str) -> time | None:
    """`1230`, `12:30` or `1230Z` as a time of day in UTC; `2400` and `5772193`: None."""
    match = _HOURS_AND_MINUTES.fullmatch(text.strip().upper().removesuffix("Z"))
    if match is None or int(match[1]) > 23:
        return None
    return time(int(match[1]), int(match[2]), tzinfo=UTC)


def duration(text: str) -> timedelta | None:
    """`0130` or `01:30` as a duration; `0000`, `0499`, `7400` and other lengths: None."""
    match = _HOURS_AND_MINUTES.fullmatch(text.strip())
    if match is None:
        return None
    lasts = timedelta(hours=int(match[1]), minutes=int(match[2]))
    return lasts if timedelta() < lasts <= timedelta(hours=LONGEST_FILED_H) else None
