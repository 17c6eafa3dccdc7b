"""Live views: answers that are made of the live state only when somebody asks for them.

They are made beside the cache's own work (`OnDemand`), so the live state never waits for them. For
another one: a question in `messages/cache.py`, a case in the cache and in `_find`, and something
that is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, assert_never

import gevent

from vatwatch.actors.on_demand import OnDemand
from vatwatch.actors.service import Service
from vatwatch.actors.traffic_options import warning_levels
from vatwatch.config.areas import AreaSettings
from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.approach_units import ApproachUnits
from vatwatch.live.area_names import AreaNames, names_of
from vatwatch.live.fir_boards import FirBoards
from vatwatch.live.records import Body, as_old_as
from vatwatch.live.sector_records import SectorKey
from vatwatch.live.sector_views import SectorViews
from vatwatch.messages import (
    GetAirport,
    GetAirports,
    GetApproaches,
    GetFir,
    GetFirs,
    GetSector,
    GetSectors,
    ListAreaNames,
    ListFirIds,
    ListSectors,
    LiveChanged,
)
from vatwatch.supervision import NativePool, Reply
from vatwatch.traffic.sector_warnings import ReachedLevel

# A new live state is being encoded and stored just now, and expected loads would take the
# interpreter from that for tens of milliseconds.
LOOK_AFTER_S = 2.0

ViewQuestion: TypeAlias = (
    GetAirports
    | GetAirport
    | GetFirs
    | GetFir
    | GetApproaches
    | ListFirIds
    | GetSectors
    | GetSector
    | ListSectors
    | ListAreaNames
)
ViewAnswer: TypeAlias = Body | tuple[str, ...] | tuple[SectorKey, ...] | AreaNames | None


class LiveViews:
    """Of the cache."""

    def __init__(
        self, cache: Service, settings: AreaSettings, on_reached: Callable[[], None]
    ) -> None:
        """`on_reached`: called when `reached` is of another live state."""
        self._cache = cache
        self._settings, self._levels = settings, warning_levels(settings)
        self._on_reached = on_reached
        self.reached: tuple[ReachedLevel, ...] | None = None
        """The sectors that have reached their warning level; None: nobody has looked yet."""
        self._live: LiveChanged | None = None
        self._look_is_due = False
        self._whole: Body | None = None
        self._pool = NativePool(1, "live views")
        self._boards = OnDemand(self._pool, _boards)
        self._sectors = OnDemand(self._pool, self._make_sectors)

    def show(self, live: LiveChanged, whole: Body) -> None:
        """This is the live state now; views are as old as this collection of it."""
        self._live, self._whole = live, whole
        self._boards.forget()
        self._sectors.forget()
        if self._has_levels(live):
            if not self._look_is_due:
                self._look_is_due = True
                self._cache.spawn(self._look_at_levels)
        elif self.reached != ():
            self.reached = ()
            self._on_reached()

    def use(self, settings: AreaSettings) -> None:
        """These are the settings from now on: the warning levels, and which files are named."""
        self._settings, self._levels = settings, warning_levels(settings)
        if self._live is not None and self._whole is not None:
            self.show(self._live, self._whole)

    def answer(self, question: ViewQuestion, reply: Reply[Any]) -> None:
        """Answer; None if there is no live state. For a greenlet, as it waits."""
        try:
            whole = self._whole
            found = None if self._live is None else self._find(question, self._live)
            if isinstance(found, Body) and whole is not None:
                found = as_old_as(whole, found)
            reply.set(found)
        except Exception as error:  # noqa: BLE001 - a bug of a board must not end the live state
            self._cache.report_failure("make a live view", error)
            reply.fail(error)

    def close(self) -> None:
        """Give the thread back."""
        self._pool.close()

    def _has_levels(self, live: LiveChanged) -> bool:
        return self._levels.are_set or any(one.warning is not None for one in live.areas.volumes)

    def _look_at_levels(self) -> None:
        gevent.sleep(LOOK_AFTER_S)
        self._look_is_due = False
        live = self._live
        if live is None or not self._has_levels(live):
            return
        try:
            reached = self._sectors.read(live, SectorViews.over)
        except Exception as error:  # noqa: BLE001 - as above
            self._cache.report_failure("look at the warning levels", error)
            return
        if self._live is live:
            self.reached = reached
            self._on_reached()

    def _make_sectors(self, live: LiveChanged) -> SectorViews:
        return SectorViews(live.state, live.areas, self._levels)

    def _find(self, question: ViewQuestion, live: LiveChanged) -> ViewAnswer:
        match question:
            case GetAirports(query, wanted):
                return self._boards.read(live, lambda made: made[0].listed(query, wanted))
            case GetAirport(icao, block_min, wanted):
                return self._boards.read(live, lambda made: made[0].one(icao, block_min, wanted))
            case GetFirs(query, wanted):
                return self._boards.read(live, lambda made: made[1].listed(query, wanted))
            case GetFir(fir, block_min, wanted):
                return self._boards.read(live, lambda made: made[1].one(fir, block_min, wanted))
            case GetApproaches(query, wanted):
                return self._boards.read(live, lambda made: made[2].listed(query, wanted))
            case ListFirIds():
                return self._boards.read(live, lambda made: made[1].ids)
            case GetSectors(query, kind, wanted):
                return self._sectors.read(live, lambda made: made.listed(query, kind, wanted))
            case GetSector(key, wanted):
                return self._sectors.read(live, lambda made: made.one(key, wanted))
            case ListSectors():
                return self._sectors.read(live, lambda made: made.keys)
            case ListAreaNames():
                given, sectors = self._settings.positions_data, self._settings.sectors
                return names_of(
                    live.areas,
                    positions_are_given=bool(given),
                    sectors_are_given=bool(sectors),
                )
            case _:
                assert_never(question)


def _boards(live: LiveChanged) -> tuple[AirportBoards, FirBoards, ApproachUnits]:
    boards = AirportBoards(live.state, live.areas)
    return boards, FirBoards(boards), ApproachUnits(boards)
