"""The events that follow from a snapshot.

An event's id is computed from the snapshot and the subject, so an event derived twice is one event.
Its time is the feed's. The correlation id is the snapshot's `update_timestamp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.events.event import Event
from vatwatch.events.payloads import (
    ContactPayload,
    ControllerPayload,
    DataPayload,
    FlightPayload,
    FrequencyPayload,
    PositionPayload,
    SectorPayload,
)
from vatwatch.feed.correlation import correlation_id
from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.continuity import Ending, ending_of
from vatwatch.traffic.identity import event_id
from vatwatch.traffic.movements import MovementKind
from vatwatch.traffic.network_state import Flight, LastingContact, SectorStay, Session

SOURCE = "processor"


def events_of(changes: Changes) -> list[Event]:
    """Everything that a snapshot's changes tell, leavers first."""
    snapshot = correlation_id(changes.general.update_timestamp)
    return [
        Event(
            event_id(snapshot, kind, subject),
            kind,
            changes.time,
            SOURCE,
            snapshot,
            payload,
        )
        for kind, subject, payload in _told(changes)
    ]


def summary_of(changes: Changes, *, quarantined: int) -> DataPayload:
    """What DATA_PROCESSED and DATA_STORED say of a snapshot: how many there are of each kind.

    `quarantined`: how many of its records could not be used.
    """
    return DataPayload(
        update_timestamp=changes.time,
        pilots=changes.flights.shown,
        controllers=len(changes.sessions.online),
        atis=len(changes.atis.present),
        prefiles=len(changes.prefiles.present),
        quarantined=quarantined,
    )


