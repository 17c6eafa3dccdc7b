"""Airports, from the maintained data of the `airportsdata` package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import airportsdata
from msgspec import Struct

# Where callsigns of controllers are short, by what stands before: JFK_TWR is KJFK, YYZ_TWR CYYZ.
SHORT_PREFIXES = ("K", "C")


class Airport(Struct, frozen=True, gc=False):
    """One airport: degrees WGS84, feet."""

    icao: str
    iata: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    elevation_ft: int
    timezone: str


@cache
def load_airports() -> dict[str, Airport]:
    """Every airport by its ICAO location indicator. Read once; seventy milliseconds."""
    return {
        icao: Airport(
            icao,
            row["iata"],
            row["name"],
            row["city"],
            row["country"],
            row["lat"],
            row["lon"],
            round(row["elevation"]),
            row["tz"],
        )
        for icao, row in airportsdata.load("ICAO").items()
    }


def airport_of(callsign: str, airports: Mapping[str, Airport]) -> Airport | None:
    """The airport in a controller's callsign (`EGKK_T_GND`, `JFK_TWR`), if it is one."""
    prefix = callsign.split("_", 1)[0]
    if prefix in airports:
        return airports[prefix]
    if len(prefix) == 3:
        for letter in SHORT_PREFIXES:
            if letter + prefix in airports:
                return airports[letter + prefix]
    return None
