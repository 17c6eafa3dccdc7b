"""What the API serves of sectors: FIRs and the operator's sectors."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class SectorKey(Struct, frozen=True, order=True):
    """What tells a sector from all others."""

    kind: str
    """`fir` or `sector`."""
    name: str


class SectorLoad(Struct, frozen=True, gc=False):
    """How many aircraft are expected at a moment."""

    time: datetime
    load: int


class SectorHead(Struct, frozen=True, gc=False):
    """What the list and the answer of one sector have in common."""

    name: str
    kind: str
    """`fir` or `sector`."""
    floor_ft: int | None
    """Of several parts the lowest; null: the ground."""
    ceiling_ft: int | None
    """Of several parts the highest; null: none."""
    load: int
    """How many flights are in it now."""
    source: str
    """The file; of several, separated by commas."""
    cycle: str
    """What the file calls its version, else its digest."""
    warning: int | None
    """The load from which on there is an alert; null: there is none."""


class SectorInList(SectorHead, frozen=True, gc=False):
    """A sector in the list."""

    expected_most: int
    """The highest load that is expected within the hour."""


class SectorNow(SectorHead, frozen=True, gc=False):
    """A sector, with who is in it."""

    now: list[str]
    """Callsigns, sorted."""
    expected: list[SectorLoad]
