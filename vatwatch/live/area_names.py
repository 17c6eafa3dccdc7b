"""What areas are called: what filters by area can name."""

from __future__ import annotations

from typing import NamedTuple

from vatwatch.traffic.areas.known_areas import KnownAreas


class AreaNames(NamedTuple):
    """Ids of FIRs and names of sectors, sorted. None: files name some, and none has been read yet,
    so nobody can say which there are."""

    firs: tuple[str, ...] | None
    """Of approach units, too: a controller may work one."""
    sectors: tuple[str, ...] | None


def names_of(areas: KnownAreas, *, positions_are_given: bool, sectors_are_given: bool) -> AreaNames:
    """What the areas in use are called. `..._are_given`: whether the operator names such files."""
    firs, sectors = tuple(sorted(areas.areas)), areas.sector_names
    return AreaNames(
        None if not firs and positions_are_given else firs,
        None if not sectors and sectors_are_given else sectors,
    )
