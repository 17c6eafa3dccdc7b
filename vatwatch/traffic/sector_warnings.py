"""Which FIRs and sectors have reached their warning level, or will within the hour.

A level is a number of aircraft. For a sector that the operator names it is the one that is set for
it; else that of the sector's file, else that of all. What is expected counts as what is there now:
an alert an hour ahead is the one that can be acted upon.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from vatwatch.traffic.areas.sector_map import AirspaceSector


class WarningLevels(Struct, frozen=True):
    """What the operator has set. None: no level."""

    of_all: int | None = None
    named: Mapping[str, int | None] = {}
    """By the sector's or the FIR's name, in small letters."""

    def of(self, sector: AirspaceSector) -> int | None:
        """The level of a sector."""
        name = sector.name.casefold()
        if name in self.named:
            return self.named[name]
        return self.of_all if sector.warning is None else sector.warning

    @property
    def are_set(self) -> bool:
        """Whether any sector may have one but for its file."""
        return self.of_all is not None or any(self.named.values())


NO_LEVELS = WarningLevels()


class ReachedLevel(Struct, frozen=True):
    """A sector that has reached its level, or will."""

    kind: str
    name: str
    level: int
    load: int
    """Now."""
    expected: int
    """The highest load within the hour."""
    at: datetime
    """When: the first moment with it."""
