"""The airline of a callsign: the letters before its first digit, as in `BAW` of `BAW57M`.

A callsign without a digit names no airline: most of those are registrations (`GHPVT`). Private
aircraft with digits have one of a few letters (`N` of `N172SP`), which no airline has.
"""

from __future__ import annotations

import re

_AIRLINE = re.compile(r"([A-Z]+)[0-9]", re.ASCII)


def airline_of(callsign: str) -> str | None:
    """In capitals; None if there is none."""
    found = _AIRLINE.match(callsign.upper())
    return None if found is None else found[1]
