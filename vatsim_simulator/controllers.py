"""Controllers, ATIS and observers, with their frequencies and texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import msgspec

from vatsim_simulator import texts
from vatsim_simulator.fir_cells import Cell, cell_at, cells_around
from vatsim_simulator.oddities import Rates
from vatsim_simulator.places import callsign_prefix, places
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks
from vatwatch.feed.records import ClientRadios, Transceiver
from vatwatch.traffic.airports import Airport

NO_FREQUENCY = 199_998_000
OBS, FSS, DEL, GND, TWR, APP, CTR = range(7)
SUPERVISOR = 11

# (suffix, facility, share of controllers, visual range)
_POSITIONS = (
    ("TWR", TWR, 264, 50),
    ("CTR", CTR, 257, 600),
    ("APP", APP, 202, 150),
    ("GND", GND, 184, 20),
    ("DEL", DEL, 55, 20),
    ("FSS", FSS, 23, 1500),
    ("DEP", APP, 12, 150),
)
_RATINGS = {
    FSS: (5, 7, 8),
    DEL: (2, 2, 3),
    GND: (2, 3, 4),
    TWR: (3, 4, 5),
    APP: (4, 5, 7),
    CTR: (5, 5, 7, 8, 10),
}
# Of 1,501 controllers and observers.
_OBSERVERS, _SUPERVISORS = 0.10, 0.03
INFIXES = ("1", "2", "N", "S", "E", "W", "F", "T")
MEAN_SESSION_S = 4_800
MEAN_ATIS_S = 7_200
ATIS_PERIOD_S = 1_800
# A pilot's own lines come from his plan; a station's aerials stand on masts.
MAST_M = 30.0


class Coupled(NamedTuple):
    """A frequency of another position: of a facility at the same airport, or of a region."""

    frequency_hz: int
    facility: int
    cells: frozenset[Cell]


@dataclass(slots=True)
class SimulatedSession:
    """One controller, observer or ATIS, from logon to logoff."""

    callsign: str
    cid: int
    name: str
    server: str
    facility: int
    rating: int
    visual_range: int
    frequency_hz: int
    logon_ticks: int
    ends_ticks: int
    text: list[str] | None
    icao: str = ""
    cells: frozenset[Cell] = frozenset()
    radios: ClientRadios | None = None
    tunes_in_ticks: int = 0
    """Until then the frequency is not set yet."""
    letter: str = ""
    code_flaps: bool = False
    next_letter_ticks: int = 0
    letter_before: str = ""
    changed_ticks: int = 0
    """When it took its letter."""
    shown_letter: str | None = ""
    """What the feed has: the letter, none, or still the one before."""
    flickers_until_ticks: int = 0
    coupled: tuple[Coupled, ...] = ()
    """Frequencies of other positions that it works, too."""
    ocean: frozenset[Cell] = frozenset()
    """Where it is called where no centre is: a flight service station on HF."""
    retuned_ticks: int = 0
    dropped_ticks: int = 0
    number: int = 0
    """The truth's."""
    told_hz: int | None = None

    def frequency_now_hz(self, now: int) -> int:
        """The frequency in the feed: 199.998 at first, for some."""
        return NO_FREQUENCY if now < self.tunes_in_ticks else self.frequency_hz


@dataclass(slots=True)
class Frequencies:
    """Finds the station for a place: by airport and facility, and for centres by map square."""

    by_airport: dict[str, dict[int, int]] = field(default_factory=dict)
    by_cell: dict[Cell, int] = field(default_factory=dict)
    by_ocean: dict[Cell, int] = field(default_factory=dict)

    def near(self, icao: str, *facilities: int) -> int | None:
        """The first of these facilities that is online at the airport."""
        online = self.by_airport.get(icao)
        if online:
            for facility in facilities:
                if facility in online:
                    return online[facility]
        return None

    def centre(self, latitude: float, longitude: float) -> int | None:
        """The centre that covers the point, or the station of the ocean."""
        cell = cell_at(latitude, longitude)
        return self.by_cell.get(cell) or self.by_ocean.get(cell)


