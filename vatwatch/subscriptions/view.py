"""The network as subscriptions look at it: one live state, sorted as they need it, once for all.

What is dear is made when the first watch asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from uuid import UUID

from vatwatch.feed.correlation import correlation_id
from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.encoding import live_position
from vatwatch.live.fir_boards import FirBoards, FirTraffic
from vatwatch.subscriptions.callsigns import CallsignIndex
from vatwatch.subscriptions.occasions import Occasion, Subject, began
from vatwatch.subscriptions.watches import (
    AirportWatch,
    Counted,
    CountingWatch,
    CountWatch,
    FirWatch,
    NewsKind,
    TrafficWithoutAtcWatch,
    UserWatch,
)
from vatwatch.traffic.airport_traffic import AirportTraffic, AirportUse
from vatwatch.traffic.airports import load_airports, similar_airport
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import Flight, NetworkState, Rules, Session
from vatwatch.traffic.station_place import AREA_SUFFIXES, station_state


def session_key(session: Session) -> str:
    """The same for all connections of a controller at a station."""
    return f"atc {session.controller.callsign} {session.controller.cid}"


def flight_key(flight: Flight, news: str) -> str:
    """The same for all connections of a flight."""
    return f"{news} {flight.flight_id}"


class NetworkView:
    """One live state. For a native thread: boards of two thousand pilots take tens of ms."""

    def __init__(self, state: NetworkState, areas: KnownAreas, rules: Rules) -> None:
        """`state` is one with a time."""
        assert state.time is not None
        self.state = state
        self.areas = areas
        self.rules = rules
        self.time: datetime = state.time

        general = state.general
        self.correlation_id = "" if general is None else correlation_id(general.update_timestamp)

    def began(self, subscription: UUID, subject: Subject) -> Occasion:
        """The occasion that a subject gives in this snapshot."""
        return began(subscription, subject, self.time, self.correlation_id)

    # --- who is there ------------------------------------------------------------------------

    @cached_property
    def stations(self) -> list[Session]:
        """Who controls: no observers, and nobody who has no frequency."""
        return [
            session
            for _, session in sorted(self.state.sessions.items())
            if station_state(session.controller) == "controlling"
        ]

    @cached_property
    def flights(self) -> list[Flight]:
        """The flights that are shown, by callsign."""
        return [f for _, f in sorted(self.state.flights.items()) if f.shown]

    @cached_property
    def stations_by_callsign(self) -> CallsignIndex[Session]:
        """The stations, for patterns."""
        return CallsignIndex((one.controller.callsign, one) for one in self.stations)

    @cached_property
    def flights_by_callsign(self) -> CallsignIndex[Flight]:
        """The flights that are shown, for patterns."""
        return CallsignIndex((one.pilot.callsign, one) for one in self.flights)

    @cached_property
    def flights_by_cid(self) -> dict[int, list[Flight]]:
        """The flights that are shown, by who flies."""
        found: dict[int, list[Flight]] = {}
        for flight in self.flights:
            found.setdefault(flight.pilot.cid, []).append(flight)
        return found

    @cached_property
    def departed_from(self) -> dict[str | None, list[Flight]]:
        """The flights that are shown, by where they have taken off."""
        return _by(self.flights, lambda flight: flight.progress.found_departure)

    @cached_property
    def landed_at(self) -> dict[str | None, list[Flight]]:
        """The flights that are shown, by where they have landed."""
        return _by(self.flights, lambda flight: flight.progress.found_arrival)

    @cached_property
    def online_sessions(self) -> frozenset[str]:
        """The keys of all sessions in the feed, with a frequency or without."""
        return frozenset(map(session_key, self.state.sessions.values()))

    @cached_property
    def flights_that_may_go_on(self) -> frozenset[str]:
        """Ids of the flights that are online, or can still come back as the same one."""
        state = self.state
        known = (*state.flights.values(), *state.disconnected_flights.values())
        lost = (*known, *state.dropped_flights.values())
        return frozenset(str(flight.flight_id) for flight in lost)

    def window(self, key: str) -> timedelta:
        """How long a subject may be missing and still go on."""
        if key.startswith(("atc ", "ahead ")):
            return self.rules.session_window
        return self.rules.reconnect_window

    # --- places ------------------------------------------------------------------------------

    @cached_property
    def boards(self) -> AirportBoards:
        """The boards of all airports."""
        return AirportBoards(self.state, self.areas)

    @cached_property
    def fir_boards(self) -> FirBoards:
        """The boards of all FIRs."""
        return FirBoards(self.boards)

    def stations_of_airport(self, icao: str) -> frozenset[str]:
        """The callsigns of the stations of an airport that are controlled: those with its code, and
        approach units whose area is over it."""
        self.boards.look_up([icao])
        return frozenset(
            station.callsign
            for station in self.boards.stations_of(icao)
            if station.state == "controlling"
        )

    def is_of_fir(self, session: Session, fir: str) -> bool:
        """Whether a station works a FIR: its position's area is, or, where no file has the FIR, its
        callsign begins with it and is an area's."""
        if fir in self.areas.areas:
            return fir in live_position(session, self.areas).areas
        first, _, rest = session.controller.callsign.upper().partition("_")
        return first == fir and rest.rsplit("_", 1)[-1] in AREA_SUFFIXES

    def inside_fir(self, fir: str) -> Iterator[Flight]:
        """The flights in the air over a FIR."""
        return iter(self._in_firs.get(fir, ()))

    @cached_property
    def _in_firs(self) -> dict[str, list[Flight]]:
        by_id = {flight.flight_id: flight for flight in self.flights}
        found: dict[str, list[Flight]] = {}
        for flight_id, kind, name in self.state.stays:
            if kind == "fir" and flight_id in by_id:
                found.setdefault(name, []).append(by_id[flight_id])
        return found

    # --- counts ------------------------------------------------------------------------------

    def count(self, watch: CountingWatch) -> int:
        """How many there are of what a watch counts, at its place."""
        soon = self.time + timedelta(minutes=watch.within_min)
        if watch.airport is not None:
            icao = watch.airport.upper()
            if watch.of is Counted.PREFILED:
                plans = self.boards.prefiles.get(icao)
                return 0 if plans is None else plans.departures + plans.arrivals
            return _number_at(self.boards.traffic_of(icao), watch.of, soon)
        fir = (watch.fir or "").upper()
        found = self.fir_boards.traffic_of(fir)
        if watch.of is Counted.PREFILED:
            there = (self.boards.prefiles.get(icao) for icao in self.fir_boards.airports_of(fir))
            return sum(plans.departures + plans.arrivals for plans in there if plans is not None)
        return _number_in(found, watch.of, soon)

    def is_controlled(self, airport: str | None, fir: str | None, *, top_down: bool) -> bool:
        """Whether anybody controls a place. `top_down`: the centre of an airport's FIR counts."""
        if airport is not None:
            icao = airport.upper()
            if self.stations_of_airport(icao):
                return True
            fir = self.boards.firs.get(icao) if top_down else None
        return fir is not None and any(self.is_of_fir(s, fir.upper()) for s in self.stations)


