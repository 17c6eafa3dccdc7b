"""Which frequencies a pilot's radios are tuned to."""

from __future__ import annotations

from vatsim_simulator.controllers import APP, DEL, GND, TWR, Frequencies
from vatsim_simulator.flight import Fix
from vatsim_simulator.pilots import GUARD_HZ, UNICOM_HZ, PilotConnection
from vatsim_simulator.profile import SimulatedPhase
from vatsim_simulator.radio_names import other_name_hz

APPROACH_NM = 45
TOWER_NM = 9


def tuned_hz(connection: PilotConnection, fix: Fix, frequencies: Frequencies) -> int:
    """The frequency to use here: the local controller's, else 122.8."""
    flight, phase = connection.flight, fix.phase
    departure, arrival = flight.departure.icao, flight.arrival.icao
    station: int | None
    if phase is SimulatedPhase.PARKED:
        station = frequencies.near(departure, DEL, GND, TWR, APP)
    elif phase is SimulatedPhase.TAXI_OUT:
        station = frequencies.near(departure, GND, TWR, APP)
    elif phase is SimulatedPhase.TAKE_OFF:
        station = frequencies.near(departure, TWR, APP)
    elif phase is SimulatedPhase.TAXI_IN or phase is SimulatedPhase.ARRIVED:
        station = frequencies.near(arrival, GND, TWR, APP)
    elif phase is SimulatedPhase.LANDING or fix.remaining_nm < TOWER_NM:
        station = frequencies.near(arrival, TWR, APP)
    elif fix.remaining_nm < APPROACH_NM:
        station = frequencies.near(arrival, APP)
    elif fix.flown_nm < APPROACH_NM:
        station = frequencies.near(departure, APP)
    else:
        station = None
    if station is None:
        station = frequencies.centre(fix.latitude, fix.longitude)
    if station is None:
        return UNICOM_HZ + connection.frequency_offset_hz
    return other_name_hz(station, connection.spelling)


def radios_hz(connection: PilotConnection, tuned_hz: int) -> list[int]:
    """The frequencies of a pilot's radios, the first of which is tuned to this."""
    radios = [tuned_hz]
    if connection.second_radio_hz is not None:
        radios.append(connection.second_radio_hz)
    if connection.third_radio:
        radios.append(GUARD_HZ)
    return radios
