"""Boards of airports: who departs, arrives and stands there, and how much there is to come.

`AirportBoards` sorts all flights of a live state by airport, once; a page or a board is made of it
when it is asked for. For a native thread: that takes tens of milliseconds for two thousand pilots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import asdict

from vatwatch.live.answers import AirportAnswer
from vatwatch.live.board_pages import PageQuery, Rank, page
from vatwatch.live.board_parts import (
    Prefiles,
    approaches_over,
    atis_by_airport,
    board_flight,
    board_stations,
    prefiles_by_airport,
    stations_by_airport,
)
from vatwatch.live.board_records import (
    AirportBoard,
    AirportHead,
    AirportInList,
    BoardFlight,
    BoardStation,
)
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.board_answers import FeatureHead, ListedPage, board_answer, list_answer
from vatwatch.live.formats.geojson import point
from vatwatch.live.records import Body
from vatwatch.traffic.airport_traffic import AirportTraffic, AirportUse, by_airport, use_of
from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.inbound_blocks import inbound_blocks
from vatwatch.traffic.movement_rates import Movements, count_movements
from vatwatch.traffic.network_state import NetworkState


class AirportBoards:
    """Of one live state."""

    def __init__(self, state: NetworkState, areas: KnownAreas) -> None:
        """`state` is the live one: with a time."""
        assert state.time is not None
        self.time = state.time
        self.areas = areas
        self.uses = [use_of(flight) for flight in state.flights.values() if flight.shown]
        self.traffic = by_airport(self.uses)
        self.movements = count_movements(state.recent_movements, self.time)
        self.stations = board_stations(state, areas)
        self.atis = atis_by_airport(state)
        self.prefiles = prefiles_by_airport(state)
        named = stations_by_airport(self.stations)
        codes = {*self.traffic, *self.movements, *named, *self.atis, *self.prefiles}
        known = load_airports()
        self.busy = [known[icao] for icao in sorted(codes) if icao in known]
        """Airports with any traffic, station, ATIS or prefile."""
        self._stations = named
        self._add_approaches(self.busy)
        self.fir_map = areas.fir_map
        self.firs = self._firs_of(self.busy)
        self._whole: dict[tuple[int, AnswerFormat], Body] = {}

    def listed(self, query: PageQuery, wanted: AnswerFormat = AnswerFormat.JSON) -> Body:
        """A page of the list; the airports asked for must be known ones."""
        plain, key = query == PageQuery(block_min=query.block_min), (query.block_min, wanted)
        if plain and key in self._whole:
            return self._whole[key]
        if query.ids:
            asked = [load_airports()[icao] for icao in sorted(query.ids)]
            self._know(asked)
        else:
            asked = self.busy
        shown, total, cursor = page([self.rank(airport.icao) for airport in asked], query)
        make: Callable[[str, int], AirportHead] = self.board if query.whole else self.in_list
        body = list_answer(
            self.time,
            "airports",
            [make(rank.id, query.block_min) for rank in shown],
            ListedPage(total, cursor),
            wanted,
            record=AirportBoard if query.whole else AirportInList,
            shown=_shown,
        )
        if plain:
            self._whole[key] = body
        return body

    def one(self, icao: str, block_min: int, wanted: AnswerFormat = AnswerFormat.JSON) -> Body:
        """The board of a known airport."""
        self._know([load_airports()[icao]])
        board = self.board(icao, block_min)
        return board_answer(self.time, board, wanted, answer=AirportAnswer, shown=_shown)

    def board(self, icao: str, block_min: int) -> AirportBoard:
        """One board, with its flights."""
        found = self.traffic_of(icao)
        return AirportBoard(
            **asdict(self._head(icao, found, block_min)),
            departures=flights_at(found.departures, icao),
            arrivals=flights_at(found.inbound, icao),
            on_ground=flights_at(found.on_ground, icao),
        )

    def rank(self, icao: str) -> Rank:
        """Where it stands in the list."""
        return Rank(-self.traffic_of(icao).flights(), -self.movements_of(icao).last_60, icao)

    def traffic_of(self, icao: str) -> AirportTraffic:
        """Its flights, if it has any."""
        return self.traffic.get(icao) or AirportTraffic()

    def movements_of(self, icao: str) -> Movements:
        """Its movements, if it has any."""
        return self.movements.get(icao) or Movements.none()

    def stations_of(self, icao: str) -> Sequence[BoardStation]:
        """The stations there: named by their callsign, and approach units over it."""
        return self._stations.get(icao, [])

    def in_list(self, icao: str, block_min: int) -> AirportInList:
        """An entry of the list."""
        found = self.traffic_of(icao)
        return AirportInList(
            **asdict(self._head(icao, found, block_min)),
            departures=len(found.departures),
            arrivals=len(found.inbound),
            on_ground=len(found.on_ground),
        )

    def _head(self, icao: str, found: AirportTraffic, block_min: int) -> AirportHead:
        airport, movements = load_airports()[icao], self.movements_of(icao)
        return AirportHead(
            icao,
            airport.iata,
            airport.name,
            airport.city,
            airport.country,
            airport.latitude,
            airport.longitude,
            airport.elevation_ft,
            self.firs.get(icao),
            found.flights(),
            inbound_blocks(found.inbound, self.time, block_min),
            movements.rates(),
            movements.trends(),
            (self.prefiles.get(icao) or Prefiles()).counted(),
            list(self.stations_of(icao)),
            self.atis.get(icao, []),
        )

    def look_up(self, codes: Iterable[str]) -> None:
        """Find the stations and the FIR of known airports at which there may be nothing."""
        self._know([load_airports()[icao] for icao in codes if icao in load_airports()])

    def _know(self, airports: Iterable[Airport]) -> None:
        """Look up what was not looked up, as there is nothing at the airport."""
        new = [airport for airport in airports if airport.icao not in self.firs]
        self._add_approaches(new)
        self.firs.update(self._firs_of(new))

    def _add_approaches(self, airports: Sequence[Airport]) -> None:
        for icao, station in approaches_over(airports, self.stations, self.areas):
            there = self._stations.setdefault(icao, [])
            if station not in there:
                there.append(station)

    def _firs_of(self, airports: Sequence[Airport]) -> dict[str, str | None]:
        """The FIR of each, as the files say it, else by its place."""
        found = {airport.icao: self.areas.fir_of_airport(airport.icao) for airport in airports}
        unsaid = [airport for airport in airports if found[airport.icao] is None]
        by_place = self.fir_map.first([(each.latitude, each.longitude) for each in unsaid])
        for airport, fir in zip(unsaid, by_place, strict=True):
            found[airport.icao] = fir
        return found


def _shown(airport: AirportHead) -> FeatureHead:
    return FeatureHead(airport.icao, point((airport.longitude, airport.latitude)))


def flights_at(uses: Iterable[AirportUse], icao: str) -> list[BoardFlight]:
    """Flights as served on the board of an airport."""
    return [board_flight(use, icao) for use in uses]
