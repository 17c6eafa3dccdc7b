"""The account of what was derived: from one compared snapshot after the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from vatwatch.traffic.atis import letter_at
from vatwatch.traffic.identity import same_logon
from vatwatch.traffic.network_state import Flight, Session
from vatwatch.traffic.pipeline import ComparedSnapshot
from vatwatch.traffic.session_times import connected_s, frequency_s
from vatwatch.verification.accounts import (
    Account,
    FlightAccount,
    FrequencyChange,
    Happening,
    LetterChange,
    SessionAccount,
    Stay,
)


class DayObserver:
    """Looks at the state after each snapshot, and remembers what it says of whom."""

    def __init__(self) -> None:
        self.times: list[datetime] = []
        self._flights, self._sessions = _Runs(), _Runs()
        self._last_flight: dict[int, Flight] = {}
        self._last_session: dict[int, Session] = {}
        self._letters: dict[str, str] = {}
        self._changes: list[LetterChange] = []
        self._back: list[Happening] = []
        self._stale = _Runs()

    def observe(self, compared: ComparedSnapshot) -> None:
        """Take the next snapshot, in order."""
        state = compared.state
        assert state.time is not None
        before = self.times[-1] if self.times else None
        self.times.append(state.time)
        for flight in state.flights.values():
            if flight.last_seen == state.time:
                pilot = flight.pilot
                who = (pilot.cid, pilot.callsign, flight.flight_id)
                self._flights.see(who, state.time, before)
                self._last_flight[flight.flight_id] = flight
        for flight in compared.changes.flights.ended:
            self._last_flight[flight.flight_id] = flight
        for session in state.sessions.values():
            controller = session.controller
            who = (controller.cid, controller.callsign, session.session_id)
            self._sessions.see(who, state.time, before)
            known = self._last_session.get(session.session_id)
            if known is not None and session.reconnects > known.reconnects:
                number = session.session_id
                self._back.append(Happening("session", state.time, controller.cid, number))
            self._last_session[session.session_id] = session
        for version in state.atis.values():
            self._letter(version.atis.callsign, letter_at(version, state.time), state.time)

        for callsign in state.stale_atis:
            self._stale.see((0, callsign, 0), state.time, before)

    def account(self) -> Account:
        """All of it, once the last snapshot was taken."""
        last = self._last_flight
        return Account(
            flights=tuple(
                FlightAccount(number, stays, last[number].progress.diverted)
                for number, stays in self._flights.by_owner().items()
            ),
            happenings=tuple(one for flight in last.values() for one in _happenings(flight)),
            sessions=tuple(
                _session_account(self._last_session[number], stays)
                for number, stays in self._sessions.by_owner().items()
            ),
            letters=tuple(self._changes),
            reconnects=(*self._back, *(one for flight in last.values() for one in _back(flight))),
            frequencies=tuple(
                one for session in self._last_session.values() for one in _frequencies(session)
            ),
            stale=self._stale.by_owner().get(0, ()),
        )

    def _letter(self, callsign: str, letter: str | None, time: datetime) -> None:
        if letter and self._letters.get(callsign) != letter:
            self._letters[callsign] = letter
            self._changes.append(LetterChange(callsign, time, letter))


def _happenings(flight: Flight) -> Iterator[Happening]:
    cid, owner, progress = flight.pilot.cid, flight.flight_id, flight.progress
    for movement in progress.movements:
        yield Happening(movement.kind.value, movement.time, cid, owner, movement.airport)
    if progress.times.off_block is not None:
        yield Happening("off_block", progress.times.off_block, cid, owner)
    if progress.times.on_block is not None:
        yield Happening("on_block", progress.times.on_block, cid, owner)


def _back(flight: Flight) -> Iterator[Happening]:
    """When its pilot was back; another callsign on the same connection is no return."""
    for before, after in pairwise(flight.connections):
        if not same_logon(after.logon_time, before.logon_time):
            yield Happening("flight", after.first_seen, flight.pilot.cid, flight.flight_id)


def _frequencies(session: Session) -> Iterator[FrequencyChange]:
    ends = [*(tuned.since for tuned in session.frequencies[1:]), session.last_seen]
    controller = session.controller
    for tuned, end in zip(session.frequencies, ends, strict=True):
        if tuned.frequency_hz is not None:
            yield FrequencyChange(
                controller.cid, controller.callsign, tuned.since, tuned.frequency_hz, end
            )


def _session_account(session: Session, stays: tuple[Stay, ...]) -> SessionAccount:
    tuned = [each.frequency_hz for each in session.frequencies if each.frequency_hz is not None]
    return SessionAccount(
        session.session_id,
        stays,
        connected_s(session),
        frequency_s(session),
        tuned[0] if tuned else None,
    )


class _Runs:
    """When somebody was there without a gap, for each owner: a flight's or a session's id."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, str, int], tuple[datetime, datetime]] = {}
        self._closed: list[tuple[int, Stay]] = []

    def see(self, who: tuple[int, str, int], time: datetime, before: datetime | None) -> None:
        run = self._open.get(who)
        if run is not None and run[1] == before:
            self._open[who] = (run[0], time)
            return
        if run is not None:
            self._close(who, run)
        self._open[who] = (time, time)

    def by_owner(self) -> dict[int, tuple[Stay, ...]]:
        for who, run in self._open.items():
            self._close(who, run)
        self._open = {}
        found: dict[int, list[Stay]] = {}
        for owner, stay in self._closed:
            found.setdefault(owner, []).append(stay)
        return {
            owner: tuple(sorted(parts, key=lambda one: one.first)) for owner, parts in found.items()
        }

    def _close(self, who: tuple[int, str, int], run: tuple[datetime, datetime]) -> None:
        cid, callsign, owner = who
        self._closed.append((owner, Stay(cid, callsign, *run)))