class Roster:
    """Draws controllers that might log on now."""

    def __init__(self, random: Random, rates: Rates) -> None:
        self._random, self._rates = random, rates

    def controller(
        self, now: int, cid: int, server: str, taken: Collection[str], flights: list[str]
    ) -> SimulatedSession | None:
        """A controller or an observer with a free callsign; None if none was found.

        `flights` are callsigns in the air, for observers of a pilot.
        """
        random = self._random
        kind = random.random()
        if kind < self._rates.observer_of_flight:
            return self._observer(now, cid, server, taken, _shadow(random, flights))
        if kind < self._rates.observer_of_flight + _OBSERVERS:
            callsign = texts.initials(random) if random.random() < 0.95 else str(cid)
            return self._observer(now, cid, server, taken, callsign + "_OBS")
        if kind < self._rates.observer_of_flight + _OBSERVERS + _SUPERVISORS:
            return self._observer(now, cid, server, taken, texts.initials(random) + "_SUP")
        suffix, facility, _, visual_range = random.choices(
            _POSITIONS,
            [
                share * (self._rates.flight_service if facility == FSS else 1)
                for _, facility, share, _ in _POSITIONS
            ],
        )[0]
        if facility in (CTR, FSS):
            centre = random.choice(places().centres)
            prefix, aerials, icao = centre.prefix, centre.aerials, ""
            visual_range = (
                random.choice((visual_range, 300, 400)) if facility == CTR else visual_range
            )
        else:
            hub = _hub(random)
            prefix, aerials, icao = callsign_prefix(hub), (hub,), hub.icao
        if random.random() < 0.4 and "_" not in prefix:
            prefix += "_" + random.choice(INFIXES)
        callsign = f"{prefix}_{suffix}"
        if callsign in taken:
            return None
        session = self._session(now, cid, server, callsign, facility, visual_range, MEAN_SESSION_S)
        session.rating = random.choice(_RATINGS[facility])
        session.icao = icao
        if random.random() < self._rates.no_frequency_yet:
            # Some set it after a while, some only when they open.
            wait_s = random.choice((random.randint(15, 120), random.randint(600, 7200)))
            session.tunes_in_ticks = now + wait_s * TICKS_PER_S
        else:
            session.tunes_in_ticks = self.tunes_in_late(now)
        if random.random() > self._rates.no_text:
            session.text = texts.controller_text(random, prefix.replace("_", " "))
        if random.random() < self._rates.wrong_facility:
            session.facility = random.choice((FSS, TWR, CTR))
        if facility in (CTR, FSS):
            session.cells = frozenset(cell for aerial in aerials for cell in cells_around(aerial))
        session.radios = self._aerials(session, aerials)
        return session

    def atis(
        self, now: int, cid: int, server: str, taken: Collection[str]
    ) -> SimulatedSession | None:
        """An ATIS of an airport that has none of this kind yet."""
        random = self._random
        hub = _hub(random)
        kind = random.choices(("_ATIS", "_A_ATIS", "_D_ATIS"), (82, 9, 9))[0]
        callsign = hub.icao + kind
        if callsign in taken:
            return None
        visual_range = random.choice((50, 50, 0))
        session = self._session(now, cid, server, callsign, TWR, visual_range, MEAN_ATIS_S)
        session.rating = random.choice((2, 3, 4, 5, 5, 7, 8))
        session.icao = hub.icao
        session.letter = session.shown_letter = texts.any_letter(random)
        session.code_flaps = random.random() < self._rates.atis_code_flaps
        if random.random() > self._rates.atis_no_text:
            session.text = self.atis_text(session, now)
        # The weather is published at ten to and twenty past the hour; each server reads it a little
        # later.
        period = ATIS_PERIOD_S * TICKS_PER_S
        delay = random.randint(1, 240) * TICKS_PER_S
        session.next_letter_ticks = now - now % period + 20 * 60 * TICKS_PER_S + delay
        while session.next_letter_ticks <= now:
            session.next_letter_ticks += period
        session.radios = self._aerials(session, (hub,))
        return session

    def atis_text(self, session: SimulatedSession, now: int) -> list[str]:
        """The text of an ATIS for its present letter."""
        hub = next(hub for hub in places().hubs if hub.icao == session.icao)
        at = from_ticks(now).strftime("%H%M")
        qnh = self._random.randint(985, 1036)
        return texts.atis_text(self._random, hub, session.letter, at, qnh)

    def advance(self, session: SimulatedSession, now: int) -> bool:
        """Let an ATIS take its next letter when the time has come; whether it has."""
        if not session.letter:
            return False
        changes = now >= session.next_letter_ticks
        if changes:
            session.changed_ticks = session.next_letter_ticks
            session.next_letter_ticks += ATIS_PERIOD_S * TICKS_PER_S
            before, session.letter = session.letter, texts.next_letter(session.letter)
            if session.text is not None:
                session.text = self.atis_text(session, now)
            session.letter_before = before
        self._flicker(session, now, changed=changes)
        return changes

    def tunes_in_late(self, now: int) -> int:
        """Until when one who has just logged on shows no frequency: for an update or two."""
        if self._random.random() >= self._rates.frequency_late:
            return 0
        return now + self._random.randint(1, 2 * 15 - 1) * TICKS_PER_S

    def _flicker(self, session: SimulatedSession, now: int, *, changed: bool) -> None:
        """Some stations' letters come and go: none for a while, or the one before once more."""
        if now < session.flickers_until_ticks:
            return
        random, second = self._random, TICKS_PER_S
        if session.code_flaps and session.shown_letter is not None and random.random() < 0.15:
            session.shown_letter = None
            session.flickers_until_ticks = now + random.randint(1, 6) * 15 * second
        elif changed and session.code_flaps:
            session.shown_letter = session.letter_before
            session.flickers_until_ticks = now + random.randint(1, 3) * 15 * second
        else:
            session.shown_letter = session.letter

    def retune(self, session: SimulatedSession) -> None:
        """Move a controller and its aerials to another frequency; HF and what is coupled stay."""
        before, session.frequency_hz = session.frequency_hz, draw_channel_hz(self._random)
        if session.ocean:
            session.frequency_hz = before
        elif session.radios is not None:
            session.radios = ClientRadios(
                session.callsign,
                [
                    _tuned(radio, session.frequency_hz) if radio.frequency == before else radio
                    for radio in session.radios.transceivers
                ],
            )

    def _observer(
        self, now: int, cid: int, server: str, taken: Collection[str], callsign: str
    ) -> SimulatedSession | None:
        if not callsign or callsign in taken:
            return None
        random = self._random
        visual_range = random.choice((40, 40, 40, 100, 100, 300, 600, 150))
        session = self._session(now, cid, server, callsign, OBS, visual_range, MEAN_SESSION_S)
        session.frequency_hz = NO_FREQUENCY
        session.rating = SUPERVISOR if callsign.endswith("_SUP") else random.choice((1, 1, 1, 2, 5))
        if random.random() < 0.08:
            session.text = texts.controller_text(random, "Observer")
        session.radios = ClientRadios(callsign, [])
        return session

    def _session(
        self,
        now: int,
        cid: int,
        server: str,
        callsign: str,
        facility: int,
        visual_range: int,
        mean_s: int,
    ) -> SimulatedSession:
        random = self._random
        lasts_s = max(120.0, random.expovariate(1 / mean_s))
        return SimulatedSession(
            callsign=callsign,
            cid=cid,
            name=texts.person(cid, places().hubs),
            server=server,
            facility=facility,
            rating=1,
            visual_range=visual_range,
            frequency_hz=draw_channel_hz(random),
            logon_ticks=now - random.randrange(15 * TICKS_PER_S),
            ends_ticks=now + round(lasts_s * TICKS_PER_S),
            text=None,
        )

    def _aerials(
        self, session: SimulatedSession, aerials: tuple[Airport, ...]
    ) -> ClientRadios | None:
        """The station's radios; stations with an infix often have none, or some that are far
        away."""
        random, rates = self._random, self._rates
        if random.random() < rates.not_in_radios:
            return None
        infix = session.callsign.count("_") > 1
        if random.random() < (4 * rates.no_radios if infix else rates.no_radios):
            return ClientRadios(session.callsign, [])
        if infix and random.random() < rates.station_far_off:
            aerials = (_hub(random),)
        frequencies = [session.frequency_hz] * len(aerials)
        radios = list(zip(frequencies, aerials, strict=True))
        # A second channel on the same mast; and once in a while a whole country of masts.
        if random.random() < 0.1:
            radios.append((draw_channel_hz(random), aerials[0]))
        if session.facility == CTR and random.random() < 0.02:
            radios += [(session.frequency_hz, _hub(random)) for _ in range(random.randint(5, 40))]
        return ClientRadios(
            session.callsign,
            [aerial_of(number, hertz, place) for number, (hertz, place) in enumerate(radios)],
        )


