"""The parts of which boards are made: flights, stations, ATIS, prefiles, by airport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import shapely
from msgspec import Struct

from vatwatch.live.board_records import BoardAtis, BoardFlight, BoardPrefiles, BoardStation
from vatwatch.live.encoding import live_position
from vatwatch.live.records import LiveRunways
from vatwatch.traffic.airport_traffic import AirportUse, away_nm
from vatwatch.traffic.airports import Airport, airport_of, load_airports
from vatwatch.traffic.areas.area_file import APPROACH
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.atis import letter_at
from vatwatch.traffic.network_state import FiledPlan, NetworkState
from vatwatch.traffic.prefiles import is_flown
from vatwatch.traffic.station_place import AREA_SUFFIXES, station_state


class Prefiles(Struct):
    """The plans of an airport, or of several together."""

    departures: int = 0
    arrivals: int = 0

    def counted(self) -> BoardPrefiles:
        """As served."""
        return BoardPrefiles(self.departures, self.arrivals)


def board_flight(use: AirportUse, icao: str | None) -> BoardFlight:
    """A flight on the board of an airport, or of none."""
    flight, done, plan = use.flight, use.flight.progress, use.flight.parsed_plan
    filed = flight.pilot.flight_plan
    filed_from = None if plan is None else plan.departure_icao
    filed_to = None if plan is None else plan.arrival_icao
    pilot = flight.pilot
    return BoardFlight(
        pilot.callsign,
        str(flight.flight_id),
        pilot.cid,
        (filed.aircraft_short or None) if filed is not None else None,
        done.found_departure or filed_from,
        filed_to if use.airborne else done.found_arrival or filed_to,
        done.phase,
        None if icao is None else round(away_nm(use, icao), 1),
        use.eta,
        done.times.off_block,
        done.times.take_off,
        done.times.landing,
        pilot.latitude,
        pilot.longitude,
        pilot.altitude,
        pilot.groundspeed,
    )


def board_stations(state: NetworkState, areas: KnownAreas) -> list[BoardStation]:
    """All stations that are no observers, by callsign."""
    return [
        BoardStation(
            one.controller.callsign,
            str(one.session_id),
            one.controller.cid,
            one.controller.facility,
            one.controller.frequency,
            station_state(one.controller),
            live_position(one, areas),
        )
        for _, one in sorted(state.sessions.items())
        if station_state(one.controller) != "observer"
    ]


def stations_by_airport(stations: Iterable[BoardStation]) -> dict[str, list[BoardStation]]:
    """Those that have the airport in their callsign; a centre's may be another place's name."""
    found: dict[str, list[BoardStation]] = {}
    for station in stations:
        airport = airport_of(station.callsign, load_airports())
        if airport is not None and station.callsign.rsplit("_", 1)[-1] not in AREA_SUFFIXES:
            found.setdefault(airport.icao, []).append(station)
    return found


def approaches_over(
    airports: Sequence[Airport], stations: Iterable[BoardStation], areas: KnownAreas
) -> Iterator[tuple[str, BoardStation]]:
    """The approach units whose area, as the files have it, covers an airport: with its code."""
    if not airports:
        return
    latitudes = np.array([airport.latitude for airport in airports])
    longitudes = np.array([airport.longitude for airport in airports])
    for station in stations:
        for area_id in station.position.areas:
            area = areas.areas.get(area_id)
            if area is None or area.kind != APPROACH:
                continue
            shapely.prepare(area.geometry)
            covered = shapely.intersects_xy(area.geometry, longitudes, latitudes)
            for number in np.flatnonzero(covered).tolist():
                yield airports[number].icao, station


def stations_by_area(stations: Iterable[BoardStation]) -> dict[str, list[BoardStation]]:
    """By the area of their position; a station of several areas is in each."""
    found: dict[str, list[BoardStation]] = {}
    for station in stations:
        for area_id in station.position.areas:
            found.setdefault(area_id, []).append(station)
    return found


def atis_by_airport(state: NetworkState) -> dict[str, list[BoardAtis]]:
    """The ATIS on the air, by the airport in their callsign."""
    found: dict[str, list[BoardAtis]] = {}
    for callsign, version in sorted(state.atis.items()):
        airport = airport_of(callsign, load_airports())
        if airport is None:
            continue
        said, atis = version.said, version.atis
        found.setdefault(airport.icao, []).append(
            BoardAtis(
                callsign,
                atis.frequency,
                letter_at(version, state.time or version.first_seen),
                said.kind,
                LiveRunways(said.departure_runways, said.arrival_runways),
            )
        )
    return found


def prefiles_by_airport(state: NetworkState) -> dict[str, Prefiles]:
    """The plans that were not flown, of people who are not connected, by airport."""
    found: dict[str, Prefiles] = {}
    for filed in state.prefiles.values():
        if is_flown(filed, state) or _is_connected(filed, state):
            continue
        departure, arrival = filed.parsed.departure_icao, filed.parsed.arrival_icao
        if departure is not None:
            found.setdefault(departure, Prefiles()).departures += 1
        if arrival is not None:
            found.setdefault(arrival, Prefiles()).arrivals += 1
    return found


def total_prefiles(each: Iterable[Prefiles]) -> BoardPrefiles:
    """Those of several airports together; a plan between two of them begins and ends there."""
    every = list(each)
    return BoardPrefiles(sum(p.departures for p in every), sum(p.arrivals for p in every))


def _is_connected(filed: FiledPlan, state: NetworkState) -> bool:
    flight = state.flights.get(filed.callsign)
    return flight is not None and flight.pilot.cid == filed.cid
