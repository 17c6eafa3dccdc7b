"""The simulator's centres and airports as the lines of `VATSpy.dat`."""

from __future__ import annotations

from collections.abc import Iterator

from vatsim_simulator.fir_cells import UPPER_REGIONS, Fir, cell_at, fir_of_cell, firs
from vatsim_simulator.places import Centre, places

# Centres that people split: the halves' callsigns have a prefix of their own, and the same area.
SPLIT = {"N": "North", "S": "South"}
SPLIT_FROM_CELLS = 10
_CALLED = {"ED": "Radar", "LO": "Radar", "LS": "Radar", "EK": "Control", "LI": "Radar"}
# A name by which callsigns mean an airport, and are not its code.
_PSEUDO = "LHR|London Heathrow|51.4706|-0.4619|LHR|EG-LON-S|1"


def vatspy_lines() -> list[str]:
    """Every line, without its end."""
    return [
        "; Invented by vatwatch's simulator. None of this is real.",
        "[Countries]",
        *_countries(),
        "",
        "[Airports]",
        ";ICAO|Airport Name|Latitude Decimal|Longitude Decimal|IATA/LID|FIR|IsPseudo",
        *_airports(),
        _PSEUDO,
        "",
        "[FIRs]",
        ";ICAO|NAME|CALLSIGN PREFIX|FIR BOUNDARY",
        *(line for fir in firs() for line in _fir(fir)),
        *_guests(),
        "",
        "[UIRs]",
        *_upper(),
    ]


def _countries() -> Iterator[str]:
    seen: dict[str, str] = {}
    for fir in firs():
        seen.setdefault(fir.fir_id[:2], fir.centre.aerials[0].country)
    for letters, country in seen.items():
        yield f"{country}|{letters}|{_CALLED.get(letters, '')}"


def _airports() -> Iterator[str]:
    known, regions = places(), fir_of_cell()
    aerials = [aerial for centre in known.centres for aerial in centre.aerials]
    every = {
        airport.icao: airport for airport in (*known.hubs, *known.fields, *known.water, *aerials)
    }
    for icao in sorted(every):
        airport = every[icao]
        fir = regions.get(cell_at(airport.latitude, airport.longitude))
        name = "".join(" " if letter in "|;\n" else letter for letter in airport.name)
        place = f"{airport.latitude:.6f}|{airport.longitude:.6f}"
        yield f"{icao}|{name}|{place}|{airport.iata}|{fir.fir_id if fir else ''}|0"


def _fir(fir: Fir) -> Iterator[str]:
    prefix = fir.centre.prefix
    # Where both are the same, the file says it once.
    yield f"{fir.fir_id}|{fir.name}|{'' if prefix == fir.fir_id else prefix}|{fir.fir_id}"
    if len(fir.cells) >= SPLIT_FROM_CELLS and "_" not in prefix:
        for letter, side in SPLIT.items():
            yield f"{fir.fir_id}|{fir.name} {side}|{prefix}_{letter}|{fir.fir_id}"


def _guests() -> Iterator[str]:
    """Centres without a square of their own: they work the region in which their aerials stand."""
    own = {fir.centre.prefix for fir in firs()} | UPPER_REGIONS.keys()
    for centre in places().centres:
        if centre.prefix not in own:
            yield f"{centre.prefix}|{centre.aerials[0].city}||{_region_of(centre).fir_id}"


def _region_of(centre: Centre) -> Fir:
    aerial = centre.aerials[0]
    return fir_of_cell()[cell_at(aerial.latitude, aerial.longitude)]


def _upper() -> Iterator[str]:
    names = {fir.fir_id: fir.name for fir in firs()}
    for prefix, regions in UPPER_REGIONS.items():
        yield f"{prefix}|{names[regions[0]]} Upper|{','.join(regions)}"
