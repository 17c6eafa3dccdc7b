"""Reads `VATSpy.dat`: which prefix of a callsign works which flight information region.

The file has sections, `[FIRs]` among them, with one row a line and `|` between its fields; a
semicolon begins a comment. A row that cannot be read costs itself, and is told.
"""

from __future__ import annotations

from msgspec import Struct

# What a centre is called where the file says nothing.
CENTRE = "Centre"
# The names of what cannot be read that are told; all of it is counted.
TOLD_ROWS = 20


class FirRow(Struct, frozen=True, gc=False):
    """One position of a FIR: `EDGG-K` works the area `EDGG-KTG` as `EDGG_KTG_CTR`."""

    fir: str
    name: str
    prefix: str
    """Of the callsign, with its infix; where the file has none, the FIR's own id."""
    area: str
    """Id of its boundary."""


class Uir(Struct, frozen=True, gc=False):
    """An upper region: several FIRs, worked together."""

    uir: str
    name: str
    firs: tuple[str, ...]


class NamedAirport(Struct, frozen=True, gc=False):
    """An airport, or a name by which callsigns mean one (`is_pseudo`): degrees WGS84."""

    icao: str
    name: str
    latitude: float
    longitude: float
    local_code: str
    """Also an IATA code; may be empty."""
    fir: str
    is_pseudo: bool


class VatspyFile(Struct, frozen=True):
    """What the file says."""

    called: dict[str, str]
    """What a centre is called, by the first two letters of its id: `Radar`, `Control`."""
    airports: tuple[NamedAirport, ...]
    firs: tuple[FirRow, ...]
    uirs: tuple[Uir, ...]
    unreadable: int = 0
    """Rows that could not be read."""
    told: tuple[str, ...] = ()
    """The first of them: line number and what is wrong."""


def read_vatspy(data: bytes, name: str) -> VatspyFile:
    """Read the file.

    Args:
        data: its content; UTF-8, and a byte that is not is replaced
        name: for the errors

    Raises:
        ValueError: it has no row under `[FIRs]`, so it is another file, or a broken one
    """
    called: dict[str, str] = {}
    airports: list[NamedAirport] = []
    firs: list[FirRow] = []
    uirs: list[Uir] = []
    wrong: list[str] = []

    section = ""
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        text = line.partition(";")[0].strip()
        if text.startswith("["):
            section = text.strip("[]").casefold()
        if not text or text.startswith("["):
            continue
        fields = [field.strip() for field in text.split("|")]
        try:
            match section:
                case "countries":
                    _country, letters, centre = fields[:3]
                    called.setdefault(letters.upper(), centre or CENTRE)
                case "airports":
                    airports.append(_airport(fields))
                case "firs":
                    firs.append(_fir(fields))
                case "uirs":
                    uirs.append(_uir(fields))
        except (ValueError, IndexError) as error:
            wrong.append(f"line {number}: {error}")
    if not firs:
        raise ValueError(f"{name} has no FIR: it is not in the form of VATSpy.dat")
    return VatspyFile(
        called, tuple(airports), tuple(firs), tuple(uirs), len(wrong), tuple(wrong[:TOLD_ROWS])
    )


def _fir(fields: list[str]) -> FirRow:
    fir, name, prefix, area = fields[:4]
    if not fir or not area:
        raise ValueError("a FIR without id or boundary")
    return FirRow(fir.upper(), name, (prefix or fir).upper(), area.upper())


def _uir(fields: list[str]) -> Uir:
    uir, name, firs = fields[:3]
    if not uir or not firs:
        raise ValueError("a UIR without id or FIRs")
    return Uir(uir.upper(), name, tuple(fir.strip().upper() for fir in firs.split(",")))


def _airport(fields: list[str]) -> NamedAirport:
    icao, name, latitude, longitude, local_code, fir, pseudo = fields[:7]
    place = float(latitude), float(longitude)
    if not icao or not (abs(place[0]) <= 90 and abs(place[1]) <= 180):
        raise ValueError("an airport without code or place")
    return NamedAirport(
        icao.upper(), name, *place, local_code.upper(), fir.upper(), is_pseudo=pseudo == "1"
    )
