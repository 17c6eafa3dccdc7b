"""What is unusual about a station's radios: coupled, shared and HF frequencies.

Drawn from a source of its own, so that the rest of the traffic is the same with any of it.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from vatsim_simulator.controllers import (
    APP,
    CTR,
    DEL,
    FSS,
    GND,
    NO_FREQUENCY,
    TWR,
    Coupled,
    SimulatedSession,
    aerial_of,
    draw_channel_hz,
)
from vatsim_simulator.fir_cells import Fir, fir_by_prefix, firs
from vatsim_simulator.oddities import Rates
from vatsim_simulator.radio_names import HF_OF_VHF
from vatwatch.feed.records import ClientRadios, Transceiver
from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.geometry import distance_nm

# Which position beside it a station works, too.
_BELOW = {APP: TWR, TWR: GND, GND: DEL}


class RadioOddities:
    """Changes the radios of a station that has just logged on."""

    def __init__(self, random: Random, rates: Rates) -> None:
        self._random, self._rates = random, rates

    def change(self, session: SimulatedSession, online: Collection[SimulatedSession]) -> None:
        """Let it share a frequency with somebody, or be on HF, or couple another frequency."""
        random, rates = self._random, self._rates
        if session.letter or session.frequency_hz == NO_FREQUENCY:
            return
        others = [
            one.frequency_hz
            for one in online
            if one.facility and one.frequency_hz != NO_FREQUENCY and not one.letter
        ]
        if others and random.random() < rates.same_frequency:
            _move(session, random.choice(others))
        fir = fir_by_prefix(session.callsign)
        suffix = session.callsign.rpartition("_")[2]
        if suffix == "FSS" and fir is not None and fir.ocean and random.random() < rates.on_hf:
            self._to_hf(session, fir)
        elif random.random() < rates.couples:
            self._couple(session, fir)

    def _to_hf(self, session: SimulatedSession, fir: Fir) -> None:
        """The feed and the pilots have the alias, the station's radios the HF frequency itself."""
        vhf = self._random.choice(list(HF_OF_VHF))
        _move(session, HF_OF_VHF[vhf])
        session.frequency_hz, session.ocean = vhf, fir.ocean

    def _couple(self, session: SimulatedSession, fir: Fir | None) -> None:
        if not session.radios or not session.radios.transceivers:
            return
        hertz = draw_channel_hz(self._random)
        airport = load_airports().get(session.icao)
        if airport is not None and session.facility in _BELOW:
            # On the mast that it has already, wherever that is.
            mast = session.radios.transceivers[0]
            added = [_beside(mast, len(session.radios.transceivers), hertz)]
            coupled = Coupled(hertz, _BELOW[session.facility], frozenset())
        elif fir is not None and session.facility in (CTR, FSS):
            other = _neighbour(fir)
            number = len(session.radios.transceivers)
            added = [
                aerial_of(number + count, hertz, aerial)
                for count, aerial in enumerate(other.centre.aerials)
            ]
            coupled = Coupled(hertz, CTR, other.cells)
        else:
            return
        session.coupled = (coupled,)
        session.radios = ClientRadios(session.callsign, [*session.radios.transceivers, *added])


def _move(session: SimulatedSession, hertz: int) -> None:
    before, session.frequency_hz = session.frequency_hz, hertz
    if session.radios is not None:
        session.radios = ClientRadios(
            session.callsign,
            [
                _beside(radio, radio.id, hertz) if radio.frequency == before else radio
                for radio in session.radios.transceivers
            ],
        )


def _beside(radio: Transceiver, number: int, hertz: int) -> Transceiver:
    return Transceiver(
        number, hertz, radio.latDeg, radio.lonDeg, radio.heightMslM, radio.heightAglM
    )


def _neighbour(fir: Fir) -> Fir:
    """The region whose first aerial is the nearest."""
    here = fir.centre.aerials[0]

    def away_nm(other: Fir) -> float:
        there: Airport = other.centre.aerials[0]
        return distance_nm(here.latitude, here.longitude, there.latitude, there.longitude)

    return min((other for other in firs() if other is not fir), key=away_nm)
