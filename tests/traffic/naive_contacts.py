"""Contacts by looking at every pair of radios: what the fast pairing is held against.

Channels, facilities' reach and places of stations have tables of their own in the tests. Here are
the distance, the horizon, and who is the nearest.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.network_state import NetworkState, Session
from vatwatch.traffic.radio_channels import channel_hz, named_hz
from vatwatch.traffic.radio_contacts import Contact
from vatwatch.traffic.station_place import station_state
from vatwatch.traffic.track import place_of


class NaiveRadio(NamedTuple):
    session_id: int
    channel: int
    name: int
    latitude: float
    longitude: float
    height_ft: float
    is_hf: bool
    reach_nm: float
    is_not_its_own: bool
    placed_by: str


def naive_contacts(state: NetworkState, rules: ContactRules) -> list[Contact]:
    stations = [
        radio
        for callsign, session in state.sessions.items()
        if station_state(session.controller) != "observer"
        for radio in station_radios(state, callsign, session, rules)
    ]
    excluded = {channel_hz(hertz) for hertz in rules.excluded_hz}
    nearest: dict[tuple[int, int], tuple[tuple[float, bool, int, int], Contact]] = {}
    for callsign, flight in state.flights.items():
        for one in state.radios.get(callsign, ()):
            mine = one.radio
            channel = channel_hz(mine.frequency_hz)
            if channel is None or channel in excluded or one.flight_id != flight.flight_id:
                continue
            if not flight.stored:
                continue
            fix = place_of(flight)
            height_ft = fix.altitude or 0
            for theirs in stations:
                if theirs.channel != channel:
                    continue
                apart_nm = round(
                    distance_nm(fix.latitude, fix.longitude, theirs.latitude, theirs.longitude), 3
                )
                horizon_nm = 1.23 * (sqrt(max(height_ft, 10)) + sqrt(max(theirs.height_ft, 10)))
                over_the_horizon = theirs.is_hf or mine.frequency_hz < 30_000_000
                if apart_nm > theirs.reach_nm or (apart_nm > horizon_nm and not over_the_horizon):
                    continue
                rank = (apart_nm, theirs.is_not_its_own, theirs.session_id, theirs.name)
                owner = (flight.flight_id, channel)
                if owner not in nearest or rank < nearest[owner][0]:
                    contact = Contact(
                        flight.flight_id, theirs.session_id, theirs.name, apart_nm, theirs.placed_by
                    )
                    nearest[owner] = (rank, contact)
    return sorted((contact for _, contact in nearest.values()), key=lambda contact: contact.key)


def station_radios(
    state: NetworkState, callsign: str, session: Session, rules: ContactRules
) -> Iterator[NaiveRadio]:
    reach_nm = rules.reach_nm(session.controller)
    own = channel_hz(round(float(session.controller.frequency) * 1e6))
    for one in state.radios.get(callsign, ()):
        radio = one.kept
        channel, name = channel_hz(radio.frequency_hz), named_hz(radio.frequency_hz)
        is_its_own = one.session_id == session.session_id
        if reach_nm is None or channel is None or name is None or not is_its_own:
            continue
        latitude, longitude, placed_by = radio.latitude, radio.longitude, "radios"
        height_ft = (radio.height_msl_m or 0.0) / 0.3048
        if session.place is not None and session.place.placed_by == "airport":
            airport = airport_of(callsign, load_airports())
            assert airport is not None
            latitude, longitude, placed_by = airport.latitude, airport.longitude, "airport"
            height_ft = airport.elevation_ft + (radio.height_agl_m or 0.0) / 0.3048
        yield NaiveRadio(
            session.session_id,
            channel,
            name,
            latitude,
            longitude,
            height_ft,
            radio.frequency_hz < 30_000_000,
            reach_nm,
            channel != own,
            placed_by,
        )
