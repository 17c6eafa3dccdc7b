"""Airports, from the maintained data of the `airportsdata` package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain
from string import ascii_uppercase

import airportsdata
from msgspec import Struct

# Where callsigns of controllers are short, by what stands before: JFK_TWR is KJFK, YYZ_TWR CYYZ.
SHORT_PREFIXES = ("K", "C")


# The package (20260905) has these rows in degrees, minutes and seconds as if they were decimal
# degrees: Brussels at 50.5405 N, which is 50°54'05" N, 22 nm from where its aircraft stand.
IN_MINUTES = frozenset(
    {"EBAW", "EBBE", "EBBL", "EBBR", "EBBX", "EBCI", "EBCV", "EBDT", "EBFN", "EBFS", "EBKT", "EBLG"}
    | {"EBMB", "EBOS", "EBUL", "ELLX"}
)
# These airports moved, and the package has the old place. Degrees and feet of the new one.
MOVED = {"ZPPP": (25.1019, 102.9292, 6_903), "ZGOW": (23.5520, 116.5033, 0)}


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
    airports = {}
    for icao, row in airportsdata.load("ICAO").items():
        latitude, longitude, elevation_ft = row["lat"], row["lon"], round(row["elevation"])
        if icao in IN_MINUTES:
            latitude, longitude = _decimal(latitude), _decimal(longitude)
        elif icao in MOVED:
            latitude, longitude, elevation_ft = MOVED[icao]
        airports[icao] = Airport(
            icao,
            row["iata"],
            row["name"],
            row["city"],
            row["country"],
            latitude,
            longitude,
            elevation_ft,
            row["tz"],
        )
    return airports


def _decimal(degrees: float) -> float:
    """The decimal degrees of 50.5405, which stands for 50°54'05"; all such rows are N and E."""
    whole, rest = f"{degrees:.4f}".split(".")
    return round(int(whole) + int(rest[:2]) / 60 + int(rest[2:]) / 3600, 6)


def similar_airport(given: str) -> str | None:
    """The known code that was probably meant by an unknown one; None if none is similar.

    It is the airport with this IATA code, or with a K or C before it, or whose code differs in one
    letter or has two of them swapped: the first of these.
    """
    airports, code = load_airports(), given.strip().upper()[:6]
    if len(code) == 3:
        by_iata = (each.icao for each in airports.values() if each.iata == code)
        found = next(by_iata, None)
        return found or next((p + code for p in SHORT_PREFIXES if p + code in airports), None)
    places = range(len(code))
    swapped = (code[:i] + code[i + 1 : i + 2] + code[i] + code[i + 2 :] for i in places)
    changed = (code[:i] + c + code[i + 1 :] for i in reversed(places) for c in ascii_uppercase)
    shorter = (code[:i] + code[i + 1 :] for i in places)
    return next((each for each in chain(swapped, shorter, changed) if each in airports), None)


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