def aerial_of(number: int, hertz: int, place: Airport) -> Transceiver:
    """A radio on a mast beside an airport."""
    height_m = round(place.elevation_ft * 0.3048 + MAST_M, 1)
    return Transceiver(number, hertz, place.latitude, place.longitude, height_m, MAST_M)


def frequencies(sessions: Collection[SimulatedSession], now: int) -> Frequencies:
    """Build the index of the stations that are online now."""
    found = Frequencies()
    for session in sessions:
        if session.frequency_now_hz(now) == NO_FREQUENCY or session.letter:
            continue
        if session.icao:
            online = found.by_airport.setdefault(session.icao, {})
            online.setdefault(session.facility, session.frequency_hz)
        for cell in session.cells:
            found.by_cell.setdefault(cell, session.frequency_hz)
        for cell in session.ocean:
            found.by_ocean.setdefault(cell, session.frequency_hz)
    # Only where the position itself is not worked.
    for session in sessions:
        if session.frequency_now_hz(now) != NO_FREQUENCY:
            for coupled in session.coupled:
                _couple(found, session.icao, coupled)
    return found


def _couple(found: Frequencies, icao: str, coupled: Coupled) -> None:
    if icao:
        found.by_airport.setdefault(icao, {}).setdefault(coupled.facility, coupled.frequency_hz)
    for cell in coupled.cells:
        found.by_cell.setdefault(cell, coupled.frequency_hz)


def _hub(random: Random) -> Airport:
    known = places()
    return random.choices(known.hubs, cum_weights=known.cumulative_weights)[0]


def _tuned(radio: Transceiver, hertz: int) -> Transceiver:
    return msgspec.structs.replace(radio, frequency=hertz)


def _shadow(random: Random, flights: list[str]) -> str:
    """The callsign of a pilot's observer: the pilot's callsign and a letter."""
    return (random.choice(flights) + random.choice("ABNO"))[:12] if flights else ""


def draw_channel_hz(random: Random) -> int:
    """A channel of the VHF airband: mostly on the 25 kHz raster, some on 8.33's."""
    base = random.randrange(118_000, 136_975, 25)
    return (base + random.choices((0, 5, 10, 15), (20, 2, 1, 2))[0]) * 1_000
