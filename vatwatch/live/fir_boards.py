"""Boards of FIRs: the traffic over a FIR, and that of its airports together.

Made of the boards of the airports. A flight that departs from one airport of the FIR and is bound
for another one is in both lists, and is one of its `flights`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec
from msgspec import Raw
from msgspec.structs import asdict

from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.answers import FirAnswer
from vatwatch.live.board_pages import PageQuery, Rank, page
from vatwatch.live.board_parts import Prefiles, board_flight, stations_by_area, total_prefiles
from vatwatch.live.board_records import (
    AirportOfFir,
    BoardFlight,
    BoardStation,
    FirBoard,
    FirHead,
    FirInList,
)
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.board_answers import FeatureHead, ListedPage, board_answer, list_answer
from vatwatch.live.records import Body
from vatwatch.traffic.airport_traffic import AirportUse, away_nm, in_order
from vatwatch.traffic.areas.volumes import FIR
from vatwatch.traffic.inbound_blocks import inbound_blocks
from vatwatch.traffic.movement_rates import Movements

NO_FIRS = (
    "No FIR is known: set VATWATCH_POSITIONS_DATA to the files or addresses of VATSpy.dat and its "
    "boundaries; see /api/config."
)

# A flight, and the airport by which it is on the board; None: it flies over the FIR.
Listed = tuple[AirportUse, str | None]


class FirTraffic(msgspec.Struct):
    """The flights of one FIR."""

    airports: list[str] = []
    """Those with traffic, the busiest first."""
    airborne: list[Listed] = []
    departures: list[Listed] = []
    inbound: list[Listed] = []
    on_ground: list[Listed] = []

    def flights(self) -> int:
        """How many different ones."""
        every = (*self.airborne, *self.departures, *self.inbound, *self.on_ground)
        return len({use.flight.flight_id for use, _ in every})


class FirBoards:
    """Of one live state."""

    def __init__(self, boards: AirportBoards) -> None:
        self._boards = boards
        self._areas = {
            area.area_id: area for area in boards.areas.areas.values() if area.kind == "fir"
        }
        self._traffic: dict[str, FirTraffic] = {}
        self._whole: dict[tuple[int, AnswerFormat], Body] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """All FIRs that the files have."""
        return tuple(sorted(self._areas))

    def listed(self, query: PageQuery, wanted: AnswerFormat = AnswerFormat.JSON) -> Body:
        """A page of the list. FIRs in which nothing is are in it too."""
        plain, key = query == PageQuery(block_min=query.block_min), (query.block_min, wanted)
        if plain and key in self._whole:
            return self._whole[key]
        ids = sorted(query.ids & self._areas.keys()) if query.ids else self.ids
        shown, total, cursor = page([self._rank(fir) for fir in ids], query)
        body = list_answer(
            self._boards.time,
            "firs",
            [self._in_list(rank.id, query.block_min) for rank in shown],
            ListedPage(total, cursor, "" if self._areas else NO_FIRS),
            wanted,
            record=FirInList,
            shown=self._shown,
        )
        if plain:
            self._whole[key] = body
        return body

    def one(
        self, fir: str, block_min: int, wanted: AnswerFormat = AnswerFormat.JSON
    ) -> Body | None:
        """The board of a FIR; None if the files do not have it."""
        if fir not in self._areas:
            return None
        found, boards = self.traffic_of(fir), self._boards
        at = {use.flight.flight_id: icao for use, icao in found.inbound}
        board = FirBoard(
            **asdict(self._head(fir, found, block_min)),
            airborne=_flights(sorted(found.airborne, key=_who)),
            departures=_flights(sorted(found.departures, key=_away)),
            arrivals=[
                board_flight(use, at[use.flight.flight_id])
                for use in in_order(use for use, _ in found.inbound)
            ],
            on_ground=_flights(sorted(found.on_ground, key=_who)),
            airports=[self._airport(icao) for icao in found.airports],
        )
        return board_answer(boards.time, board, wanted, answer=FirAnswer, shown=self._shown)

    def traffic_of(self, fir: str) -> FirTraffic:
        """Its flights, in no particular order: the list only counts them."""
        known = self._traffic.get(fir)
        if known is None:
            known = self._traffic[fir] = self._gather(fir)
        return known

    def airports_of(self, fir: str) -> Sequence[str]:
        """The codes of its airports with traffic, or plans."""
        return self._airports.get(fir, ())

    def _gather(self, fir: str) -> FirTraffic:
        boards, found = self._boards, FirTraffic()
        found.airports = [rank.id for rank in sorted(map(boards.rank, self._airports.get(fir, ())))]
        for icao in found.airports:
            traffic = boards.traffic_of(icao)
            found.departures += [(use, icao) for use in traffic.departures]
            found.inbound += [(use, icao) for use in traffic.inbound]
            found.on_ground += [(use, icao) for use in traffic.on_ground]
        found.airborne = [(use, None) for use in self._over.get(fir, ())]
        return found

    @cached_property
    def _airports(self) -> dict[str, list[str]]:
        """Airports with traffic, by FIR."""
        found: dict[str, list[str]] = {}
        for airport in self._boards.busy:
            fir = self._boards.firs.get(airport.icao)
            if fir is not None:
                found.setdefault(fir, []).append(airport.icao)
        return found

    @cached_property
    def _over(self) -> dict[str, list[AirportUse]]:
        """The flights in the air over each FIR."""
        flying = [use for use in self._boards.uses if use.airborne]
        fixes = [use.flight.progress.fix for use in flying]
        inside = self._boards.fir_map.inside([(fix.latitude, fix.longitude) for fix in fixes])
        return {fir: [flying[number] for number in numbers] for fir, numbers in inside.items()}

    @cached_property
    def _stations(self) -> dict[str, list[BoardStation]]:
        return stations_by_area(self._boards.stations)

    def _rank(self, fir: str) -> Rank:
        found = self.traffic_of(fir)
        return Rank(-found.flights(), -self._movements(found.airports).last_60, fir)

    def _movements(self, airports: Sequence[str]) -> Movements:
        total = Movements.none()
        for icao in airports:
            total.add_all(self._boards.movements_of(icao))
        return total

    def _in_list(self, fir: str, block_min: int) -> FirInList:
        found = self.traffic_of(fir)
        return FirInList(
            **asdict(self._head(fir, found, block_min)),
            airborne=len(found.airborne),
            departures=len(found.departures),
            arrivals=len(found.inbound),
            on_ground=len(found.on_ground),
            airports=len(found.airports),
        )

    def _head(self, fir: str, found: FirTraffic, block_min: int) -> FirHead:
        boards, area = self._boards, self._areas[fir]
        movements = self._movements(found.airports)
        return FirHead(
            fir,
            area.name,
            area.oceanic,
            area.source,
            area.cycle,
            found.flights(),
            inbound_blocks((use for use, _ in found.inbound), boards.time, block_min),
            movements.rates(),
            movements.trends(),
            total_prefiles(boards.prefiles.get(icao) or Prefiles() for icao in found.airports),
            self._stations.get(fir, []),
        )

    def _shown(self, fir: FirHead) -> FeatureHead:
        return FeatureHead(fir.id, Raw(self._boards.areas.shape(FIR, fir.id)))

    def _airport(self, icao: str) -> AirportOfFir:
        short = self._boards.in_list(icao, 30)
        return AirportOfFir(
            icao,
            short.name,
            short.flights,
            short.departures,
            short.arrivals,
            short.on_ground,
            [station.callsign for station in short.stations],
            [atis.callsign for atis in short.atis],
        )


def _flights(listed: Sequence[Listed]) -> list[BoardFlight]:
    return [board_flight(use, icao) for use, icao in listed]


def _away(one: Listed) -> tuple[float, tuple[str, int]]:
    use, icao = one
    return away_nm(use, icao or ""), _who(one)


def _who(one: Listed) -> tuple[str, int]:
    return one[0].flight.pilot.callsign, one[0].flight.flight_id
