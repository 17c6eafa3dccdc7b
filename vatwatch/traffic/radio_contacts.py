"""Who talks to whom after a snapshot. The rules are told in `contact_rules`."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from vatwatch.feed.frequency import frequency_hz
from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.nearest_station import Aerials, Floats, Indices, nearest_stations
from vatwatch.traffic.network_state import Flight, NetworkState, Radio, RadioState, Session
from vatwatch.traffic.radio_channels import HF_BELOW_HZ, channel_hz, named_hz
from vatwatch.traffic.radio_horizon import FEET_A_METRE
from vatwatch.traffic.station_place import station_state
from vatwatch.traffic.track import place_of

# Hardly anybody has more radios than this; of those who do, no two alike are looked at.
FEW_RADIOS = 4


class Contact(Struct, frozen=True, gc=False):
    """A flight tuned to a station, in one snapshot."""

    flight_id: int
    session_id: int
    frequency_hz: int
    """The station's: the main name of its channel, and HF where its radio is on HF."""
    distance_nm: float
    """To the nearest radio of the station, to a thousandth."""
    placed_by: str
    """Where the station is taken to be: at its `radios`, or at its `airport`."""

    @property
    def key(self) -> tuple[int, int, int]:
        """What is the same in the next snapshot if the contact lasts."""
        return (self.flight_id, self.session_id, self.frequency_hz)


class _Stations(NamedTuple):
    """The radios of stations, in the order of preference among equally near ones."""

    radios: Aerials
    """Of each session."""
    frequency_hz: Indices
    reach_nm: Floats
    placed_by: list[str]


def contacts(state: NetworkState, rules: ContactRules) -> list[Contact]:
    """Tell who talks to whom after the snapshot that the state is of, in the order of their keys.

    The same state gives the same contacts, whatever the order of its records.
    """
    stations = _stations(state, rules)
    aircraft = _aircraft_radios(state, set(stations.radios.channel.tolist()))
    flight, row, distance_nm = nearest_stations(aircraft, stations.radios, stations.reach_nm)
    session, frequency = stations.radios.owner[row], stations.frequency_hz[row]
    order = np.lexsort((frequency, session, flight))
    return list(
        map(
            Contact,
            flight[order].tolist(),
            session[order].tolist(),
            frequency[order].tolist(),
            distance_nm[order].tolist(),
            [stations.placed_by[one] for one in row[order].tolist()],
        )
    )


def _stations(state: NetworkState, rules: ContactRules) -> _Stations:
    excluded = {channel_hz(hertz) for hertz in rules.excluded_hz}
    owners: list[int] = []
    channels: list[int] = []
    names: list[int] = []
    is_not_its_own: list[bool] = []
    latitudes: list[float] = []
    longitudes: list[float] = []
    heights_ft: list[float] = []
    reaches_nm: list[float] = []
    placed_by: list[str] = []
    for callsign, session in state.sessions.items():
        tuned = state.radios.get(callsign)
        if not tuned or station_state(session.controller) == "observer":
            continue
        reach_nm = rules.reach_nm(session.controller)
        if reach_nm is None:
            continue
        shown = frequency_hz(session.controller.frequency)
        own = None if shown is None else channel_hz(shown)
        for one in tuned:
            channel, name = channel_hz(one.radio.frequency_hz), named_hz(one.radio.frequency_hz)
            # A callsign that has passed on while the radios' feed is frozen has another's radios.
            if one.session_id != session.session_id or channel in excluded:
                continue
            if channel is None or name is None:
                continue
            latitude, longitude, height_ft, by = _stands(session, one.kept)
            owners.append(session.session_id)
            channels.append(channel)
            names.append(name)
            is_not_its_own.append(channel != own)
            latitudes.append(latitude)
            longitudes.append(longitude)
            heights_ft.append(inf if name < HF_BELOW_HZ else height_ft)
            reaches_nm.append(reach_nm)
            placed_by.append(by)
    order = np.lexsort((names, owners, is_not_its_own))
    return _Stations(
        Aerials.of(owners, channels, latitudes, longitudes, heights_ft).take(order),
        np.array(names, np.int64)[order],
        np.array(reaches_nm)[order],
        [placed_by[row] for row in order.tolist()],
    )


def _stands(session: Session, radio: Radio) -> tuple[float, float, float, str]:
    """Where a station's radio is taken to be: degrees, feet, and by what."""
    place = session.place
    if place is None or place.placed_by == "radios":
        height_m = radio.height_msl_m or 0
        return radio.latitude, radio.longitude, height_m * FEET_A_METRE, "radios"
    airport = airport_of(session.controller.callsign, load_airports())
    field_ft = 0 if airport is None else airport.elevation_ft
    mast_ft = (radio.height_agl_m or 0) * FEET_A_METRE
    return place.latitude, place.longitude, field_ft + mast_ft, place.placed_by


def _aircraft_radios(state: NetworkState, wanted: set[int]) -> Aerials:
    """The radios of flights on wanted channels.

    This goes over everybody, and is written for its speed.
    """
    tuned: list[Flight] = []
    channels: list[int] = []
    on_hf: list[int] = []
    flights = state.flights
    # By frequency; None: no station is on it. No channel is 0.
    channels_of: dict[int, int | None] = {}
    for callsign, radios in state.radios.items():
        for one in radios if len(radios) <= FEW_RADIOS else _unlike(radios):
            hertz = one.radio.frequency_hz
            channel = channels_of.get(hertz, 0)
            if channel == 0:
                channel = channel_hz(hertz)
                channel = channels_of[hertz] = channel if channel in wanted else None
            if channel is None:
                continue
            flight = flights.get(callsign)
            if flight is None or flight.flight_id != one.flight_id or not flight.stored:
                continue
            if hertz < HF_BELOW_HZ:
                on_hf.append(len(tuned))
            tuned.append(flight)
            channels.append(channel)
    fixes = [
        fix if (fix := flight.progress.fix).time == flight.last_seen else place_of(flight)
        for flight in tuned
    ]
    heights_ft: list[float] = [fix.altitude or 0 for fix in fixes]
    for row in on_hf:
        heights_ft[row] = inf
    return Aerials.of(
        [flight.flight_id for flight in tuned],
        channels,
        [fix.latitude for fix in fixes],
        [fix.longitude for fix in fixes],
        heights_ft,
    )


def _unlike(radios: Iterable[RadioState]) -> Iterable[RadioState]:
    """Those that differ in what matters: their frequency, as all are where the aircraft is."""
    return {one.radio.frequency_hz: one for one in radios}.values()
