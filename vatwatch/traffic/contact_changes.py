"""Contacts that begin, go on and end: what a snapshot shows, held against what was known before."""

from __future__ import annotations

from msgspec.structs import replace

from vatwatch.traffic.changes import ContactChanges
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.network_state import Flight, LastingContact, NetworkState, Session
from vatwatch.traffic.radio_contacts import Contact, contacts

# Of the closest distance, so that it changes, and is written, seldom.
CLOSEST_DIGITS = 1


def contact_changes(
    before: NetworkState, after: NetworkState, rules: ContactRules
) -> ContactChanges:
    """Tell which contacts begin, end or come closer.

    Args:
        before: after the snapshot before
        after: flights, sessions and radios of the snapshot
        rules: what the operator has set
    """
    known = before.contacts
    present: dict[tuple[int, int, int], LastingContact] = {}
    began: list[LastingContact] = []
    closer: list[LastingContact] = []
    found = contacts(after, rules)
    flights = {one.flight_id: one for one in after.flights.values()} if found else {}
    sessions = {one.session_id: one for one in after.sessions.values()} if found else {}
    for one in found:
        key = one.key
        nearest_nm = round(one.distance_nm, CLOSEST_DIGITS)
        lasting = known.get(key)
        if lasting is None:
            lasting = _begun(one, flights[one.flight_id], sessions[one.session_id], nearest_nm)
            began.append(lasting)
        elif nearest_nm < lasting.closest_nm:
            lasting = replace(lasting, closest_nm=nearest_nm)
            closer.append(lasting)
        present[key] = lasting
    ended = [lasting for key, lasting in known.items() if key not in present]
    return ContactChanges(present, began, ended, closer)


def _begun(contact: Contact, flight: Flight, session: Session, nearest_nm: float) -> LastingContact:
    return LastingContact(
        flight_id=contact.flight_id,
        session_id=contact.session_id,
        frequency_hz=contact.frequency_hz,
        callsign=flight.pilot.callsign,
        cid=flight.pilot.cid,
        station=session.controller.callsign,
        station_cid=session.controller.cid,
        facility=session.controller.facility,
        placed_by=contact.placed_by,
        since=flight.last_seen,
        closest_nm=nearest_nm,
    )
