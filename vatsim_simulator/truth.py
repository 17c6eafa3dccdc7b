"""The truth about the simulated traffic: what really happened, and when, to the tick.

`vatwatch simulate --truth FILE` writes it beside the feed, one JSON object a line, in the order in
which the simulator comes to know it: an update's lines are complete before the update is shown.
What is unknown, empty or false is left out of a line.

    kind          what happened; `TruthKind` has all of them
    time          when, RFC 3339 in UTC: the true moment, which lies between two updates
    cid           whose doing
    callsign      under which callsign at that time
    flight        number of the flight, from 1 on; it stays the same through reconnects
    session       number of a controller's or an ATIS's session, likewise
    logon_time    of the connection that begins or goes on (flight_began, reconnect, return,
                  session_began, session_reconnect)
    airport       ICAO code, or `off_airport`
    departure     as the plan says it (flight_began, plan, diverting)
    arrival       as the plan says it
    flight_rules  as the plan says them
    in_flight     the aircraft was in the air when the flight began
    exaggerates   its simulator reports several times the true altitude and speed (flight_began)
    away_s        how long the connection was gone (reconnect, return, session_reconnect)
    reason        how a flight ended: `completed`, `cancelled` or `dropped`
    frequency_hz  a controller's frequency; left out: none is set
    letter        an ATIS's letter
    height_ft     how far above the field a go-around began
    lasts_s       how long a pause was
    distance_nm   how far a slew went
    times_faster  how much faster the simulator's time runs
    station       whom a pilot hears (contact_began, contact_ended); `session` is its number
    area          `fir` or `sector` (sector_entered, sector_left)
    sector        the area's id or name
    altitude_ft   at which it was entered or left
    board         `departures`, `arrivals` or `on_ground` (board_entered, board_left)

Times are those of the aircraft and not of the feed: a take-off is the moment at which the wheels
leave the ground. Things that happened before the first update, or while nobody was connected, are
in the file too.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from vatsim_simulator.stamps import from_ticks

OFF_AIRPORT = "off_airport"

_encoder = msgspec.json.Encoder()


class TruthKind(StrEnum):
    """What can happen."""

    # A flight and its connections.
    FLIGHT_BEGAN = "flight_began"
    DROP = "drop"
    """The connection was lost, or left, and the flight was not over."""
    RECONNECT = "reconnect"
    """Back within a quarter of an hour, with the same flight."""
    RETURN = "return"
    """Back later, with the same flight."""
    RENAME = "rename"
    """Another callsign on the same connection."""
    FLIGHT_ENDED = "flight_ended"
    PLAN = "plan"
    """The departure or the arrival of the plan is another now."""

    # An aircraft.
    OFF_BLOCK = "off_block"
    TAKE_OFF = "take_off"
    LANDING = "landing"
    TOUCH_AND_GO = "touch_and_go"
    ON_BLOCK = "on_block"
    GO_AROUND = "go_around"
    REJECTED_TAKE_OFF = "rejected_take_off"
    DIVERTING = "diverting"
    """In the air, the pilot turned to another airport; if told, there is a `plan` line too."""
    PAUSE = "pause"
    SLEW = "slew"
    """The aircraft was moved, as only a simulator can."""
    ACCELERATED = "accelerated"
    """From now on for a while, the simulator's time runs faster."""

    # An aircraft and others: whom it hears, and where it is.
    CONTACT_BEGAN = "contact_began"
    CONTACT_ENDED = "contact_ended"
    SECTOR_ENTERED = "sector_entered"
    SECTOR_LEFT = "sector_left"
    BOARD_ENTERED = "board_entered"
    """This update is the first that has the flight on this board of the airport."""
    BOARD_LEFT = "board_left"

    # Stations: controllers, observers, ATIS.
    SESSION_BEGAN = "session_began"
    SESSION_DROP = "session_drop"
    SESSION_RECONNECT = "session_reconnect"
    SESSION_ENDED = "session_ended"
    FREQUENCY = "frequency"
    ATIS = "atis"
    """The letter is this one from now on."""


class TruthRecord(Struct, frozen=True, omit_defaults=True):
    """One line of the truth; the module's text has the meaning of each field."""

    kind: TruthKind
    time: datetime
    cid: int
    callsign: str
    flight: int | None = None
    session: int | None = None
    logon_time: datetime | None = None
    airport: str = ""
    departure: str = ""
    arrival: str = ""
    flight_rules: str = ""
    in_flight: bool = False
    exaggerates: bool = False
    away_s: int | None = None
    reason: str = ""
    frequency_hz: int | None = None
    letter: str = ""
    height_ft: int | None = None
    lasts_s: int | None = None
    distance_nm: int | None = None
    times_faster: float | None = None
    station: str = ""
    area: str = ""
    sector: str = ""
    altitude_ft: int | None = None
    board: str = ""


class TruthLog:
    """Collects what happens until somebody takes it."""

    def __init__(self) -> None:
        self._records: list[TruthRecord] = []

    def add(self, kind: TruthKind, ticks: int, cid: int, callsign: str, **rest: object) -> None:
        """Note that this happened; `rest` are the other fields of `TruthRecord`."""
        self._records.append(
            TruthRecord(kind, from_ticks(ticks), cid, callsign, **rest)  # type: ignore[arg-type]
        )

    def take(self) -> list[TruthRecord]:
        """What was noted since the last time."""
        records, self._records = self._records, []
        return records


def truth_line(record: TruthRecord) -> bytes:
    """The record as a line of the file."""
    return _encoder.encode(record) + b"\n"


def read_truth(data: bytes) -> list[TruthRecord]:
    """The records of a file's lines. Raises `msgspec.MsgspecError` for a line that is not one."""
    return [msgspec.json.decode(line, type=TruthRecord) for line in data.splitlines() if line]