def _by(
    flights: Iterable[Flight], place: Callable[[Flight], str | None]
) -> dict[str | None, list[Flight]]:
    found: dict[str | None, list[Flight]] = {}
    for flight in flights:
        found.setdefault(place(flight), []).append(flight)
    return found


def _number_at(traffic: AirportTraffic, of: Counted, soon: datetime) -> int:
    match of:
        case Counted.ON_GROUND:
            return len(traffic.on_ground)
        case Counted.DEPARTING:
            return sum(not use.airborne for use in traffic.departures)
        case Counted.ARRIVING:
            return sum(_lands_by(use, soon) for use in traffic.inbound)
        case _:
            return 0


def _number_in(traffic: FirTraffic, of: Counted, soon: datetime) -> int:
    match of:
        case Counted.AIRBORNE:
            return len(traffic.airborne)
        case Counted.ON_GROUND:
            return len(traffic.on_ground)
        case Counted.DEPARTING:
            return sum(not use.airborne for use, _ in traffic.departures)
        case Counted.ARRIVING:
            return sum(_lands_by(use, soon) for use, _ in traffic.inbound)
        case _:
            return 0


def _lands_by(use: AirportUse, soon: datetime) -> bool:
    return use.eta is not None and use.eta <= soon


NO_FIRS = (
    "cannot be watched so: no FIR is known. Set VATWATCH_POSITIONS_DATA to the files of VATSpy; "
    "only its stations (`news`: `atc`) are known without"
)


def fir_of(watch: UserWatch) -> str | None:
    """The FIR that a watch names, if it names one."""
    return watch.fir if isinstance(watch, FirWatch | CountWatch | TrafficWithoutAtcWatch) else None


def unknown_place(watch: UserWatch, areas: KnownAreas) -> tuple[str, str, str | None] | None:
    """The place of a watch that nobody knows: its field, what it must be, and a similar one.

    None if there is none. A FIR's stations can be told by their callsigns; the rest needs its area.
    """
    airport: str | None = None
    fir: str | None = None
    if isinstance(watch, AirportWatch | CountWatch | TrafficWithoutAtcWatch):
        airport = watch.airport
    if isinstance(watch, CountWatch | TrafficWithoutAtcWatch):
        fir = watch.fir
    if isinstance(watch, FirWatch) and (areas.areas or NewsKind.ENTRY in watch.news):
        fir = watch.fir
    if airport is not None and airport.upper() not in load_airports():
        return "airport", "must be the ICAO code of a known airport", similar_airport(airport)
    firs = [area.area_id for area in areas.areas.values() if area.kind == "fir"]
    if fir is None or fir.upper() in firs:
        return None
    if not firs:
        return "fir", NO_FIRS, None
    similar = get_close_matches(fir.upper(), firs, n=1)
    return "fir", "must be a known FIR, as /api/firs has them", next(iter(similar), None)
