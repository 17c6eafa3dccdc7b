"""Who hears whom, as the simulator knows it: by looking at each pair, at the true places.

The definition is the published one (docs/rules.md, "Contacts"), and none of the code of the rules
is used, so that the rules can be held against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import inf, sqrt
from typing import NamedTuple

from vatsim_simulator.controllers import APP, CTR, DEL, FSS, GND, TWR, SimulatedSession
from vatsim_simulator.flight import Fix
from vatsim_simulator.pilots import PilotConnection
from vatsim_simulator.radio_names import HF_BELOW_HZ, channel_hz, name_hz
from vatsim_simulator.tuning import radios_hz
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.geometry import distance_nm

REACH_NM = {DEL: 15, GND: 15, TWR: 15, APP: 60, CTR: 400, FSS: 1_000}
EVERYBODYS_HZ = frozenset({121_500_000, 122_800_000})
BELIEVED_NM = 100
HORIZON_NM = 1.23
LOWEST_FT = 10
FEET_A_METRE = 1 / 0.3048


class Aerial(NamedTuple):
    """One radio of a station, where it counts."""

    session: SimulatedSession
    hertz: int
    is_its_own: bool
    latitude: float
    longitude: float
    height_ft: float
    reach_nm: float


Aerials = dict[int, list[Aerial]]
"""By channel."""


class Hearing(NamedTuple):
    """A pilot hears a station."""

    pilot: PilotConnection
    aerial: Aerial
    distance_nm: float

    @property
    def key(self) -> tuple[int, int, int]:
        """The numbers of the flight and the session, and the station's frequency."""
        return self.pilot.number, self.aerial.session.number, self.aerial.hertz


def aerials(sessions: Collection[SimulatedSession]) -> Aerials:
    """The radios of all stations; ATIS and observers are none."""
    found: Aerials = {}
    for session in sessions:
        if session.letter or session.facility not in REACH_NM or session.radios is None:
            continue
        for aerial in _aerials_of(session):
            channel = channel_hz(aerial.hertz)
            if channel not in EVERYBODYS_HZ:
                found.setdefault(channel, []).append(aerial)
    return found


def _aerials_of(session: SimulatedSession) -> Iterator[Aerial]:
    assert session.radios is not None
    for radio in session.radios.transceivers:
        latitude, longitude = radio.latDeg, radio.lonDeg
        height_ft = (radio.heightMslM or 0) * FEET_A_METRE
        airport = load_airports().get(session.icao)
        if airport is not None:
            away_nm = distance_nm(latitude, longitude, airport.latitude, airport.longitude)
            if away_nm > BELIEVED_NM:
                latitude, longitude = airport.latitude, airport.longitude
                height_ft = airport.elevation_ft + (radio.heightAglM or 0) * FEET_A_METRE
        hertz = name_hz(radio.frequency)
        yield Aerial(
            session,
            hertz,
            channel_hz(hertz) == channel_hz(session.frequency_hz),
            latitude,
            longitude,
            inf if hertz < HF_BELOW_HZ else height_ft,
            REACH_NM[session.facility],
        )


def heard(
    pilot: PilotConnection, fix: Fix, tuned_hz: int, by_channel: Aerials
) -> Iterator[Hearing]:
    """Whom a pilot hears who is there, with the first radio on this frequency."""
    if pilot.mute or not pilot.has_radios:
        return
    height_ft = max(fix.altitude_ft + pilot.ground_offset_ft, LOWEST_FT)
    for channel in {channel_hz(hertz): hertz for hertz in radios_hz(pilot, tuned_hz)}:
        best: tuple[float, bool, int, Aerial] | None = None
        for aerial in by_channel.get(channel, ()):
            away_nm = distance_nm(fix.latitude, fix.longitude, aerial.latitude, aerial.longitude)
            horizon_nm = HORIZON_NM * (sqrt(height_ft) + sqrt(max(aerial.height_ft, LOWEST_FT)))
            if away_nm > min(aerial.reach_nm, horizon_nm):
                continue
            one = (round(away_nm, 3), not aerial.is_its_own, aerial.session.number, aerial)
            if best is None or one[:3] < best[:3]:
                best = one
        if best is not None:
            yield Hearing(pilot, best[3], best[0])
