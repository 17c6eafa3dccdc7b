"""Tells the truth: numbers flights and sessions, and notes what happens to them."""

from __future__ import annotations

from vatsim_simulator.controllers import NO_FREQUENCY, SimulatedSession
from vatsim_simulator.pilots import PilotConnection
from vatsim_simulator.profile import Milestone
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks
from vatsim_simulator.truth import TruthKind, TruthLog

# Who is away for longer has ended a flight on the ground, or a session, and begins another one.
WINDOW_S = 15 * 60


class Teller:
    """Writes into a log; everything is told in the moment in which it happens, or soon after."""

    def __init__(self) -> None:
        self.log = TruthLog()
        self._flights = self._sessions = 0

    # Flights

    def flight_began(
        self, connection: PilotConnection, ticks: int, *, in_flight: bool = False
    ) -> None:
        """A new flight, with a number of its own."""
        self._flights += 1
        connection.number, connection.airborne, connection.flew = (
            self._flights,
            in_flight,
            in_flight,
        )
        connection.ended = connection.begins_with_off_block = False
        plan = connection.plan
        self._flight(
            TruthKind.FLIGHT_BEGAN,
            connection,
            ticks,
            logon_time=from_ticks(connection.logon_ticks),
            in_flight=in_flight,
            exaggerates=connection.faster != 1,
            departure=plan.departure if plan else "",
            arrival=plan.arrival if plan else "",
            flight_rules=plan.flight_rules if plan else "",
        )

    def joins_in_flight(self, connection: PilotConnection, second: float) -> None:
        """The simulator puts the aircraft onto its way: nothing of the flight before happened."""
        connection.began_ticks -= round(second * TICKS_PER_S)
        milestones = connection.flight.milestones
        connection.told = sum(milestone.second <= second for milestone in milestones)
        connection.airborne = True

    def flight_ended(self, connection: PilotConnection, ticks: int) -> None:
        """The pilot has left it for good."""
        if connection.ended:
            return
        connection.ended = True
        if connection.airborne:
            reason = "dropped"
        else:
            reason = "completed" if connection.flew else "cancelled"
        self._flight(TruthKind.FLIGHT_ENDED, connection, ticks, reason=reason)

    def plan_filed(self, connection: PilotConnection, ticks: int) -> None:
        """Another departure or arrival."""
        plan = connection.plan
        self._flight(
            TruthKind.PLAN,
            connection,
            ticks,
            departure=plan.departure if plan else "",
            arrival=plan.arrival if plan else "",
            flight_rules=plan.flight_rules if plan else "",
        )

    def dropped(self, connection: PilotConnection, ticks: int) -> None:
        """The connection is lost."""
        connection.dropped_ticks = ticks
        self._flight(TruthKind.DROP, connection, ticks)

    def came_back(self, connection: PilotConnection) -> None:
        """It is there again, with the same flight."""
        away_s = (connection.logon_ticks - connection.dropped_ticks) // TICKS_PER_S
        self._flight(
            TruthKind.RECONNECT if away_s <= WINDOW_S else TruthKind.RETURN,
            connection,
            connection.logon_ticks,
            logon_time=from_ticks(connection.logon_ticks),
            away_s=away_s,
        )

    def renamed(self, connection: PilotConnection, ticks: int) -> None:
        """Another callsign on the same connection."""
        self._flight(TruthKind.RENAME, connection, ticks)

    def passes(self, connection: PilotConnection, now: int) -> list[Milestone]:
        """Tell the milestones that the aircraft has passed by now, and give them back."""
        milestones = connection.flight.milestones
        passed: list[Milestone] = []
        while connection.told < len(milestones):
            milestone = milestones[connection.told]
            ticks = connection.began_ticks + round(milestone.second * TICKS_PER_S)
            if ticks > now:
                break
            connection.told += 1
            connection.told_ticks = ticks
            passed.append(milestone)
            taken_off_stand = milestone.kind is TruthKind.SLEW and milestone.airport
            leaves = milestone.kind is TruthKind.OFF_BLOCK or taken_off_stand
            if leaves and connection.begins_with_off_block:
                connection.begins_with_off_block = False
                self.flight_ended(connection, ticks)
                self.flight_began(connection, ticks)
            if milestone.kind is TruthKind.TAKE_OFF:
                connection.airborne = connection.flew = True
            elif milestone.kind is TruthKind.LANDING:
                connection.airborne = False
            self._flight(
                milestone.kind,
                connection,
                ticks,
                airport=milestone.airport,
                arrival=milestone.arrival,
                height_ft=milestone.height_ft,
                lasts_s=milestone.lasts_s,
                distance_nm=milestone.distance_nm,
                times_faster=milestone.times_faster,
            )
        return passed

    # Sessions

    def session_began(self, session: SimulatedSession, now: int) -> None:
        """A new session, with a number of its own, and what it shows at once."""
        self._sessions += 1
        session.number, session.told_hz = self._sessions, None
        logon = from_ticks(session.logon_ticks)
        self._session(TruthKind.SESSION_BEGAN, session, session.logon_ticks, logon_time=logon)
        if session.letter:
            self.letter(session, session.logon_ticks)
        self.frequency(session, now)

    def session_dropped(self, session: SimulatedSession, ticks: int) -> None:
        """The connection is lost."""
        session.dropped_ticks = ticks
        self._session(TruthKind.SESSION_DROP, session, ticks)

    def session_back(self, session: SimulatedSession, now: int) -> None:
        """It is there again, with the same session; or with another, after the window."""
        away_s = (session.logon_ticks - session.dropped_ticks) // TICKS_PER_S
        if away_s > WINDOW_S:
            self.session_ended(session, session.dropped_ticks)
            self.session_began(session, now)
            return
        logon = from_ticks(session.logon_ticks)
        self._session(
            TruthKind.SESSION_RECONNECT,
            session,
            session.logon_ticks,
            logon_time=logon,
            away_s=away_s,
        )
        self.frequency(session, now)

    def session_ended(self, session: SimulatedSession, ticks: int) -> None:
        """It has logged off."""
        self._session(TruthKind.SESSION_ENDED, session, ticks)

    def frequency(self, session: SimulatedSession, now: int) -> None:
        """Tell its frequency if it is another than the one told before."""
        hertz = session.frequency_now_hz(now)
        frequency_hz = None if hertz == NO_FREQUENCY else hertz
        if frequency_hz == session.told_hz:
            return
        session.told_hz = frequency_hz
        tuned = session.tunes_in_ticks if 0 < session.tunes_in_ticks <= now else 0
        ticks = max(tuned, session.logon_ticks, session.retuned_ticks)
        self._session(TruthKind.FREQUENCY, session, min(ticks, now), frequency_hz=frequency_hz)

    def letter(self, session: SimulatedSession, ticks: int) -> None:
        """An ATIS has taken this letter."""
        self._session(TruthKind.ATIS, session, ticks, letter=session.letter)

    def _flight(
        self, kind: TruthKind, connection: PilotConnection, ticks: int, **rest: object
    ) -> None:
        self.log.add(
            kind, ticks, connection.cid, connection.callsign, flight=connection.number, **rest
        )

    def _session(
        self, kind: TruthKind, session: SimulatedSession, ticks: int, **rest: object
    ) -> None:
        self.log.add(kind, ticks, session.cid, session.callsign, session=session.number, **rest)
