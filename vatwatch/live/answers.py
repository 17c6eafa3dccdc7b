"""What the API answers with whole collections and lists: the records, and what stands before them.

They are encoded in pieces (`encoding.collection_body`); these types say what comes of it.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from vatwatch.live.board_records import (
    AirportBoard,
    AirportInList,
    ApproachInList,
    FirBoard,
    FirInList,
)
from vatwatch.live.records import LiveAtis, LiveController, LiveFlight, LivePrefile, LiveRadios
from vatwatch.live.sector_records import SectorInList, SectorNow


class CollectionHead(Struct, frozen=True):
    """What stands before the records of a collection."""

    updated_at: datetime | None
    """The snapshot's own time."""
    count: int
    """How many records are in this answer."""


class QueriedHead(CollectionHead, frozen=True, kw_only=True):
    """What stands before the records of a collection that takes questions."""

    total: int
    """How many records match, in this answer and in others."""
    next_cursor: str | None
    """Continues after this page; null: there is no more."""


class PartsAnswer(CollectionHead, frozen=True):
    """With `fields`: as without, but the records have these fields only."""

    total: int
    next_cursor: str | None


class FlightsAnswer(QueriedHead, frozen=True, kw_only=True):
    """Every pilot who is online."""

    flights: list[LiveFlight]


class ControllersAnswer(QueriedHead, frozen=True, kw_only=True):
    """Every controller who is online, observers among them."""

    controllers: list[LiveController]


class AtisAnswer(QueriedHead, frozen=True, kw_only=True):
    """Every ATIS station on the air, and those that have left a short time ago."""

    on_air: int
    """How many stations are on the air."""
    atis: list[LiveAtis]


class PrefilesAnswer(QueriedHead, frozen=True, kw_only=True):
    """Every plan of somebody who is not connected."""

    prefiles: list[LivePrefile]


class TransceiversAnswer(QueriedHead, frozen=True, kw_only=True):
    """The radios of every client that has any."""

    transceivers: list[LiveRadios]


class ListHead(CollectionHead, frozen=True):
    """What stands before the records of a list with pages."""

    total: int
    """How many there are in all pages."""
    next_cursor: str | None
    """Continues after this page; null: there is no more."""


class AirportsAnswer(ListHead, frozen=True):
    """Airports, the busiest first."""

    airports: list[AirportInList]


class AirportBoardsAnswer(ListHead, frozen=True):
    """Airports with the flights of each."""

    airports: list[AirportBoard]


class FirsAnswer(ListHead, frozen=True, kw_only=True):
    """FIRs, the busiest first."""

    firs: list[FirInList]
    note: str | UnsetType = UNSET
    """How to get FIRs, if there are none."""


class ApproachesAnswer(ListHead, frozen=True, kw_only=True):
    """Approach units, those with most stations first."""

    approaches: list[ApproachInList]
    note: str | UnsetType = UNSET
    """How to get approach units, if there are none."""


class SectorsAnswer(ListHead, frozen=True, kw_only=True):
    """FIRs and sectors, the busiest first."""

    sectors: list[SectorInList]
    note: str | UnsetType = UNSET
    """How to get sectors, if there are none."""


class AirportAnswer(AirportBoard, frozen=True, kw_only=True):
    """The board of an airport, and the snapshot's time."""

    updated_at: datetime


class FirAnswer(FirBoard, frozen=True, kw_only=True):
    """The board of a FIR, and the snapshot's time."""

    updated_at: datetime


class SectorAnswer(SectorNow, frozen=True, kw_only=True):
    """A FIR or sector, and the snapshot's time."""

    updated_at: datetime
