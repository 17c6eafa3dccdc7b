"""Subjects: who or what a watch waits for is there now, by key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import assert_never

from vatwatch.counting import counted
from vatwatch.feed.times import time_text
from vatwatch.subscriptions.ahead import stations_ahead
from vatwatch.subscriptions.occasions import Fact, Subject
from vatwatch.subscriptions.view import NetworkView, flight_key, session_key
from vatwatch.subscriptions.watches import (
    AirportWatch,
    AtcAheadWatch,
    FirWatch,
    FlightWatch,
    NewsKind,
    PersonWatch,
    PositionWatch,
    SubjectWatch,
)
from vatwatch.traffic.network_state import Flight, Session

AHEAD = "ahead"


def subjects_of(watch: SubjectWatch, view: NetworkView) -> dict[str, Subject]:
    """All that a watch waits for and that is there in this snapshot."""
    match watch:
        case PositionWatch(callsign):
            found = _stations(view.stations_by_callsign.fitting(callsign))
        case AirportWatch(airport, news):
            found = _at_airport(airport.upper(), news, view)
        case FirWatch(fir, news):
            found = _at_fir(fir.upper(), news, view)
        case PersonWatch(cid, news):
            found = _of_person(cid, news, view)
        case FlightWatch(callsign, news):
            found = _of_flights(view.flights_by_callsign.fitting(callsign), news)
        case AtcAheadWatch(callsign, within_min):
            found = _ahead(callsign, within_min, view)
        case _:
            assert_never(watch)
    return {subject.key: subject for subject in found}


def _at_airport(icao: str, news: Collection[NewsKind], view: NetworkView) -> Iterator[Subject]:
    if NewsKind.ATC in news:
        there = view.stations_of_airport(icao)
        yield from _stations(s for s in view.stations if s.controller.callsign in there)
    if NewsKind.DEPARTURE in news:
        for flight in view.departed_from.get(icao, ()):
            yield from _departed(flight)
    if NewsKind.LANDING in news:
        for flight in view.landed_at.get(icao, ()):
            yield from _landed(flight)


def _at_fir(fir: str, news: Collection[NewsKind], view: NetworkView) -> Iterator[Subject]:
    if NewsKind.ATC in news:
        yield from _stations(s for s in view.stations if view.is_of_fir(s, fir))
    if NewsKind.ENTRY in news:
        for flight in view.inside_fir(fir):
            text = f"{flight.pilot.callsign} is in {fir}{_from_to(flight)}."
            yield _flight(flight, NewsKind.ENTRY, text, fir=fir)


def _of_person(cid: int, news: Collection[NewsKind], view: NetworkView) -> Iterator[Subject]:
    if NewsKind.ATC in news:
        yield from _stations(s for s in view.stations if s.controller.cid == cid)
    yield from _of_flights(view.flights_by_cid.get(cid, ()), news)


def _of_flights(flights: Iterable[Flight], news: Collection[NewsKind]) -> Iterator[Subject]:
    for flight in flights:
        if NewsKind.ONLINE in news:
            text = f"{flight.pilot.callsign} is online{_from_to(flight)}."
            yield _flight(flight, NewsKind.ONLINE, text)
        if NewsKind.DEPARTURE in news:
            yield from _departed(flight)
        if NewsKind.LANDING in news:
            yield from _landed(flight)


def _ahead(callsign: str, within_min: int, view: NetworkView) -> Iterator[Subject]:
    for flight in view.flights_by_callsign.fitting(callsign):
        for session, minutes in stations_ahead(flight, within_min, view):
            station, sign = session.controller, flight.pilot.callsign
            when = f"{counted(round(minutes), 'minute')} ahead of" if minutes >= 0.5 else "around"
            yield Subject(
                f"{AHEAD} {flight.flight_id} {station.callsign} {station.cid}",
                f"{flight.flight_id} {session.session_id}",
                station.callsign,
                AHEAD,
                f"{station.callsign} on {station.frequency} is {when} {sign}.",
                {**_station_facts(session), "flight": sign, "minutes": round(minutes)},
            )


# --- one subject ---------------------------------------------------------------------------------


def _stations(sessions: Iterable[Session]) -> Iterator[Subject]:
    for session in sessions:
        sign, frequency = session.controller.callsign, session.controller.frequency
        yield Subject(
            session_key(session),
            str(session.session_id),
            sign,
            NewsKind.ATC.value,
            f"{sign} is online on {frequency}.",
            _station_facts(session),
        )


def _station_facts(session: Session) -> dict[str, Fact]:
    controller, place = session.controller, session.place
    return {
        "callsign": controller.callsign,
        "cid": controller.cid,
        "frequency": controller.frequency,
        "facility": controller.facility,
        "session_id": str(session.session_id),
        "logon_time": time_text(session.logon_time),
        "latitude": None if place is None else place.latitude,
        "longitude": None if place is None else place.longitude,
    }


def _departed(flight: Flight) -> Iterator[Subject]:
    done = flight.progress
    if done.times.take_off is not None:
        text = f"{flight.pilot.callsign} has taken off{_from_to(flight)}."
        yield _flight(flight, NewsKind.DEPARTURE, text, happened_at=done.times.take_off)


def _landed(flight: Flight) -> Iterator[Subject]:
    done = flight.progress
    if done.times.landing is not None and not done.airborne:
        where = done.found_arrival or ""
        at = f" at {where}" if len(where) == 4 else ""
        text = f"{flight.pilot.callsign} has landed{at}."
        yield _flight(flight, NewsKind.LANDING, text, happened_at=done.times.landing)


def _flight(
    flight: Flight, news: NewsKind, text: str, *, happened_at: datetime | None = None, fir: str = ""
) -> Subject:
    pilot, plan, done = flight.pilot, flight.parsed_plan, flight.progress
    filed = pilot.flight_plan
    facts: dict[str, Fact] = {
        "callsign": pilot.callsign,
        "cid": pilot.cid,
        "flight_id": str(flight.flight_id),
        "aircraft": (filed.aircraft_short or None) if filed is not None else None,
        "departure": done.found_departure or (None if plan is None else plan.departure_icao),
        "arrival": done.found_arrival or (None if plan is None else plan.arrival_icao),
        "altitude": pilot.altitude,
        "groundspeed": pilot.groundspeed,
        "latitude": pilot.latitude,
        "longitude": pilot.longitude,
    }
    if happened_at is not None:
        facts["time"] = time_text(happened_at)
    if fir:
        facts["fir"] = fir
    key = flight_key(flight, f"{news.value} {fir}".rstrip())
    return Subject(key, str(flight.flight_id), pilot.callsign, news.value, text, facts)


def _from_to(flight: Flight) -> str:
    plan = flight.parsed_plan
    if plan is None or plan.departure_icao is None or plan.arrival_icao is None:
        return ""
    return f", {plan.departure_icao} to {plan.arrival_icao}"
