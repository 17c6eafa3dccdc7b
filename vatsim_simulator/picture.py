"""Draws the network at one moment as records of the feeds."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from random import Random
from typing import NamedTuple

from vatsim_simulator.controllers import Frequencies, SimulatedSession, frequencies
from vatsim_simulator.flight import Fix
from vatsim_simulator.oddities import HPA_PER_INHG, Rates
from vatsim_simulator.pilots import Filed, PilotConnection
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks, stamp
from vatsim_simulator.true_altitude import above_level_ft, qnh_hpa
from vatsim_simulator.tuning import radios_hz, tuned_hz
from vatwatch.feed.records import (
    Atis,
    ClientRadios,
    Controller,
    Facility,
    Feed,
    General,
    Pilot,
    PilotRating,
    Prefile,
    Server,
    Transceiver,
)

FEET_PER_METRE = 3.28084
HIGHEST_FT, FASTEST_KT = 61_729, 1_636
# How old records are: pilots report every 5 s, controllers every 25 s, and clocks differ a little.
PILOT_AGE_S, CONTROLLER_AGE_S = 5.05, 25.0
AHEAD_S = 0.006
FAR_AHEAD, FAR_AHEAD_S = 0.0005, 0.7
# The update comes this much after its time, at most.
JITTER_S = 0.005

IDENTS = ("GERMANY", "GERMANY2", "UK", "AMSTERDAM", "USA-WEST", "USA-EAST", "CANADA", "VIRTUALNAS")
IDENT_SHARES = (264, 258, 158, 130, 66, 56, 22, 5)


# These stay the same from one update to the next.
_logon_time = lru_cache(maxsize=1 << 16)(stamp)


class Picture(NamedTuple):
    """Both feeds at one moment."""

    feed: Feed
    radios: list[ClientRadios]


class ServerRow(Server, frozen=True, gc=False):
    """A server as VATSIM sends it, including the old form of one of its keys."""

    clients_connection_allowed: int = 1


_SERVERS: list[Server] = [
    ServerRow(ident, f"192.0.2.{number}", ident.title(), ident)
    for number, ident in enumerate(IDENTS, 1)
]
_FACILITIES = [
    Facility(number, short, long)
    for number, (short, long) in enumerate(
        [
            ("OBS", "Observer"),
            ("FSS", "Flight Service Station"),
            ("DEL", "Clearance Delivery"),
            ("GND", "Ground"),
            ("TWR", "Tower"),
            ("APP", "Approach/Departure"),
            ("CTR", "Enroute"),
        ]
    )
]
_RATINGS = [
    Facility(number, short, long)
    for number, (short, long) in enumerate(
        [
            ("INAC", "Inactive"),
            ("SUS", "Suspended"),
            ("OBS", "Observer"),
            ("S1", "Tower Trainee"),
            ("S2", "Tower Controller"),
            ("S3", "Senior Student"),
            ("C1", "Enroute Controller"),
            ("C2", "Controller 2 (not in use)"),
            ("C3", "Senior Controller"),
            ("I1", "Instructor"),
            ("I2", "Instructor 2 (not in use)"),
            ("I3", "Senior Instructor"),
            ("SUP", "Supervisor"),
            ("ADM", "Administrator"),
        ],
        -1,
    )
]
_PILOT_RATINGS = [
    PilotRating(0, "NEW", "Basic Member"),
    PilotRating(1, "PPL", "Private Pilot License"),
    PilotRating(3, "IR", "Instrument Rating"),
    PilotRating(7, "CMEL", "Commercial Multi-Engine License"),
    PilotRating(15, "ATPL", "Airline Transport Pilot License"),
    PilotRating(31, "FI", "Flight Instructor"),
    PilotRating(63, "FE", "Flight Examiner"),
]
_MILITARY_RATINGS = [
    PilotRating(0, "M0", "No Military Rating"),
    PilotRating(1, "M1", "Military Pilot License"),
    PilotRating(3, "M2", "Military Instrument Rating"),
    PilotRating(7, "M3", "Military Multi-Engine Rating"),
    PilotRating(15, "M4", "Military Mission Ready Pilot"),
]


def draw_picture(
    random: Random,
    rates: Rates,
    now: int,
    pilots: Collection[PilotConnection],
    sessions: Collection[SimulatedSession],
    prefiles: Collection[Filed],
) -> Picture:
    """Draw both feeds from the clients; `random` is only for small delays, not for the world."""
    update = now + random.randrange(round(JITTER_S * TICKS_PER_S))
    online = frequencies(sessions, now)
    records, radios = [], []
    for connection in pilots:
        fix = connection.fix(now)
        heard = _heard(random, update, PILOT_AGE_S)
        if connection.silent_ticks is not None:
            heard = connection.silent_ticks
        elif random.random() < rates.late_record:
            heard -= random.randrange(30 * TICKS_PER_S)
        records.append(_pilot(connection, fix, now, heard))
        if connection.has_radios:
            radios.append(_pilot_radios(connection, fix, online))
    stations = [session for session in sessions if not session.letter]
    atis = [session for session in sessions if session.letter]
    radios += [session.radios for session in sessions if session.radios is not None]
    cids = {connection.cid for connection in pilots} | {session.cid for session in sessions}
    feed = Feed(
        general=General(
            update_timestamp=stamp(update),
            version=3,
            reload=1,
            update=from_ticks(update).strftime("%Y%m%d%H%M%S"),
            connected_clients=len(pilots) + len(sessions),
            unique_users=len(cids),
        ),
        pilots=records,
        controllers=[_controller(random, session, now, update) for session in stations],
        atis=[_atis(random, session, now, update) for session in atis],
        prefiles=[
            Prefile(filed.cid, filed.callsign, filed.plan, stamp(filed.filed_ticks), str(filed.cid))
            for filed in prefiles
        ],
        servers=_SERVERS,
        facilities=_FACILITIES,
        ratings=_RATINGS,
        pilot_ratings=_PILOT_RATINGS,
        military_ratings=_MILITARY_RATINGS,
    )
    return Picture(feed, radios)


def _pilot(connection: PilotConnection, fix: Fix, now: int, heard: int) -> Pilot:
    inches = connection.garbage_inches
    if inches is None:
        pressure = qnh_hpa(fix.latitude, fix.longitude, now)
        inches, hpa = round(pressure / HPA_PER_INHG, 2), round(pressure)
    else:
        hpa = round(inches * HPA_PER_INHG)
    # Levels are flown by the standard pressure, heights are sent as they are.
    above_standard_ft = above_level_ft(fix, hpa) if connection.faster == 1 else 0
    altitude_ft = (fix.altitude_ft + above_standard_ft) * connection.faster
    return Pilot(
        connection.cid,
        connection.callsign,
        round(fix.latitude, 5),
        round(fix.longitude, 5),
        min(round(altitude_ft) + connection.ground_offset_ft, HIGHEST_FT),
        min(round(fix.groundspeed_kt * connection.faster), FASTEST_KT),
        360 if connection.shows_360 and fix.heading == 0 else fix.heading,
        _logon_time(connection.logon_ticks),
        stamp(heard),
        connection.name,
        connection.server,
        connection.pilot_rating,
        0,
        connection.transponder,
        inches,
        hpa,
        connection.plan,
    )


def _pilot_radios(connection: PilotConnection, fix: Fix, online: Frequencies) -> ClientRadios:
    if connection.mute:
        return ClientRadios(connection.callsign, [])
    sea_m = (fix.altitude_ft + connection.ground_offset_ft) / FEET_PER_METRE
    ground_m = connection.flight.ground_ft(fix) / FEET_PER_METRE
    # Simulators differ in the height of the ground: an aircraft may be a little below it.
    place = (fix.latitude, fix.longitude, sea_m, sea_m - ground_m)
    hertz = tuned_hz(connection, fix, online)
    radios = [
        Transceiver(number, each, *place)
        for number, each in enumerate(radios_hz(connection, hertz), 1)
    ]
    return ClientRadios(connection.callsign, radios)


def _controller(random: Random, session: SimulatedSession, now: int, update: int) -> Controller:
    return Controller(
        session.cid,
        session.callsign,
        megahertz(session.frequency_now_hz(now)),
        session.facility,
        session.rating,
        _logon_time(session.logon_ticks),
        stamp(_heard(random, update, CONTROLLER_AGE_S)),
        session.name,
        session.server,
        session.visual_range,
        session.text,
    )


def _atis(random: Random, session: SimulatedSession, now: int, update: int) -> Atis:
    return Atis(
        session.cid,
        session.callsign,
        megahertz(session.frequency_now_hz(now)),
        session.facility,
        session.rating,
        _logon_time(session.logon_ticks),
        stamp(_heard(random, update, CONTROLLER_AGE_S)),
        session.name,
        session.server,
        session.visual_range,
        session.shown_letter,
        session.text,
    )


def megahertz(hertz: int) -> str:
    """A controller's frequency as the feed writes it: `128.350`."""
    return f"{hertz // 1_000_000}.{hertz // 1_000 % 1_000:03}"


def _heard(random: Random, update: int, oldest_s: float) -> int:
    """When a client was last heard: within its reporting period, at times after the update."""
    ahead_s = FAR_AHEAD_S if random.random() < FAR_AHEAD else AHEAD_S
    return update + round((ahead_s - random.random() * oldest_s) * TICKS_PER_S)