def _told(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    for flight in changes.flights.ended:
        kind, reason = _ENDINGS[ending_of(flight)]
        yield kind, str(flight.flight_id), _flight(flight, reason, flight.last_seen)
    for contact in changes.contacts.ended:
        yield "CONTACT_ENDED", _contact_subject(contact), _contact(contact, changes.derived_from)
    for session in changes.sessions.gone:
        if session.held is not None and session.held.news != "reconnect":
            # Gone before it was told that it came.
            back = session.held.news == "return"
            yield "CONTROLLER_LOGON", str(session.session_id), _controller(session, back)
        yield "CONTROLLER_LOGOFF", str(session.session_id), _controller(session, False)
    for flight in changes.flights.created:
        yield "FLIGHT_CREATED", str(flight.flight_id), _flight(flight, "created")
    yield from _updates(changes)
    for flight in changes.flights.resumed:
        yield "FLIGHT_RESUMED", str(flight.flight_id), _flight(flight, "resumed")
    yield from _moves(changes)
    for session, back in changes.sessions.logons:
        yield "CONTROLLER_LOGON", str(session.session_id), _controller(session, back)
    for before, session in changes.sessions.frequencies_changed:
        yield "FREQUENCY_CHANGE", str(session.session_id), _frequency(before, session)
    yield from _crossings(changes)
    for contact in changes.contacts.began:
        yield "CONTACT_BEGAN", _contact_subject(contact), _contact(contact, None)
    yield "POSITION_UPDATE", "", PositionPayload(changes.flights.shown, changes.flights.moved)


def _crossings(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    sectors = changes.sectors
    if changes.derived_from is not None:
        for stay, altitude in sectors.left:
            if stay.key not in sectors.redrawn:
                yield "SECTOR_LEFT", _subject(stay), _sector(stay, changes.derived_from, altitude)
    for stay in sectors.entered:
        if stay.key not in sectors.redrawn:
            told = _sector(stay, stay.since, stay.entry_altitude_ft)
            yield "SECTOR_ENTERED", _subject(stay), told


_ENDINGS = {
    Ending.COMPLETED: ("FLIGHT_COMPLETED", "ended"),
    Ending.DIVERTED: ("FLIGHT_COMPLETED", "ended"),
    Ending.CANCELLED: ("FLIGHT_CANCELLED", "ended"),
    Ending.DROPPED: ("FLIGHT_DROPPED", "dropped"),
}
_MOVEMENTS = {
    MovementKind.TAKE_OFF: ("FLIGHT_DEPARTED", "take_off"),
    MovementKind.LANDING: ("FLIGHT_ARRIVED", "landing"),
}


def _moves(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    """Departures, arrivals and diversions. A touch-and-go is neither a departure nor an arrival."""
    for movement, flight in changes.flights.moved_by:
        if movement.kind in _MOVEMENTS:
            kind, reason = _MOVEMENTS[movement.kind]
            payload = replace(
                _flight(flight, reason), airport=movement.airport, moved_at=movement.time
            )
            # A flight may do the same several times, and two of them may be seen at once.
            yield kind, f"{flight.flight_id}/{movement.time.isoformat()}", payload
    for flight in changes.flights.diverted:
        yield "FLIGHT_DIVERTED", str(flight.flight_id), _flight(flight, "diversion")


def _updates(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    """One FLIGHT_UPDATED a flight, though it may have both reconnected and amended its plan.

    A plan that is withdrawn is one that has changed, too.
    """
    created = {flight.flight_id for flight in changes.flights.created}
    amended = {plan.flight_id for plan in changes.flights.plans_opened}
    amended.update(changes.flights.plans_withdrawn)
    reconnected = {flight.flight_id for flight in changes.flights.reconnected}
    for flight in changes.flights.online:
        if flight.flight_id in created:
            continue
        if flight.flight_id in amended:
            yield "FLIGHT_UPDATED", str(flight.flight_id), _flight(flight, "plan")
        elif flight.flight_id in reconnected:
            yield "FLIGHT_UPDATED", str(flight.flight_id), _flight(flight, "reconnect")


def _flight(flight: Flight, reason: str, last_seen: datetime | None = None) -> FlightPayload:
    plan = flight.pilot.flight_plan or FlightPlan()
    return FlightPayload(
        flight_id=str(flight.flight_id),
        cid=flight.pilot.cid,
        callsign=flight.pilot.callsign,
        logon_time=flight.logon_time,
        departure=plan.departure,
        arrival=plan.arrival,
        aircraft=plan.aircraft_short,
        reconnects=flight.reconnects,
        reason=reason,
        last_seen=last_seen,
    )


def _subject(stay: SectorStay) -> str:
    return f"{stay.flight_id}/{stay.kind}/{stay.sector}"


def _sector(stay: SectorStay, time: datetime, altitude: int | None) -> SectorPayload:
    return SectorPayload(str(stay.flight_id), stay.callsign, stay.kind, stay.sector, time, altitude)


def _controller(session: Session, reconnect: bool) -> ControllerPayload:
    controller = session.controller
    return ControllerPayload(
        session_id=str(session.session_id),
        cid=controller.cid,
        callsign=controller.callsign,
        facility=controller.facility,
        rating=controller.rating,
        frequency_hz=frequency_hz(controller.frequency),
        logon_time=session.logon_time,
        reconnect=reconnect,
    )


def _contact_subject(contact: LastingContact) -> str:
    return "/".join(map(str, contact.key))


def _contact(contact: LastingContact, ended_at: datetime | None) -> ContactPayload:
    return ContactPayload(
        flight_id=str(contact.flight_id),
        session_id=str(contact.session_id),
        cid=contact.cid,
        callsign=contact.callsign,
        station=contact.station,
        station_cid=contact.station_cid,
        facility=contact.facility,
        frequency_hz=contact.frequency_hz,
        placed_by=contact.placed_by,
        started_at=contact.since,
        closest_nm=contact.closest_nm,
        ended_at=ended_at,
    )


def _frequency(before: int | None, session: Session) -> FrequencyPayload:
    return FrequencyPayload(
        session_id=str(session.session_id),
        cid=session.controller.cid,
        callsign=session.controller.callsign,
        before_hz=before,
        after_hz=frequency_hz(session.controller.frequency),
    )
