"""Sectors as served: who is in each now, and how many are expected within the hour.

Only flights count that the filters let through. For a native thread, as boards are.
"""

from __future__ import annotations

from msgspec import Raw
from msgspec.structs import asdict

from vatwatch.live.answers import SectorAnswer
from vatwatch.live.board_pages import PageQuery, Rank, page
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.board_answers import FeatureHead, ListedPage, board_answer, list_answer
from vatwatch.live.records import Body
from vatwatch.live.sector_records import SectorHead, SectorInList, SectorKey, SectorLoad, SectorNow
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.sector_loads import expected_loads
from vatwatch.traffic.sector_warnings import NO_LEVELS, ReachedLevel, WarningLevels

NO_SECTORS = (
    "No sector is known: set VATWATCH_SECTORS to GeoJSON files of sectors, and "
    "VATWATCH_POSITIONS_DATA to files with the boundaries of FIRs; see /api/config."
)
# Each is an alert. Who sets a level that more of them reach has set it too low.
MAX_OVER = 50


class SectorViews:
    """Of one live state."""

    def __init__(
        self, state: NetworkState, areas: KnownAreas, levels: WarningLevels = NO_LEVELS
    ) -> None:
        """`state` is the live one: with a time."""
        assert state.time is not None
        self.time = state.time
        shown = {flight.flight_id: flight for flight in state.flights.values() if flight.shown}
        self._map, self._levels = areas.sector_map, levels
        self._numbers = {
            SectorKey(sector.kind, sector.name): number
            for number, sector in enumerate(self._map.sectors)
        }
        self._inside: dict[SectorKey, list[str]] = {key: [] for key in self._numbers}
        for stay in state.stays.values():
            key, flight = SectorKey(stay.kind, stay.sector), shown.get(stay.flight_id)
            # Other areas may be in use since the snapshot.
            if flight is not None and key in self._inside:
                self._inside[key].append(flight.pilot.callsign)
        self._expected = expected_loads(shown.values(), self._map, self.time)
        self._most = self._expected.loads.max(axis=0)
        self._areas = areas
        self._whole: dict[AnswerFormat, Body] = {}

    @property
    def keys(self) -> tuple[SectorKey, ...]:
        """All sectors."""
        return tuple(self._numbers)

    def listed(
        self, query: PageQuery, kind: str = "", wanted: AnswerFormat = AnswerFormat.JSON
    ) -> Body:
        """A page of the list, of one kind if it is named. Sectors in which nobody is are in it
        too."""
        plain = query == PageQuery() and not kind
        if plain and wanted in self._whole:
            return self._whole[wanted]
        ranks = {self._rank(key): key for key in self._numbers if kind in ("", key.kind)}
        shown, total, cursor = page(ranks, query)
        body = list_answer(
            self.time,
            "sectors",
            [self._in_list(ranks[rank]) for rank in shown],
            ListedPage(total, cursor, "" if self._numbers else NO_SECTORS),
            wanted,
            record=SectorInList,
            shown=self._shown,
        )
        if plain:
            self._whole[wanted] = body
        return body

    def one(self, key: SectorKey, wanted: AnswerFormat = AnswerFormat.JSON) -> Body | None:
        """One sector; None if there is none of this name."""
        if key not in self._numbers:
            return None
        loads = self._expected.loads[:, self._numbers[key]].tolist()
        sector = SectorNow(
            **asdict(self._head(key)),
            now=sorted(self._inside[key]),
            expected=[
                SectorLoad(time, load)
                for time, load in zip(self._expected.times(), loads, strict=True)
            ],
        )
        return board_answer(self.time, sector, wanted, answer=SectorAnswer, shown=self._shown)

    def over(self) -> tuple[ReachedLevel, ...]:
        """Those that have reached their warning level, or will within the hour: the busiest first,
        and no more than `MAX_OVER`."""
        found = [reached for key in self._numbers if (reached := self._reached(key)) is not None]
        found.sort(key=lambda each: (-max(each.load, each.expected), each.name, each.kind))
        return tuple(found[:MAX_OVER])

    def _reached(self, key: SectorKey) -> ReachedLevel | None:
        number = self._numbers[key]
        level = self._levels.of(self._map.sectors[number])
        load, most = len(self._inside[key]), int(self._most[number])
        if level is None or max(load, most) < level:
            return None
        first = int(self._expected.loads[:, number].argmax())
        at = self._expected.times()[first]
        return ReachedLevel(key.kind, key.name, level, load, most, at)

    def _rank(self, key: SectorKey) -> Rank:
        most = int(self._most[self._numbers[key]])
        return Rank(-len(self._inside[key]), -most, f"{key.name}|{key.kind}")

    def _in_list(self, key: SectorKey) -> SectorInList:
        most = int(self._most[self._numbers[key]])
        return SectorInList(**asdict(self._head(key)), expected_most=most)

    def _shown(self, sector: SectorHead) -> FeatureHead:
        # A FIR and a sector may have one name.
        shape = self._areas.shape(sector.kind, sector.name)
        return FeatureHead(f"{sector.kind}/{sector.name}", Raw(shape))

    def _head(self, key: SectorKey) -> SectorHead:
        sector = self._map.sectors[self._numbers[key]]
        return SectorHead(
            sector.name,
            sector.kind,
            sector.floor_ft,
            sector.ceiling_ft,
            len(self._inside[key]),
            ", ".join(dict.fromkeys(part.source for part in sector.volumes)),
            ", ".join(dict.fromkeys(part.cycle for part in sector.volumes)),
            self._levels.of(sector),
        )
