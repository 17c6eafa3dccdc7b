"""Contacts: which aircraft is tuned to which station.

A pilot's radio and a station's are in contact if they are on one channel (`radio_channels`), the
station's facility is heard so far, and both see each other over the curve of the earth
(`radio_horizon`).

- *Stations* are controllers with a facility and a callsign of a station (`station_place`). One that
  shows no frequency yet is a station if its radios are on the channel, as the feed's frequency is
  an update or two late after a logon. ATIS stations and observers are none.
- The facility counts as it is sent. Where it is missing or unknown the end of the callsign tells: a
  ramp (RMP) is heard as far as ground, a radio (RDO) as far as tower, and flow managers nowhere.
- All radios of a station count, those of other sectors that it has coupled too. Of several stations
  on the channel the nearest one has the contact; of those that are equally near, as on one mast, it
  is the one that shows the channel as its own frequency, then the one with the lower id.
- Where the radios are too far from the airport in the callsign to be believed, the station stands
  at its airport, on a mast as high as its radios say, and the contact says so.
- An aircraft whose radio has no height is as high as the feed's altitude.
- Some channels are everybody's: those that the setting names, UNICOM and guard, make no contact.

A pilot has one contact on a channel, whatever the number of the radios on it, and several if the
radios are on several channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct

from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import Controller
from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.network_state import NetworkState, Radio, RadioState, Session
from vatwatch.traffic.radio_channels import HF_BELOW_HZ, channel_hz, named_hz
from vatwatch.traffic.radio_horizon import FEET_A_METRE
from vatwatch.traffic.station_place import station_state
from vatwatch.traffic.thresholds import threshold

FIELD_NM = threshold(
    15,
    "nm",
    "Delivery, ground and tower talk to who is at the airport or on its final.",
)
APPROACH_NM = threshold(
    60,
    "nm",
    "Approach and departure hand over at the edge of their area, which is seldom farther out.",
)
CENTRE_NM = threshold(
    400,
    "nm",
    "Beyond the horizon of the highest aircraft, from an aerial on a mountain too.",
)
FLIGHT_SERVICE_NM = threshold(
    1_000,
    "nm",
    "Stations of the oceans and deserts; their aerials stand on the coast.",
)
UNICOM_HZ = threshold(
    122_800_000,
    "Hz",
    "UNICOM: everybody without a controller is on it.",
)
GUARD_HZ = threshold(
    121_500_000,
    "Hz",
    "Guard: the emergency frequency, on which many listen with a second radio.",
    "ICAO Annex 10, volume V, 4.1.3.1.",
)
# Hardly anybody has more radios than this; of those who do, no two alike are looked at.
FEW_RADIOS = 4

# The feed's numbers of facilities, and what other ends of callsigns are like.
FACILITIES = {1: "FSS", 2: "DEL", 3: "GND", 4: "TWR", 5: "APP", 6: "CTR"}
LIKE = {"DEP": "APP", "RMP": "GND", "RDO": "TWR"}


class ContactRules(Struct, frozen=True):
    """What the operator may set: how far each facility is heard in nm, and channels left out."""

    delivery_nm: float = FIELD_NM
    ground_nm: float = FIELD_NM
    tower_nm: float = FIELD_NM
    approach_nm: float = APPROACH_NM
    centre_nm: float = CENTRE_NM
    flight_service_nm: float = FLIGHT_SERVICE_NM
    excluded_hz: frozenset[int] = frozenset({UNICOM_HZ, GUARD_HZ})
    """In any spelling; it is the channel that is left out."""

    def reach_nm(self, controller: Controller) -> float | None:
        """How far a controller is heard; None: nobody talks to a facility like this."""
        suffix = controller.callsign.rsplit("_", 1)[-1].upper()
        facility = FACILITIES.get(controller.facility or 0) or LIKE.get(suffix, suffix)
        return {
            "DEL": self.delivery_nm,
            "GND": self.ground_nm,
            "TWR": self.tower_nm,
            "APP": self.approach_nm,
            "CTR": self.centre_nm,
            "FSS": self.flight_service_nm,
        }.get(facility)


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


class _StationRadio(NamedTuple):
    """In the order of preference among equally near ones."""

    is_not_its_own: bool
    session_id: int
    frequency_hz: int
    channel: int
    latitude: float
    longitude: float
    height_ft: float
    reach_nm: float
    placed_by: str


def contacts(state: NetworkState, rules: ContactRules) -> list[Contact]:
    """Tell who talks to whom after the snapshot that the state is of, in the order of their keys.

    The same state gives the same contacts, whatever the order of its records.
    """
    # numpy takes a tenth of a second to import, and few commands need it.
    from vatwatch.traffic.nearest_station import Aerials, nearest_stations

    stations = sorted(set(_station_radios(state, rules)))
    heard = nearest_stations(
        Aerials.of(*_aircraft_radios(state, {radio.channel for radio in stations})),
        Aerials.of(
            [radio.session_id for radio in stations],
            [radio.channel for radio in stations],
            [radio.latitude for radio in stations],
            [radio.longitude for radio in stations],
            [radio.height_ft for radio in stations],
        ),
        [radio.reach_nm for radio in stations],
    )
    found = [
        Contact(
            flight_id,
            stations[row].session_id,
            stations[row].frequency_hz,
            distance_nm,
            stations[row].placed_by,
        )
        for flight_id, row, distance_nm in zip(*heard, strict=True)
    ]
    return sorted(found, key=attrgetter("flight_id", "session_id", "frequency_hz"))


def _station_radios(state: NetworkState, rules: ContactRules) -> Iterator[_StationRadio]:
    excluded = {channel_hz(hertz) for hertz in rules.excluded_hz}
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
            latitude, longitude, height_ft, placed_by = _stands(session, one.radio)
            yield _StationRadio(
                channel != own,
                session.session_id,
                name,
                channel,
                latitude,
                longitude,
                inf if name < HF_BELOW_HZ else height_ft,
                reach_nm,
                placed_by,
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


def _aircraft_radios(
    state: NetworkState, wanted: set[int]
) -> tuple[list[int], list[int], list[float], list[float], list[float]]:
    """The radios of flights on wanted channels: flight, channel, degrees, feet; one in a row.

    This is the one loop over everybody, and written for its speed.
    """
    owners: list[int] = []
    channels: list[int] = []
    latitudes: list[float] = []
    longitudes: list[float] = []
    heights_ft: list[float] = []
    flights = state.flights
    # By frequency; None: no station is on it. No channel is 0.
    channels_of: dict[int, int | None] = {}
    for callsign, radios in state.radios.items():
        for one in radios if len(radios) <= FEW_RADIOS else _unlike(radios):
            radio = one.radio
            hertz = radio.frequency_hz
            channel = channels_of.get(hertz, 0)
            if channel == 0:
                channel = channel_hz(hertz)
                channel = channels_of[hertz] = channel if channel in wanted else None
            if channel is None:
                continue
            flight, flight_id = flights.get(callsign), one.flight_id
            if flight is None or flight_id is None or flight.flight_id != flight_id:
                continue
            height_m = radio.height_msl_m
            if hertz < HF_BELOW_HZ:
                height_ft = inf
            elif height_m is None:
                height_ft = flight.pilot.altitude or 0
            else:
                height_ft = height_m * FEET_A_METRE
            owners.append(flight_id)
            channels.append(channel)
            latitudes.append(radio.latitude)
            longitudes.append(radio.longitude)
            heights_ft.append(height_ft)
    return owners, channels, latitudes, longitudes, heights_ft


def _unlike(radios: Iterable[RadioState]) -> Iterable[RadioState]:
    """Those that differ in what matters."""
    return {
        (
            one.radio.frequency_hz,
            one.radio.latitude,
            one.radio.longitude,
            one.radio.height_msl_m,
        ): one
        for one in radios
    }.values()
