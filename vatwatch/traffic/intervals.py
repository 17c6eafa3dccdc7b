"""Radios: what is tuned to which frequency, from when to when."""

from __future__ import annotations

from datetime import datetime

from vatwatch.traffic.changes import RadioChanges
from vatwatch.traffic.identity import stable_id
from vatwatch.traffic.network_state import (
    Flight,
    NetworkState,
    Radio,
    RadioState,
    Session,
)

# About a hundred metres: a station's aerial that moved less has not moved. Heights are to a metre.
STATION_DIGITS = 3


def radio_changes(
    before: NetworkState,
    radios: dict[str, tuple[Radio, ...]],
    flights: list[Flight],
    sessions: list[Session],
    time: datetime,
) -> RadioChanges:
    """Hold the radios of a snapshot against those that are known."""
    flight_ids = {flight.pilot.callsign: flight.flight_id for flight in flights}
    session_ids = {session.controller.callsign: session.session_id for session in sessions}
    states: dict[str, tuple[RadioState, ...]] = {}
    opened: list[RadioState] = []
    closed: list[int] = []
    for callsign, tuned in radios.items():
        flight_id, session_id = flight_ids.get(callsign), session_ids.get(callsign)
        moves = flight_id is not None
        last = before.radios.get(callsign, ())
        if _still_tuned(last, tuned, flight_id, session_id):
            # A station's radios are the same altogether.
            states[callsign] = tuple(map(_moved, last, tuned)) if moves else last
            continue
        known = {(s.flight_id, s.session_id, *_tuning(s.radio, moves)): s for s in last}
        now: dict[tuple[object, ...], RadioState] = {}
        for radio in tuned:
            key = (flight_id, session_id, *_tuning(radio, moves))
            state = known.get(key)
            if state is None and key not in now:
                state = RadioState(
                    stable_id("radio", callsign, *key, time.isoformat()),
                    callsign,
                    radio,
                    radio,
                    time,
                    flight_id,
                    session_id,
                )
                opened.append(state)
            elif state is not None:
                state = _moved(state, radio)
            if state is not None:
                now[key] = state
        closed.extend(state.state_id for key, state in known.items() if key not in now)
        if now:
            states[callsign] = tuple(now.values())
    for callsign, lost in before.radios.items():
        if callsign not in radios:
            closed.extend(state.state_id for state in lost)
    return RadioChanges(states, opened, closed)


def _still_tuned(
    last: tuple[RadioState, ...],
    tuned: tuple[Radio, ...],
    flight_id: int | None,
    session_id: int | None,
) -> bool:
    """Whether nobody has touched a client's radios: nearly always, and told faster than by keys."""
    if len(last) != len(tuned) or not last:
        return False
    for state, radio in zip(last, tuned, strict=True):
        was = state.radio
        if (
            was.frequency_hz != radio.frequency_hz
            or was.radio_id != radio.radio_id
            or state.flight_id != flight_id
            or state.session_id != session_id
        ):
            return False
        if flight_id is None and was != radio:
            return False
    return True


def _moved(state: RadioState, radio: Radio) -> RadioState:
    """The same state; a pilot's radio is somewhere else by now, a station's at most a little."""
    return RadioState(
        state.state_id,
        state.callsign,
        radio,
        state.kept,
        state.first_seen,
        state.flight_id,
        state.session_id,
    )


def _tuning(radio: Radio, moves: bool) -> tuple[object, ...]:
    """What makes a radio's state another: its frequency, and a station's place."""
    if moves:
        return (radio.radio_id, radio.frequency_hz)
    return (
        radio.radio_id,
        radio.frequency_hz,
        round(radio.latitude, STATION_DIGITS),
        round(radio.longitude, STATION_DIGITS),
        None if radio.height_msl_m is None else round(radio.height_msl_m),
        None if radio.height_agl_m is None else round(radio.height_agl_m),
    )
