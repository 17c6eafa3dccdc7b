"""Controllers, observers and ATIS: who logs on and off, and who is away for a while."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush
from random import Random

from vatsim_simulator.absence import draw_absence
from vatsim_simulator.controllers import (
    MEAN_ATIS_S,
    MEAN_SESSION_S,
    NO_FREQUENCY,
    Roster,
    SimulatedSession,
)
from vatsim_simulator.oddities import Rates
from vatsim_simulator.people import UPDATE_TICKS, People, poisson
from vatsim_simulator.pilots import PilotConnection
from vatsim_simulator.radio_oddities import RadioOddities
from vatsim_simulator.stamps import TICKS_PER_S
from vatsim_simulator.teller import Teller

# For 950 pilots there were 90 controllers and observers, and 66 ATIS.
CONTROLLERS_A_PILOT = 90 / 950
ATIS_A_PILOT = 66 / 950
RETUNES_A_STEP = 0.001
_TRIES = 20


class StationTraffic:
    """All stations."""

    def __init__(
        self,
        random: Random,
        rates: Rates,
        people: People,
        teller: Teller,
        pilots: int,
        aside: Random,
    ) -> None:
        """`aside` is for what must not change the rest of the traffic."""
        self._random, self._rates, self._people, self._teller = random, rates, people, teller
        self._roster = Roster(random, rates)
        self._radio_oddities = RadioOddities(aside, rates)
        self._controllers = pilots * CONTROLLERS_A_PILOT * rates.controllers
        self._atis = pilots * ATIS_A_PILOT
        self.online: dict[str, SimulatedSession] = {}
        self._away: list[tuple[int, str, SimulatedSession]] = []

    def populate(self, now: int, pilots: Collection[PilotConnection]) -> None:
        """Who is there at the beginning, and for how long already."""
        joined = [self._join_controller(now, pilots) for _ in range(round(self._controllers))]
        joined += [self._join_atis(now) for _ in range(round(self._atis))]
        for session in joined:
            if session is not None:
                age_s = self._random.expovariate(1 / 3_600)
                session.logon_ticks -= round(age_s * TICKS_PER_S)
                self._teller.session_began(session, now)

    def advance(self, now: int, updates: float, pilots: Collection[PilotConnection]) -> None:
        """Let this many updates' time pass, up to now."""
        for session in list(self.online.values()):
            if now >= session.ends_ticks:
                self._log_off(session)
                continue
            if self._roster.advance(session, now):
                self._teller.letter(session, session.changed_ticks)
            self._teller.frequency(session, now)
        self._return(now)
        self._disturb(now, updates)
        self._join(now, updates, pilots)

    def _log_off(self, session: SimulatedSession) -> None:
        del self.online[session.callsign]
        self._people.taken.discard(session.callsign)
        self._teller.session_ended(session, session.ends_ticks)

    def _disturb(self, now: int, updates: float) -> None:
        stations = [session for session in self.online.values() if not session.letter]
        rate = self._rates.controller_reconnects_a_step * updates * len(stations)
        for session in self._random.sample(
            stations, min(poisson(self._random, rate), len(stations))
        ):
            self._lose(session, now)
        for session in stations:
            tuned = session.frequency_now_hz(now) != NO_FREQUENCY
            if session.facility and self._random.random() < RETUNES_A_STEP * updates:
                self._roster.retune(session)
                session.retuned_ticks = self._people.a_little_before(now) if tuned else 0
                if session.callsign in self.online:
                    self._teller.frequency(session, now)

    def _lose(self, session: SimulatedSession, now: int) -> None:
        """The connection is lost; the controller comes back, at once or after a break."""
        updates = draw_absence(self._random, in_air=False, hours=0.0)
        back = now + updates * UPDATE_TICKS
        lost = max(self._people.a_little_before(now), session.logon_ticks)
        session.ends_ticks += back - now
        del self.online[session.callsign]
        self._teller.session_dropped(session, lost)
        heappush(self._away, (back, session.callsign, session))
        if not updates:
            self._return(now)

    def _return(self, now: int) -> None:
        while self._away and self._away[0][0] <= now:
            session = heappop(self._away)[2]
            session.logon_ticks = self._people.back_since(session.dropped_ticks, now)
            session.tunes_in_ticks = max(session.tunes_in_ticks, self._roster.tunes_in_late(now))
            self.online[session.callsign] = session
            self._teller.session_back(session, now)

    def _join(self, now: int, updates: float, pilots: Collection[PilotConnection]) -> None:
        atis = sum(bool(session.letter) for session in self.online.values())
        there = len(self.online) - atis
        arrivals = self._people.arrivals
        joined = [
            self._join_controller(now, pilots)
            for _ in range(arrivals(self._controllers, there, MEAN_SESSION_S, updates))
        ]
        joined += [
            self._join_atis(now) for _ in range(arrivals(self._atis, atis, MEAN_ATIS_S, updates))
        ]
        for session in joined:
            if session is not None:
                self._teller.session_began(session, now)

    def _join_controller(
        self, now: int, pilots: Collection[PilotConnection]
    ) -> SimulatedSession | None:
        cid = self._controller_cid(pilots)
        flights = [pilot.callsign for pilot in pilots]
        for _ in range(_TRIES):
            session = self._roster.controller(
                now, cid, self._people.server(), self._people.taken, flights
            )
            if session is not None:
                return self._enter(session)
        return None

    def _join_atis(self, now: int) -> SimulatedSession | None:
        people = [session.cid for session in self.online.values() if session.facility]
        theirs = people and self._random.random() < self._rates.atis_of_controller
        cid = self._random.choice(people) if theirs else self._people.new_cid()
        for _ in range(_TRIES):
            session = self._roster.atis(now, cid, self._people.server(), self._people.taken)
            if session is not None:
                return self._enter(session)
        return None

    def _enter(self, session: SimulatedSession) -> SimulatedSession:
        self._radio_oddities.change(session, self.online.values())
        self.online[session.callsign] = session
        self._people.taken.add(session.callsign)
        return session

    def _controller_cid(self, pilots: Collection[PilotConnection]) -> int:
        chance = self._random.random()
        if self.online and chance < self._rates.controller_cid_twice:
            return self._random.choice(list(self.online.values())).cid
        if pilots and chance > 1 - self._rates.controller_cid_of_pilot:
            return self._random.choice(list(pilots)).cid
        return self._people.new_cid()
