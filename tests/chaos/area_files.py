"""The files of areas that the service is given: those of the simulator's world."""

from __future__ import annotations

from pathlib import Path

from vatsim_simulator.areas import (
    BOUNDARIES,
    POSITIONS_DATA,
    SECTORS,
    TRACONS,
    VATSPY,
    area_files,
)
from vatwatch.traffic.areas.given_file import AreaSetting, read_given
from vatwatch.traffic.areas.known_areas import KnownAreas, known_areas

# So that an address of areas is asked while there are faults.
CHECK_S = 3


def area_paths(directory: Path) -> list[Path]:
    """Those that are given as files: all that stays are made of, so that they are there from the
    first snapshot on. VATSpy.dat is given as an address."""
    return [directory / name for name in (BOUNDARIES, TRACONS, *SECTORS)]


def area_settings(directory: Path, *, vatspy: str = "") -> dict[str, str]:
    """The settings that give them, with an address of VATSpy.dat, or its file."""
    boundaries, tracons, *sectors = map(str, area_paths(directory))
    return {
        "VATWATCH_POSITIONS_DATA": ",".join(
            (boundaries, tracons, vatspy or str(directory / VATSPY))
        ),
        "VATWATCH_SECTORS": ",".join(sectors),
        "VATWATCH_AREAS_CHECK_HOURS": f"{CHECK_S / 3600:.6f}",
    }


def all_areas() -> KnownAreas:
    """What is in them."""
    given = [(name, AreaSetting.POSITIONS) for name in POSITIONS_DATA]
    given += [(name, AreaSetting.SECTORS) for name in SECTORS]
    return known_areas([read_given(area_files()[name], name, setting) for name, setting in given])
