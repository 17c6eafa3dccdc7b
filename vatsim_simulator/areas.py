"""The areas of the simulator's world as files, in the forms in which the community keeps real ones.

    VATSpy.dat                  centres, upper regions, airports with their region (VATSpy's form)
    Boundaries.geojson          the regions' boundaries (VATSpy's form)
    TRACONBoundaries.geojson    approach units (SimAware's form)
    sectors-low.geojson         sectors: polygons with `name`, `floor` and `ceiling` in feet
    sectors-high.geojson
    sectors-wide.geojson

All of it is invented, and the same each time. `faulty=True` gives the files the faults of real
ones (`area_faults`), which a reader should mend, without another area or sector.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from vatsim_simulator.area_faults import spoil_boundaries, spoil_sectors, spoil_vatspy
from vatsim_simulator.area_shapes import multi_polygon, squares
from vatsim_simulator.fir_cells import Fir, firs
from vatsim_simulator.places import callsign_prefix
from vatsim_simulator.sectors import sectors
from vatsim_simulator.tracons import tracons
from vatsim_simulator.vatspy_rows import vatspy_lines

VATSPY, BOUNDARIES, TRACONS = "VATSpy.dat", "Boundaries.geojson", "TRACONBoundaries.geojson"
SECTORS = tuple(f"sectors-{kind}.geojson" for kind in ("low", "high", "wide"))
POSITIONS_DATA = (VATSPY, BOUNDARIES, TRACONS)


@cache
def area_files(*, faulty: bool = False) -> dict[str, bytes]:
    """Every file by its name."""
    boundaries = [feature for fir in firs() for feature in _boundaries(fir)]
    lines = vatspy_lines()
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for sector in sectors():
        by_kind.setdefault(sector.kind, []).append(
            _feature(
                multi_polygon(sector.shape),
                name=sector.name,
                floor=sector.floor_ft,
                ceiling=sector.ceiling_ft,
            )
        )
    if faulty:
        lines, boundaries = spoil_vatspy(lines), spoil_boundaries(boundaries)
        by_kind = {kind: spoil_sectors(features) for kind, features in by_kind.items()}
    files = {
        VATSPY: "".join(f"{line}\n" for line in lines).encode(),
        BOUNDARIES: _collection(boundaries),
        TRACONS: _collection(_tracons()),
    }
    for kind, features in by_kind.items():
        files[f"sectors-{kind}.geojson"] = _collection(features)
    return files


def write_areas(directory: Path, *, faulty: bool = False) -> None:
    """Write every file. Raises OSError if that fails."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in area_files(faulty=faulty).items():
        (directory / name).write_bytes(content)


def _boundaries(fir: Fir) -> list[dict[str, Any]]:
    both = [("0", fir.cells), ("1", fir.ocean)]
    return [
        _feature(multi_polygon(squares(cells)), id=fir.fir_id, oceanic=oceanic, region="Invented")
        for oceanic, cells in both
        if cells
    ]


def _tracons() -> list[dict[str, Any]]:
    found = []
    for unit in tracons():
        first = unit.airports[0]
        called = "Departure" if unit.suffix == "DEP" else "Approach"
        found.append(
            _feature(
                multi_polygon(unit.shape),
                id=unit.tracon_id,
                prefix=[callsign_prefix(airport) for airport in unit.airports],
                suffix=unit.suffix,
                name=f"{first.city or first.icao} {called}",
            )
        )
    return found


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    said = {name: value for name, value in properties.items() if value is not None}
    return {"type": "Feature", "properties": said, "geometry": geometry}


def _collection(features: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})
