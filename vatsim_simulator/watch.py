"""Watches who hears whom and who is in which area, and tells when it begins and ends.

What is on the boards of airports is told by `boards`, at the same looks.

It looks at each update; what has changed is looked for to the second between that update and the
one before. What both begins and ends between two updates is not told, but for a touch on a runway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from vatsim_simulator.boards import BoardWatch
from vatsim_simulator.controllers import SimulatedSession, frequencies
from vatsim_simulator.flight import Fix
from vatsim_simulator.hearing import Hearing, aerials, heard
from vatsim_simulator.inside import areas_at
from vatsim_simulator.pilots import PilotConnection
from vatsim_simulator.stamps import TICKS_PER_S
from vatsim_simulator.true_altitude import true_altitude_ft
from vatsim_simulator.truth import TruthKind, TruthLog
from vatsim_simulator.tuning import tuned_hz

# Of the kind and the name.
AreaKey = tuple[str, str]
Key = tuple[int, int, int]


class _Stay(NamedTuple):
    pilot: PilotConnection
    callsign: str
    number: int
    flight: object


class Watch:
    """Tells contacts and stays into a log."""

    def __init__(self, log: TruthLog) -> None:
        self._log, self._before = log, 0
        self._hearings: dict[Key, tuple[Hearing, str, object]] = {}
        self._stays: dict[tuple[int, AreaKey], _Stay] = {}
        self._boards = BoardWatch(log)

    def look(
        self,
        now: int,
        pilots: Collection[PilotConnection],
        sessions: Collection[SimulatedSession],
    ) -> None:
        """Look at the state of an update."""
        online, by_channel = frequencies(sessions, now), aerials(sessions)

        def hears(pilot: PilotConnection, ticks: int) -> dict[Key, Hearing]:
            fix = _fix(pilot, ticks)
            tuned = tuned_hz(pilot, fix, online)
            return {one.key: one for one in heard(pilot, fix, tuned, by_channel)}

        def is_heard(pilot: PilotConnection, key: Key) -> Callable[[int], bool]:
            return lambda ticks: key in hears(pilot, ticks)

        found = {key: one for pilot in pilots for key, one in hears(pilot, now).items()}
        there = {pilot.number for pilot in pilots}
        stations = {session.number for session in sessions}
        for key, one in found.items():
            if key not in self._hearings:
                session = one.aerial.session
                first = max(
                    self._before,
                    _not_after(now, one.pilot.logon_ticks),
                    *(
                        _not_after(now, ticks)
                        for ticks in (
                            session.logon_ticks,
                            session.tunes_in_ticks,
                            session.retuned_ticks,
                        )
                    ),
                )
                ticks = _change(first, now, is_heard(one.pilot, key))
                self._contact(TruthKind.CONTACT_BEGAN, ticks, key, one, one.pilot.callsign)
        for key, (one, callsign, flight) in self._hearings.items():
            if key in found:
                continue
            if key[0] not in there or one.pilot.flight is not flight:
                ticks = self._left(one.pilot, now)
            elif key[1] not in stations:
                session = one.aerial.session
                gone = session.dropped_ticks
                ticks = gone if self._before < gone <= now else min(session.ends_ticks, now)
            elif self._before < one.aerial.session.retuned_ticks <= now:
                ticks = one.aerial.session.retuned_ticks
            else:
                ticks = _change(self._before, now, is_heard(one.pilot, key), to=False)
            self._contact(TruthKind.CONTACT_ENDED, max(ticks, self._before), key, one, callsign)
        self._hearings = {
            key: (one, one.pilot.callsign, one.pilot.flight) for key, one in found.items()
        }
        self._look_at_areas(now, pilots)
        self._boards.look(now, [(pilot, _fix(pilot, now)) for pilot in pilots])
        self._before = now

    def _look_at_areas(self, now: int, pilots: Collection[PilotConnection]) -> None:
        found: dict[tuple[int, AreaKey], _Stay] = {}
        for pilot in pilots:
            for key in _areas(pilot, now):
                found[pilot.number, key] = _Stay(pilot, pilot.callsign, pilot.number, pilot.flight)
        there = {pilot.number: pilot for pilot in pilots}
        for one, stay in found.items():
            if one not in self._stays:
                pilot = stay.pilot
                first = max(self._before, _not_after(now, pilot.logon_ticks))
                ticks = _change(first, now, _is_in(pilot, one[1]))
                self._crossing(TruthKind.SECTOR_ENTERED, ticks, stay, one[1])
            else:
                self._touch(stay, one[1], now)
        for one, stay in self._stays.items():
            if one in found:
                continue
            pilot = stay.pilot
            if stay.number not in there or pilot.flight is not stay.flight:
                ticks = self._left(pilot, now)
            else:
                ticks = _change(self._before, now, _is_in(pilot, one[1]), to=False)
            self._crossing(TruthKind.SECTOR_LEFT, max(ticks, self._before), stay, one[1])
        self._stays = found

    def _touch(self, stay: _Stay, key: AreaKey, now: int) -> None:
        """An aircraft that was on a runway for some seconds, between two updates, was in none."""
        touched = stay.pilot.told_ticks
        after = touched + TICKS_PER_S
        if self._before < touched and after < now and key not in _areas(stay.pilot, after):
            self._crossing(TruthKind.SECTOR_LEFT, touched, stay, key)
            ticks = _change(after, now, _is_in(stay.pilot, key))
            self._crossing(TruthKind.SECTOR_ENTERED, ticks, stay, key)

    def _left(self, pilot: PilotConnection, now: int) -> int:
        """When a pilot went whom the update does not show with this flight."""
        for ticks in (pilot.dropped_ticks, pilot.gone_ticks, pilot.told_ticks):
            if self._before < ticks <= now:
                return ticks
        return now

    def _contact(self, kind: TruthKind, ticks: int, key: Key, one: Hearing, callsign: str) -> None:
        # Not `one.key`: flight and session may have other numbers since.
        number, session, hertz = key
        self._log.add(
            kind,
            ticks,
            one.pilot.cid,
            callsign,
            flight=number,
            session=session,
            station=one.aerial.session.callsign,
            frequency_hz=hertz,
        )

    def _crossing(self, kind: TruthKind, ticks: int, stay: _Stay, key: AreaKey) -> None:
        self._log.add(
            kind,
            ticks,
            stay.pilot.cid,
            stay.callsign,
            flight=stay.number,
            area=key[0],
            sector=key[1],
            altitude_ft=round(true_altitude_ft(_fix(stay.pilot, ticks), ticks)),
        )


def _fix(pilot: PilotConnection, ticks: int) -> Fix:
    """Where a pilot was, at any time: `PilotConnection.fix` remembers who stands, and goes on."""
    if pilot.silent_ticks is not None:
        ticks = min(ticks, pilot.silent_ticks)
    return pilot.flight.at((ticks - pilot.began_ticks) / TICKS_PER_S)


def _areas(pilot: PilotConnection, ticks: int) -> list[AreaKey]:
    """Where it is in the air; who rolls along a runway, in a touch-and-go too, is in none."""
    fix = _fix(pilot, ticks)
    if fix.on_ground:
        return []
    return areas_at(fix.latitude, fix.longitude, true_altitude_ft(fix, ticks))


def _not_after(now: int, ticks: int) -> int:
    return ticks if ticks <= now else 0


def _is_in(pilot: PilotConnection, key: AreaKey) -> Callable[[int], bool]:
    return lambda ticks: key in _areas(pilot, ticks)


def _change(before: int, now: int, is_so: Callable[[int], bool], *, to: bool = True) -> int:
    """When it came to be so, or with `to=False` not to be so, to the second: now it is that way."""
    if is_so(before) is to:
        # Something else was decided since, and nobody can say when.
        return before
    while now - before > TICKS_PER_S:
        middle = (before + now) // 2
        before, now = (before, middle) if is_so(middle) is to else (middle, now)
    return now
