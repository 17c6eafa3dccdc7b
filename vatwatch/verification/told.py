"""The account of the truth: from the simulator's lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from vatsim_simulator.truth import OFF_AIRPORT, TruthKind, TruthRecord
from vatwatch.traffic.airports import load_airports
from vatwatch.verification.accounts import (
    HAPPENINGS,
    Account,
    FlightAccount,
    FrequencyChange,
    Happening,
    LetterChange,
    SessionAccount,
    Stay,
)

_BACK = (TruthKind.RECONNECT, TruthKind.RETURN)
# As docs/api.md promises of a station that has left.
_STALE = timedelta(hours=3)


def told_account(records: Iterable[TruthRecord], first: datetime, end: datetime) -> Account:
    """What the truth tells of the time up to `end`; the first snapshot is that of `first`."""
    flights: dict[int, _Flight] = {}
    sessions: dict[int, _Session] = {}
    happenings: list[Happening] = []
    unclear: list[Happening] = []
    letters: list[LetterChange] = []
    reconnects: list[Happening] = []
    slewed: set[int] = set()
    for record in records:
        if record.flight is not None:
            flights.setdefault(record.flight, _Flight(record.flight)).take(record, first)
            if record.kind is TruthKind.SLEW and record.airport:
                # Taken off its stand by the simulator: then, or when it moves by itself?
                slewed.add(record.flight)
                unclear.append(Happening("off_block", record.time, record.cid, record.flight))
            elif record.kind in _BACK:
                reconnects.append(_back(record, "flight", record.flight))
            elif record.kind in HAPPENINGS:
                moved = record.kind is TruthKind.OFF_BLOCK and record.flight in slewed
                (unclear if moved else happenings).append(
                    Happening(
                        record.kind.value, record.time, record.cid, record.flight, record.airport
                    )
                )
        elif record.session is not None:
            sessions.setdefault(record.session, _Session(record.session)).take(record)
            if record.kind is TruthKind.SESSION_RECONNECT:
                reconnects.append(_back(record, "session", record.session))
            if record.kind is TruthKind.ATIS:
                letters.append(LetterChange(record.callsign, record.time, record.letter))
    return Account(
        flights=tuple(flight.account(end) for flight in flights.values()),
        happenings=tuple(happenings),
        sessions=tuple(
            session.account(end) for session in sessions.values() if not session.is_atis
        ),
        letters=tuple(letters),
        reconnects=tuple(reconnects),
        frequencies=tuple(one for session in sessions.values() for one in session.frequencies(end)),
        stale=tuple(_stale(sessions.values(), end)),
        unclear=tuple(unclear),
    )


def _back(record: TruthRecord, kind: str, owner: int) -> Happening:
    return Happening(kind, record.time, record.cid, owner)


def _stale(sessions: Iterable[_Session], end: datetime) -> Iterator[Stay]:
    """From when to when each ATIS that has left is listed: until it is back, or for three hours."""
    stays: dict[str, list[Stay]] = {}
    for session in sessions:
        if session.is_atis:
            for stay in session.account(end).stays:
                stays.setdefault(stay.callsign, []).append(stay)
    for callsign, theirs in stays.items():
        theirs.sort(key=lambda one: one.first)
        follow = [*(stay.first for stay in theirs[1:]), end]
        for stay, following in zip(theirs, follow, strict=True):
            if stay.last < end:
                yield Stay(0, callsign, stay.last, min(following, stay.last + _STALE))


class _Stays:
    """The times of one flight's or session's connections, as they are told."""

    def __init__(self) -> None:
        self.closed: list[Stay] = []
        self._open: tuple[int, str, datetime] | None = None

    def begin(self, record: TruthRecord) -> None:
        self.end(record.time)
        self._open = (record.cid, record.callsign, record.time)

    def end(self, time: datetime) -> None:
        if self._open is not None:
            cid, callsign, since = self._open
            self.closed.append(Stay(cid, callsign, since, max(time, since)))
            self._open = None


class _Flight:
    def __init__(self, number: int) -> None:
        self._number = number
        self._stays = _Stays()
        self._planned, self._landed_at = "", ""
        self._by_eye = self._flies = False

    def take(self, record: TruthRecord, first: datetime) -> None:
        match record.kind:
            case TruthKind.PLAN if record.time < first or not (self._planned and self._flies):
                # Nobody saw that it was another one before, or it is the first, or in good time.
                self._planned = record.arrival
            case TruthKind.FLIGHT_BEGAN:
                self._stays.begin(record)
                self._planned, self._by_eye = record.arrival, record.flight_rules == "V"
                self._flies = record.in_flight
            case TruthKind.TAKE_OFF:
                self._flies = True
            case TruthKind.RENAME:
                self._stays.begin(record)
            case kind if kind in _BACK:
                self._stays.begin(record)
            case TruthKind.DROP | TruthKind.FLIGHT_ENDED:
                self._stays.end(record.time)
            case TruthKind.LANDING if record.time >= first:
                self._landed_at = record.airport
            case _:
                pass

    def account(self, end: datetime) -> FlightAccount:
        self._stays.end(end)
        # Who flies by eye lands where he likes, and a field beside the airport is no diversion.
        diverted = (
            self._planned in load_airports()
            and self._landed_at not in ("", OFF_AIRPORT, self._planned)
            and not self._by_eye
        )
        return FlightAccount(self._number, tuple(self._stays.closed), diverted)


class _Session:
    def __init__(self, number: int) -> None:
        self._number = number
        self._stays = _Stays()
        self.is_atis = False
        self._first_hz: int | None = None
        self._controlled_s = 0.0
        self._tuned_since: datetime | None = None
        self._tuned = self._on = False
        self._changes: list[tuple[TruthRecord, datetime | None]] = []

    def take(self, record: TruthRecord) -> None:
        match record.kind:
            case TruthKind.SESSION_BEGAN | TruthKind.SESSION_RECONNECT:
                self._stays.begin(record)
                self._on = True
                self._count(record.time)
            case TruthKind.SESSION_DROP | TruthKind.SESSION_ENDED:
                self._stays.end(record.time)
                self._on = False
                self._count(record.time)
                self._end_frequency(record.time)
            case TruthKind.FREQUENCY:
                self._tuned = record.frequency_hz is not None
                self._end_frequency(record.time)
                if self._tuned:
                    self._changes.append((record, None))
                self._first_hz = self._first_hz or record.frequency_hz
                self._count(record.time)
            case TruthKind.ATIS:
                self.is_atis = True
            case _:
                pass

    def _end_frequency(self, time: datetime) -> None:
        if self._changes and self._changes[-1][1] is None:
            self._changes[-1] = (self._changes[-1][0], time)

    def frequencies(self, end: datetime) -> Iterator[FrequencyChange]:
        """Each that was set, in order."""
        for record, until in self._changes:
            if record.frequency_hz is not None and not self.is_atis:
                yield FrequencyChange(
                    record.cid, record.callsign, record.time, record.frequency_hz, until or end
                )

    def _count(self, time: datetime) -> None:
        """Add the time with a frequency up to now, and begin or end it."""
        if self._tuned_since is not None:
            self._controlled_s += max(0.0, (time - self._tuned_since).total_seconds())
        self._tuned_since = time if self._on and self._tuned else None

    def account(self, end: datetime) -> SessionAccount:
        self._stays.end(end)
        self._count(end)
        stays = tuple(self._stays.closed)
        connected_s = sum((one.last - one.first).total_seconds() for one in stays)
        return SessionAccount(self._number, stays, connected_s, self._controlled_s, self._first_hz)
