"""Reads floors and ceilings as people write them in files of sectors.

In feet above sea level: a number is feet, and so is a text of digits, with or without `ft`. A
flight level says so: `FL245`, `F245`, `FL 245`. Metres say so: `3000 m`. `GND`, `SFC` and `MSL` are
the ground, `UNL` has no bound. A height above the ground (`AGL`) is taken as one above the sea, as
nothing here knows the ground. In openAIP's form a level is an object: `{"value": 245, "unit": 6}`.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

FEET_OF_A_LEVEL = 100
FEET_OF_A_METRE = 1 / 0.3048
_GROUND = frozenset({"GND", "GROUND", "SFC", "SURFACE", "MSL", "AMSL", "AGL"})
_UNBOUNDED = frozenset({"", "UNL", "UNLIM", "UNLIMITED", "UNLTD", "NONE", "NULL"})
# By openAIP's numbers, https://docs.openaip.net: metres, feet, flight level.
_UNITS: dict[object, float] = {0: FEET_OF_A_METRE, 1: 1, 6: FEET_OF_A_LEVEL}
_UNITS |= {"m": FEET_OF_A_METRE, "ft": 1, "fl": FEET_OF_A_LEVEL, "std": FEET_OF_A_LEVEL}
_TEXT = re.compile(
    r"(?P<level>FL|F)?\s*(?P<number>-?\d+(?:[ ,']\d{3})*(?:\.\d+)?)\s*"
    r"(?P<unit>FT|FEET|FL|M|MTR|METRES|METERS)?\s*(?:A?MSL|AGL|ALT|STD|GND|SFC)?",
    re.IGNORECASE | re.ASCII,
)


def read_level(said: Any) -> int | None:
    """A floor or a ceiling in feet above sea level; None: it has no bound.

    Raises:
        ValueError: nobody can tell what it means
    """
    if said is None:
        return None
    if isinstance(said, dict):
        return _in_units(said)
    if isinstance(said, bool):
        raise ValueError(f"{said} is not a level")  # noqa: TRY004 - a value of the file
    if isinstance(said, int | float):
        return _feet(said)
    text = " ".join(str(said).split()).upper()
    if text in _UNBOUNDED:
        return None
    if text in _GROUND:
        return 0
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{str(said)[:40]!r} is not a level")
    number = float(re.sub("[ ,']", "", found["number"]))
    unit = found["unit"] or ""
    if found["level"] or unit == "FL":
        return _feet(number * FEET_OF_A_LEVEL)
    return _feet(number * FEET_OF_A_METRE if unit.startswith("M") else number)


def _in_units(said: dict[Any, Any]) -> int | None:
    value, unit = said.get("value"), said.get("unit", 1)
    if isinstance(value, str):
        return read_level(value)
    unit = unit.lower() if isinstance(unit, str) else unit
    if not isinstance(value, int | float) or isinstance(value, bool) or unit not in _UNITS:
        raise ValueError(f"{str(said)[:40]} is not a level")
    return _feet(value * _UNITS[unit])


def _feet(number: float) -> int:
    if not isfinite(number) or abs(number) > 1_000_000:
        raise ValueError(f"{number} ft is not a level")
    return round(number)
