"""The simulated network: who is on it, and what its feeds say, 15 s after 15 s.

Pure and deterministic: the same seed, number of pilots, start and steps give the same feeds, to the
byte. What happens is drawn from one source of chance, and what a feed looks like (the times of its
records, say) from another one for each step, so that looking changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain
from math import exp, expm1, log1p
from random import Random

from vatsim_simulator.controllers import MEAN_ATIS_S, MEAN_SESSION_S, Roster, SimulatedSession
from vatsim_simulator.oddities import Rates
from vatsim_simulator.picture import IDENT_SHARES, IDENTS, Picture, draw_picture
from vatsim_simulator.pilots import Filed, Operations, PilotConnection
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks, to_ticks
from vatsim_simulator.texts import HIGHEST_CID, LOWEST_CID
from vatwatch.feed.records import ClientRadios, Feed

UPDATE_S = 15
# For 950 pilots there were 90 controllers and observers, 66 ATIS and 100 prefiles.
CONTROLLERS_A_PILOT = 90 / 950
ATIS_A_PILOT = 66 / 950
PREFILES_A_PILOT = 100 / 950
# How long a pilot stays, and a prefile waits, on average; measured, so that as many come as go.
MEAN_STAY_S = 6_400
MEAN_WAIT_S = 1_600
# How much of a lack is made good in a step, beyond what goes.
PULL = 0.02
# A connection from which nothing is heard times out after this.
SHORTEST_LINGER_S, LONGEST_LINGER_S = 20, 172
# (share, shortest, longest) of the updates that one who reconnects is away.
_ABSENCES = ((0.55, 0, 0), (0.35, 1, 8), (0.10, 20, 200))
_TRIES = 20
# Coprime with the number of CIDs: each comes once before any comes again.
_CID_STRIDE = 7_919


class World:
    """The network. `advance` lets time pass; `feed` and `radios` say what is to be seen now."""

    def __init__(self, seed: int, pilots: int, start: datetime, rates: Rates | None = None) -> None:
        self.now_ticks = to_ticks(start)
        self._seed, self._target, self._rates = seed, pilots, rates or Rates()
        self._random = Random(f"{seed}/traffic")  # noqa: S311 - traffic, no secret
        self._operations = Operations(self._random, self._rates)
        self._roster = Roster(self._random, self._rates)
        self._step = 0
        self._cids_drawn = self._random.randrange(HIGHEST_CID - LOWEST_CID)
        self._pilots: dict[str, PilotConnection] = {}
        self._sessions: dict[str, SimulatedSession] = {}
        self._prefiles: dict[tuple[int, str], Filed] = {}
        self._taken: set[str] = set()
        self._away: list[tuple[int, str, PilotConnection]] = []
        self._resting: deque[int] = deque(maxlen=max(1, pilots // 4))
        self._next_restart_ticks = self._draw_restart()
        self._picture: Picture | None = None
        self._populate()

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return from_ticks(self.now_ticks)

    def advance(self, seconds: float = UPDATE_S) -> None:
        """Let this much time pass."""
        self.now_ticks += round(seconds * TICKS_PER_S)
        self._step += 1
        self._picture = None
        updates = seconds / UPDATE_S
        self._end_pilots()
        self._disturb_pilots(updates)
        self._return_pilots()
        self._end_sessions()
        self._file_plans(updates)
        self._join_pilots(updates)
        self._join_sessions(updates)
        if self.now_ticks >= self._next_restart_ticks:
            self.restart_data_server()
            self._next_restart_ticks = self._draw_restart()

    def restart_data_server(self) -> None:
        """Everybody's logon time is read again from a log that knows whole seconds only."""
        self._picture = None
        clients: list[PilotConnection | SimulatedSession] = [
            *self._pilots.values(),
            *self._sessions.values(),
        ]
        for client in clients:
            client.logon_ticks -= client.logon_ticks % TICKS_PER_S

    def feed(self) -> Feed:
        """The main feed at this moment."""
        return self._look().feed

    def radios(self) -> list[ClientRadios]:
        """The radios' feed at this moment."""
        return self._look().radios

    def _look(self) -> Picture:
        if self._picture is None:
            self._picture = draw_picture(
                Random(f"{self._seed}/{self._step}"),  # noqa: S311 - no secret
                self._rates,
                self.now_ticks,
                self._pilots.values(),
                self._sessions.values(),
                self._prefiles.values(),
            )
        return self._picture

    # Who comes and who goes

    def _populate(self) -> None:
        while len(self._pilots) < self._target:
            filed = self._file(self._new_cid(), under_way=True)
            if filed is None:
                continue
            connection = self._connect(filed)
            age = self._draw_age(connection.flight.lasts_s)
            connection.began_ticks -= round(age * TICKS_PER_S)
            # Some came back on the way, most have been on since the beginning.
            since = self._random.random() if self._random.random() < 0.15 else 1.0
            connection.logon_ticks -= round(age * since * TICKS_PER_S)
        for _ in range(round(self._target * PREFILES_A_PILOT)):
            self._file_plan()
        for filed in self._prefiles.values():
            filed.filed_ticks -= self._random.randrange(1_800 * TICKS_PER_S)
        for _ in range(round(self._target * CONTROLLERS_A_PILOT)):
            self._join_controller()
        for _ in range(round(self._target * ATIS_A_PILOT)):
            self._join_atis()
        for session in self._sessions.values():
            session.logon_ticks -= round(self._random.expovariate(1 / 3_600) * TICKS_PER_S)

    def _end_pilots(self) -> None:
        now = self.now_ticks
        for connection in list(self._pilots.values()):
            if connection.silent_ticks is not None:
                if now >= connection.gone_ticks:
                    self._disconnect(connection)
            elif now >= connection.ends_ticks():
                self._leave(connection)

    def _disturb_pilots(self, updates: float) -> None:
        rates = self._rates
        for connection in self._some(rates.quits_a_step * updates):
            self._leave(connection)
        for connection in self._some(rates.reconnects_a_step * updates):
            self._drop(connection)
        for connection in self._some(rates.amendments_a_step * updates):
            self._operations.amend(self.now_ticks, connection)
        for connection in self._some(rates.callsign_changes_a_step * updates):
            self._rename(connection)

    def _leave(self, connection: PilotConnection) -> None:
        """Most say goodbye; some just fall silent, and their record stays for a while."""
        if self._random.random() < self._rates.lingers:
            linger_s = self._random.uniform(SHORTEST_LINGER_S, LONGEST_LINGER_S)
            connection.silent_ticks = self.now_ticks - self._random.randrange(15 * TICKS_PER_S)
            connection.gone_ticks = connection.silent_ticks + round(linger_s * TICKS_PER_S)
        else:
            self._disconnect(connection)

    def _disconnect(self, connection: PilotConnection) -> None:
        del self._pilots[connection.callsign]
        self._taken.discard(connection.callsign)
        self._resting.append(connection.cid)

    def _drop(self, connection: PilotConnection) -> None:
        """The connection is lost; the pilot comes back, at once or much later."""
        absences = [absence[0] for absence in _ABSENCES]
        _, shortest, longest = self._random.choices(_ABSENCES, absences)[0]
        updates = self._random.randint(shortest, longest)
        del self._pilots[connection.callsign]
        if not updates:
            self._relogon(connection)
            return
        back = self.now_ticks + updates * UPDATE_S * TICKS_PER_S
        # The flight waits for its pilot.
        connection.began_ticks += back - self.now_ticks
        heappush(self._away, (back, connection.callsign, connection))
        if updates >= 20 and connection.plan is not None and self._random.random() < 0.3:
            key = (connection.cid, connection.callsign)
            self._prefiles[key] = Filed(
                *key, connection.flight, connection.plan, self.now_ticks, back
            )

    def _return_pilots(self) -> None:
        while self._away and self._away[0][0] <= self.now_ticks:
            connection = heappop(self._away)[2]
            self._prefiles.pop((connection.cid, connection.callsign), None)
            self._relogon(connection)

    def _relogon(self, connection: PilotConnection) -> None:
        connection.logon_ticks = self._a_little_ago()
        connection.standing = None
        self._pilots[connection.callsign] = connection

    def _rename(self, connection: PilotConnection) -> None:
        """Another callsign on the same connection: the logon time stays."""
        filed = self._file(connection.cid)
        if filed is None:
            return
        del self._pilots[connection.callsign]
        self._taken.discard(connection.callsign)
        connection.callsign = filed.callsign
        self._taken.add(filed.callsign)
        self._pilots[filed.callsign] = connection

    def _file_plans(self, updates: float) -> None:
        now = self.now_ticks
        for key in [key for key, filed in self._prefiles.items() if now >= filed.expires_ticks]:
            del self._prefiles[key]
        wanted = self._target * PREFILES_A_PILOT
        for _ in range(self._arrivals(wanted, len(self._prefiles), MEAN_WAIT_S, updates)):
            self._file_plan()

    def _file_plan(self) -> None:
        cids = [cid for cid, _ in self._prefiles]
        again = bool(cids) and self._random.random() < 0.05
        filed = self._file(self._random.choice(cids) if again else self._new_cid())
        if filed is not None:
            self._prefiles[filed.cid, filed.callsign] = filed

    def _join_pilots(self, updates: float) -> None:
        for _ in range(self._arrivals(self._target, len(self._pilots), MEAN_STAY_S, updates)):
            filed = self._next_filed()
            if filed is not None:
                self._connect(filed)

    def _next_filed(self) -> Filed | None:
        """A plan that was filed before, for four in ten; or one that is filed online."""
        if self._prefiles and self._random.random() < 0.4:
            filed = self._prefiles.pop(self._random.choice(list(self._prefiles)))
            # Nobody flies twice at once, but for the few below.
            flies = filed.callsign in self._taken or self._flies(filed.cid)
            return None if flies else filed
        if self._random.random() < self._rates.pilot_cid_twice and self._pilots:
            twice = self._random.choice(list(self._pilots.values())).cid
            return self._file(twice)
        # Some fly again after a rest: while as many rest as can, the first has rested for long.
        rested = len(self._resting) == self._resting.maxlen
        if rested and self._random.random() < 0.2:
            cid = self._resting.popleft()
            return None if self._flies(cid) else self._file(cid)
        return self._file(self._new_cid())

    def _flies(self, cid: int) -> bool:
        """Whether this person has a flight, even if away from it just now."""
        away = (connection for _, _, connection in self._away)
        return any(connection.cid == cid for connection in chain(self._pilots.values(), away))

    def _connect(self, filed: Filed) -> PilotConnection:
        connection = self._operations.connect(self.now_ticks, filed, self._server())
        self._pilots[connection.callsign] = connection
        self._taken.add(connection.callsign)
        return connection

    def _end_sessions(self) -> None:
        for session in list(self._sessions.values()):
            if self.now_ticks >= session.ends_ticks:
                del self._sessions[session.callsign]
                self._taken.discard(session.callsign)
            else:
                self._roster.advance(session, self.now_ticks)

    def _join_sessions(self, updates: float) -> None:
        stations = [session for session in self._sessions.values() if not session.letter]
        atis = len(self._sessions) - len(stations)
        wanted = self._target * CONTROLLERS_A_PILOT
        for _ in range(self._arrivals(wanted, len(stations), MEAN_SESSION_S, updates)):
            self._join_controller()
        wanted = self._target * ATIS_A_PILOT
        for _ in range(self._arrivals(wanted, atis, MEAN_ATIS_S, updates)):
            self._join_atis()
        for session in stations:
            if session.facility and self._random.random() < 0.001 * updates:
                self._roster.retune(session)

    def _join_controller(self) -> None:
        cid = self._controller_cid()
        flights = list(self._pilots)
        for _ in range(_TRIES):
            session = self._roster.controller(
                self.now_ticks, cid, self._server(), self._taken, flights
            )
            if session is not None:
                self._sessions[session.callsign] = session
                self._taken.add(session.callsign)
                return

    def _join_atis(self) -> None:
        people = [session.cid for session in self._sessions.values() if session.facility]
        theirs = people and self._random.random() < self._rates.atis_of_controller
        cid = self._random.choice(people) if theirs else self._new_cid()
        for _ in range(_TRIES):
            session = self._roster.atis(self.now_ticks, cid, self._server(), self._taken)
            if session is not None:
                self._sessions[session.callsign] = session
                self._taken.add(session.callsign)
                return

    def _controller_cid(self) -> int:
        chance = self._random.random()
        if self._sessions and chance < self._rates.controller_cid_twice:
            return self._random.choice(list(self._sessions.values())).cid
        if self._pilots and chance > 1 - self._rates.controller_cid_of_pilot:
            return self._random.choice(list(self._pilots.values())).cid
        return self._new_cid()

    # Small draws

    def _file(self, cid: int, *, under_way: bool = False) -> Filed | None:
        for _ in range(_TRIES):
            filed = self._operations.file(self.now_ticks, cid, self._taken, under_way=under_way)
            if filed is not None:
                return filed
        return None

    def _new_cid(self) -> int:
        self._cids_drawn += _CID_STRIDE
        return LOWEST_CID + self._cids_drawn % (HIGHEST_CID - LOWEST_CID + 1)

    def _server(self) -> str:
        return self._random.choices(IDENTS, IDENT_SHARES)[0]

    def _a_little_ago(self) -> int:
        return self.now_ticks - self._random.randrange(UPDATE_S * TICKS_PER_S)

    def _draw_age(self, lasts_s: float) -> float:
        """How long ago a flight began: the longer ago, the fewer have not quit since."""
        quits_a_s = max(self._rates.quits_a_step, 1e-9) / UPDATE_S
        gone_by_its_end = -expm1(-quits_a_s * lasts_s)
        return -log1p(-self._random.random() * gone_by_its_end) / quits_a_s

    def _draw_restart(self) -> int:
        if not self._rates.restarts_a_day:
            return 1 << 62
        wait_s = self._random.expovariate(self._rates.restarts_a_day / 86_400)
        return self.now_ticks + round(wait_s * TICKS_PER_S)

    def _some(self, rate: float) -> Iterable[PilotConnection]:
        """As many of the pilots as this share of them gives on average; the silent ones not."""
        number = _poisson(self._random, rate * len(self._pilots))
        alive = [pilot for pilot in self._pilots.values() if pilot.silent_ticks is None]
        return self._random.sample(alive, min(number, len(alive)))

    def _arrivals(self, wanted: float, there: int, stay_s: float, updates: float) -> int:
        mean = wanted * UPDATE_S / stay_s + (wanted - there) * PULL
        return _poisson(self._random, max(0.0, mean * updates))


def _poisson(random: Random, mean: float) -> int:
    """How many there are of what comes so often on average (Knuth); many come evenly."""
    if mean > 200:
        return max(0, round(random.gauss(mean, mean**0.5)))
    limit, product, number = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        number += 1
    return number
