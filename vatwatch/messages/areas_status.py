"""Status of the areas."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class AreaSourceStatus(Struct, frozen=True):
    """A file or an address of areas that is in use; `mended` counts what was wrong with it."""

    setting: str
    name: str
    kind: str  # vatspy, fir, tracon or sector
    cycle: str  # the file's own, or the digest of its content
    areas: int  # of VATSpy.dat: positions
    taken_at: datetime  # wall clock, when this content was first seen
    mended: dict[str, int] = {}
    told: tuple[str, ...] = ()


class AreasStatus(Struct, frozen=True):
    """What is known of areas. `errors` are those of files and addresses that cannot be used now;
    what was good of them before is used."""

    COUNTERS: ClassVar = ("changes", "refused")

    sources: tuple[AreaSourceStatus, ...] = ()  # the first 50
    files: int = 0
    firs: int = 0
    tracons: int = 0
    digest: str = ""
    errors: tuple[str, ...] = ()
    last_error: str = ""
    last_error_at: datetime | None = None  # wall clock
    skipped: int = 0  # files of directories that have nothing of areas
    checked_at: datetime | None = None  # wall clock
    next_check_at: datetime | None = None  # wall clock, of the addresses; null without one
    changes: int = 0
    refused: int = 0
