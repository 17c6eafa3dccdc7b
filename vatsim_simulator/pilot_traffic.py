"""Pilots: who comes, who goes, who loses the connection, and who flies on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain
from random import Random

from vatsim_simulator.absence import Back, draw_absence
from vatsim_simulator.next_legs import changes_ends, names_no_leg, shows_no_new_flight
from vatsim_simulator.oddities import Rates
from vatsim_simulator.people import UPDATE_S, UPDATE_TICKS, People, draw_age_s, poisson
from vatsim_simulator.pilots import Filed, Operations, PilotConnection
from vatsim_simulator.profile import SimulatedPhase
from vatsim_simulator.stamps import TICKS_PER_S
from vatsim_simulator.teller import WINDOW_S, Teller
from vatsim_simulator.truth import TruthKind

PREFILES_A_PILOT = 100 / 950
# How long a pilot stays, and a prefile waits, on average; measured, so that as many come as go.
MEAN_STAY_S = 6_400
MEAN_WAIT_S = 1_600
# A connection from which nothing is heard times out after this.
SHORTEST_LINGER_S, LONGEST_LINGER_S = 20, 172
# From lower than this above the ground nobody goes on after an hour.
LOW_FT = 1_500
SOON_UPDATES = 55
_TRIES = 20


@dataclass(slots=True)
class _Away:
    """Who comes back, and with what."""

    connection: PilotConnection
    back: Back


class PilotTraffic:
    """All pilots, and the plans of those who are not there yet."""

    def __init__(
        self, random: Random, rates: Rates, people: People, teller: Teller, wanted: int
    ) -> None:
        self._random, self._rates, self._people, self._teller = random, rates, people, teller
        self._operations = Operations(random, rates)
        self._wanted = wanted
        self.online: dict[str, PilotConnection] = {}
        self.prefiles: dict[tuple[int, str], Filed] = {}
        self._away: list[tuple[int, str, _Away]] = []

    def populate(self, now: int) -> None:
        """Who is there at the beginning, and for how long already."""
        while len(self.online) < self._wanted:
            filed = self._file(now, self._people.new_cid(), under_way=True)
            if filed is None:
                continue
            connection = self._operations.connect(now, filed, self._people.server())
            self.online[connection.callsign] = connection
            self._people.taken.add(connection.callsign)
            quits_a_s = self._rates.quits_a_step / UPDATE_S
            age = draw_age_s(self._random, connection.flight.lasts_s, quits_a_s)
            connection.began_ticks -= round(age * TICKS_PER_S)
            # Some came back on the way, most have been on since the beginning.
            since = self._random.random() if self._random.random() < 0.15 else 1.0
            connection.logon_ticks -= round(age * since * TICKS_PER_S)
            self._teller.flight_began(connection, connection.began_ticks)
            self._pass(connection, now)
        for _ in range(round(self._wanted * PREFILES_A_PILOT)):
            self._file_plan(now)
        for filed in self.prefiles.values():
            filed.filed_ticks -= self._random.randrange(1_800 * TICKS_PER_S)

    def advance(self, now: int, updates: float) -> None:
        """Let this many updates' time pass, up to now."""
        self._fly(now)
        self._disturb(now, updates)
        self._return(now)
        self._file_plans(now, updates)
        for _ in range(self._people.arrivals(self._wanted, len(self.online), MEAN_STAY_S, updates)):
            filed = self._next_filed(now)
            if filed is not None:
                self._join(now, filed)

    # The flights themselves

    def _fly(self, now: int) -> None:
        for connection in list(self.online.values()):
            if connection.silent_ticks is not None:
                if now >= connection.gone_ticks:
                    self._disconnect(connection)
                continue
            self._pass(connection, now)
            if now >= connection.ends_ticks():
                self._arrive(connection, now)

    def _pass(self, connection: PilotConnection, now: int) -> None:
        for milestone in self._teller.passes(connection, now):
            if milestone.kind is TruthKind.SLEW:
                connection.slewed_ticks = now
            # Nobody amends a plan while he is not connected, and who is back late with another
            # arrival on file could as well be on another flight.
            there = (
                connection.began_ticks + milestone.second * TICKS_PER_S >= connection.logon_ticks
            )
            told = (
                milestone.kind is TruthKind.DIVERTING
                and self._random.random() < self._rates.tells_diversion
                and there
            )
            if told and connection.plan is not None:
                self._operations.divert(connection)
                self._teller.plan_filed(connection, now)

    def _arrive(self, connection: PilotConnection, now: int) -> None:
        """At the stand, and the pilot has had enough, for this time."""
        if not connection.flew:
            # Back from a take-off that came to nothing: not today.
            self._leave(connection, now)
            return
        chance = self._random.random()
        if chance < self._rates.turnarounds and self._turn_around(connection, now):
            return
        if self._rates.turnarounds <= chance < self._rates.turnarounds + self._rates.next_legs:
            self._lose(connection, now, Back.NEXT_LEG)
            return
        self._leave(connection, now)

    def _turn_around(self, connection: PilotConnection, now: int) -> bool:
        """Fly on from here, on the same connection."""
        old = connection.plan
        if not self._begin_next_leg(connection, now):
            return False
        if names_no_leg(old, connection):
            connection.begins_with_off_block = True
        else:
            self._teller.flight_ended(connection, now)
            self._teller.flight_began(connection, now)
        return True

    def _begin_next_leg(self, connection: PilotConnection, now: int) -> bool:
        drawn = self._operations.next_leg(now, connection, connection.callsign)
        if drawn is None:
            return False
        flight, plan = drawn
        files = connection.plan is None or self._random.random() >= self._rates.files_nothing_new
        if files:
            connection.plan = plan
        connection.flight, connection.began_ticks = flight, now
        connection.told, connection.standing = 0, None
        return True

    # Disturbances

    def _disturb(self, now: int, updates: float) -> None:
        rates = self._rates
        for connection in self._some(rates.quits_a_step * updates):
            self._leave(connection, now)
        for connection in self._some(rates.reconnects_a_step * updates):
            renamed = self._random.random() < rates.new_plan
            self._lose(connection, now, Back.ELSEWHERE if renamed else Back.SAME)
        for connection in self._some(rates.amendments_a_step * updates):
            self._amend(connection, now)
        for connection in self._some(rates.callsign_changes_a_step * updates):
            self._rename(connection, now)

    def _amend(self, connection: PilotConnection, now: int) -> None:
        old = connection.plan
        if connection.flew and not connection.airborne and not connection.begins_with_off_block:
            # After a landing nobody mends the plan that was flown.
            return
        self._operations.amend(now, connection)
        if connection.begins_with_off_block and not names_no_leg(old, connection):
            # Filed at last: what the next leg is.
            self._teller.flight_ended(connection, now)
            self._teller.flight_began(connection, now)
        elif changes_ends(old, connection.plan):
            self._teller.plan_filed(connection, now)

    def _leave(self, connection: PilotConnection, now: int) -> None:
        """End a connection: most disconnect; some just fall silent, and their record stays for a
        while."""
        gone = self._just_now(connection, now)
        if self._random.random() < self._rates.lingers:
            linger_s = self._random.uniform(SHORTEST_LINGER_S, LONGEST_LINGER_S)
            connection.silent_ticks = gone
            connection.gone_ticks = gone + round(linger_s * TICKS_PER_S)
        else:
            self._disconnect(connection)
        self._teller.flight_ended(connection, gone)

    def _disconnect(self, connection: PilotConnection) -> None:
        del self.online[connection.callsign]
        self._people.taken.discard(connection.callsign)
        self._people.rests(connection.cid)

    def _lose(self, connection: PilotConnection, now: int, back: Back) -> None:
        """The connection is lost; the pilot comes back, at once or much later."""
        if connection.slewed_ticks > now - 4 * UPDATE_TICKS:
            # Moved and gone at once: nobody could say that it is the same aircraft.
            return
        fix = connection.fix(now)
        phase = fix.phase
        in_air = connection.airborne
        parked = phase is SimulatedPhase.ARRIVED and connection.flew
        if parked and back is not Back.ELSEWHERE:
            back = Back.NEXT_LEG
        hours = self._rates.hours_away if back is Back.SAME else 0.0
        updates = draw_absence(self._random, in_air=in_air, hours=hours)
        if in_air and fix.altitude_ft - connection.flight.ground_ft(fix) < LOW_FT:
            # Who has just taken off, or is about to land, comes back soon or not at all.
            updates = min(updates, SOON_UPDATES)
        if back is Back.SAME and connection.flew and not in_air and updates * UPDATE_S > WINDOW_S:
            # Who comes back so late after a landing comes for the next flight.
            back = Back.NEXT_LEG
        if back is Back.NEXT_LEG:
            updates = max(updates, self._random.randint(1, 55))
        if back is Back.SAME and in_air and updates * UPDATE_S > 3_600:
            renamed = self._random.random() < self._rates.other_callsign
            back = Back.RENAMED if renamed else back
        lost = self._just_now(connection, now)
        comes = now + updates * UPDATE_TICKS
        del self.online[connection.callsign]
        self._teller.dropped(connection, lost)
        if not updates:
            self._relogon(_Away(connection, back), now)
            return
        # At eight times the pace it comes further than any aircraft: the place says it is another.
        steady = not connection.flight.accelerates
        flies_on = back is Back.SAME and self._random.random() < self._rates.flies_on and steady
        if not (flies_on and in_air and comes < connection.ends_ticks() - 600 * TICKS_PER_S):
            # The flight waits for its pilot.
            connection.began_ticks += comes - lost
        heappush(self._away, (comes, connection.callsign, _Away(connection, back)))
        if updates >= 20 and connection.plan is not None and self._random.random() < 0.3:
            key = (connection.cid, connection.callsign)
            self.prefiles[key] = Filed(*key, connection.flight, connection.plan, now, comes)

    def _return(self, now: int) -> None:
        while self._away and self._away[0][0] <= now:
            away = heappop(self._away)[2]
            self.prefiles.pop((away.connection.cid, away.connection.callsign), None)
            self._relogon(away, now)

    def _relogon(self, away: _Away, now: int) -> None:
        connection, back = away.connection, away.back
        connection.logon_ticks = self._people.back_since(connection.dropped_ticks, now)
        connection.standing = None
        if back is Back.SAME:
            self._resume(connection, now)
        elif back is Back.RENAMED:
            self._return_renamed(connection, now)
        else:
            self._start_anew(connection, back, now)
        self.online[connection.callsign] = connection

    def _resume(self, connection: PilotConnection, now: int, *, renamed: bool = False) -> None:
        away_s = (connection.logon_ticks - connection.dropped_ticks) // TICKS_PER_S
        late = away_s > WINDOW_S and not connection.airborne
        # Under another callsign nothing says whose flight it is, if no plan does.
        unknown = renamed and connection.plan is None
        next_leg = connection.begins_with_off_block and not shows_no_new_flight(
            connection.plan, connection
        )
        if late or unknown or next_leg:
            self._teller.flight_ended(connection, connection.dropped_ticks)
            in_flight = connection.airborne
            if late:
                # At the stand again, and all begins anew.
                connection.began_ticks, connection.told = now, 0
            logon = connection.logon_ticks
            self._teller.flight_began(connection, logon, in_flight=in_flight)
        else:
            self._teller.came_back(connection)
        self._pass(connection, now)

    def _return_renamed(self, connection: PilotConnection, now: int) -> None:
        filed = self._file(now, connection.cid)
        if filed is not None:
            self._people.taken.discard(connection.callsign)
            connection.callsign = filed.callsign
            self._people.taken.add(filed.callsign)
        self._resume(connection, now, renamed=True)

    def _start_anew(self, connection: PilotConnection, back: Back, now: int) -> None:
        """Another flight under the same callsign: on from here, or from anywhere else."""
        old, dropped = connection.plan, connection.dropped_ticks
        flies_on = back is Back.NEXT_LEG and self._begin_next_leg(connection, now)
        soon = connection.logon_ticks - dropped <= WINDOW_S * TICKS_PER_S
        if flies_on and connection.flew and soon and shows_no_new_flight(old, connection):
            self._teller.came_back(connection)
            connection.begins_with_off_block = True
            return
        self._teller.flight_ended(connection, dropped)
        if not flies_on:
            filed = self._file_elsewhere(now, connection)
            if filed is not None:
                connection.flight, connection.plan = filed.flight, filed.plan
            connection.began_ticks, connection.told = now, 0
        self._teller.flight_began(connection, connection.logon_ticks)

    def _rename(self, connection: PilotConnection, now: int) -> None:
        """Another callsign on the same connection: the logon time stays."""
        standing = connection.fix(now).phase in (SimulatedPhase.PARKED, SimulatedPhase.ARRIVED)
        filed = self._file(now, connection.cid)
        if filed is None or not (standing or connection.airborne):
            return
        del self.online[connection.callsign]
        self._people.taken.discard(connection.callsign)
        connection.callsign = filed.callsign
        self._people.taken.add(filed.callsign)
        self.online[filed.callsign] = connection
        if connection.airborne and connection.plan is not None:
            self._teller.renamed(connection, now)
        else:
            # On the ground, or with nothing that says so, it is another flight.
            self._teller.flight_ended(connection, now)
            self._teller.flight_began(connection, now)

    # Plans, and those who come

    def _file_plans(self, now: int, updates: float) -> None:
        for key in [key for key, filed in self.prefiles.items() if now >= filed.expires_ticks]:
            del self.prefiles[key]
        wanted = self._wanted * PREFILES_A_PILOT
        for _ in range(self._people.arrivals(wanted, len(self.prefiles), MEAN_WAIT_S, updates)):
            self._file_plan(now)

    def _file_plan(self, now: int) -> None:
        cids = [cid for cid, _ in self.prefiles]
        again = bool(cids) and self._random.random() < 0.05
        filed = self._file(now, self._random.choice(cids) if again else self._people.new_cid())
        if filed is not None:
            self.prefiles[filed.cid, filed.callsign] = filed

    def _next_filed(self, now: int) -> Filed | None:
        """A plan that was filed before, for four in ten; or one that is filed online."""
        if self.prefiles and self._random.random() < 0.4:
            filed = self.prefiles.pop(self._random.choice(list(self.prefiles)))
            # Nobody flies twice at once, but for the few below.
            flies = filed.callsign in self._people.taken or self._flies(filed.cid)
            return None if flies else filed
        if self._random.random() < self._rates.pilot_cid_twice and self.online:
            twice = self._random.choice(list(self.online.values())).cid
            return self._file(now, twice)
        if self._random.random() < 0.2:
            cid = self._people.rested()
            if cid is not None:
                return None if self._flies(cid) else self._file(now, cid)
        return self._file(now, self._people.new_cid())

    def _flies(self, cid: int) -> bool:
        """Whether this person has a flight, even if away from it just now."""
        away = (one.connection for _, _, one in self._away)
        return any(connection.cid == cid for connection in chain(self.online.values(), away))

    def _join(self, now: int, filed: Filed) -> None:
        connection = self._operations.connect(now, filed, self._people.server())
        self.online[connection.callsign] = connection
        self._people.taken.add(connection.callsign)
        landed = connection.flight.phase_begins_s(SimulatedPhase.DESCENT)
        climbs = connection.flight.phase_begins_s(SimulatedPhase.CRUISE)
        if climbs < landed and self._random.random() < self._rates.joins_in_flight:
            self._teller.joins_in_flight(connection, self._random.uniform(climbs, landed))
        in_flight = connection.airborne
        self._teller.flight_began(connection, connection.logon_ticks, in_flight=in_flight)

    # Small draws

    def _just_now(self, connection: PilotConnection, now: int) -> int:
        """Since the update before, and after all that was told of the pilot."""
        told = max(connection.logon_ticks, connection.told_ticks)
        return min(now, max(self._people.a_little_before(now), told))

    def _file(self, now: int, cid: int, *, under_way: bool = False) -> Filed | None:
        for _ in range(_TRIES):
            filed = self._operations.file(now, cid, self._people.taken, under_way=under_way)
            if filed is not None:
                return filed
        return None

    def _file_elsewhere(self, now: int, connection: PilotConnection) -> Filed | None:
        """A flight from another airport than the one that was filed before."""
        before = "" if connection.plan is None else connection.plan.departure
        for _ in range(_TRIES):
            filed = self._file(now, connection.cid)
            if filed is None or before not in (
                filed.plan.departure,
                filed.flight.departure.icao,
            ):
                return filed
        return None

    def _some(self, rate: float) -> Iterable[PilotConnection]:
        """As many of the pilots as this share of them gives on average; the silent ones not."""
        number = poisson(self._random, rate * len(self.online))
        alive = [pilot for pilot in self.online.values() if pilot.silent_ticks is None]
        return self._random.sample(alive, min(number, len(alive)))
