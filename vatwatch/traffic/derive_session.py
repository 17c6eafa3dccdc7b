"""Controllers' sessions, derived again from what is kept of one controller under one callsign.

The rules are those of `sessions.py`: each snapshot is compared with the one before it, as if all
had come in order. So connections that are one session are joined, and others are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.feed.frequency import NO_FREQUENCY_HZ, frequency_hz
from vatwatch.feed.records import Controller, Feed, General
from vatwatch.feed.times import time_text
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import (
    Break,
    NetworkState,
    Rules,
    Session,
    Snapshot,
    StationPlace,
    Tuned,
)


class Logon(Struct, frozen=True):
    """A connection's logon time, and the first snapshot that shows it."""

    since: datetime
    logon_time: datetime


class LateSight(Struct, frozen=True):
    """What a snapshot that came late shows of a session."""

    time: datetime
    logon_time: datetime
    controller: Controller
    place: StationPlace | None


class KeptSession(Struct, frozen=True):
    """What the tables have of a session. `controller` and `place` are the latest."""

    session_id: int
    controller: Controller
    place: StationPlace | None
    until: datetime | None
    first_seen: datetime
    last_seen: datetime
    absences: tuple[Break, ...]
    frequencies: tuple[Tuned, ...]
    logons: tuple[Logon, ...]
    text_since: datetime | None
    late: tuple[LateSight, ...] = ()

    def shows(self, time: datetime) -> bool:
        """Whether the snapshot of `time` shows it."""
        return self.first_seen <= time <= self.last_seen and not any(
            away.start < time < away.end for away in self.absences
        )


class DerivedSession(Struct):
    """A session as it is after its last snapshot."""

    session: Session
    """Of its record only cid, callsign, frequency and logon time count: `controller` has it all."""
    controller: Controller
    place: StationPlace | None
    until: datetime | None
    first_seen: datetime
    text_since: datetime
    logons: list[Logon]
    frequencies: list[Tuned]
    reconnects: int = 0
    absences: list[Break] = []
    connected_s: float = 0.0
    frequency_s: float = 0.0
    ended: bool = False


# A text that nobody has: of a session's earlier texts only that they were others is known.
_ANOTHER_TEXT = ["\x00"]


def derive_sessions(
    kept: Sequence[KeptSession],
    snapshots: Iterable[datetime],
    rules: Rules,
    *,
    before: datetime | None = None,
    without_radios: Collection[datetime] = (),
) -> list[DerivedSession]:
    """The sessions of one controller under one callsign.

    Args:
        kept: its rows, in order, with none before or behind that could be joined to them
        snapshots: the times of all snapshots from the first of these sessions on, in order, up to
            the one by which the last session has ended
        rules: the session window
        before: the snapshot before the first one; None if there is none
        without_radios: of the snapshots, those that have none: there a station stays where it was
    """
    late = {sight.time: sight for one in kept for sight in one.late}
    derived: dict[int, DerivedSession] = {}
    state = NetworkState(time=before)
    for time in snapshots:
        row, sight = next((one for one in kept if one.shows(time)), None), late.get(time)
        shown = [] if row is None else [_record(row, sight, time)]
        changes = diff(state, _snapshot(time, shown), rules)
        for session in changes.sessions.online:
            assert row is not None
            one = derived.get(session.session_id)
            begins = one is None
            if one is None:
                one = derived[session.session_id] = _begin(session, row)
            else:
                _go_on(one, session, state.time)
            _describe(one, row, sight)
            if begins or time not in without_radios:
                one.place = row.place if sight is None else sight.place
        for session in changes.sessions.ended:
            derived[session.session_id].ended = True
        state = apply(state, changes)
    return list(derived.values())


def _snapshot(time: datetime, controllers: list[Controller]) -> Snapshot:
    return Snapshot(time, Feed(General(time_text(time)), controllers=controllers), None)


def _record(row: KeptSession, late: LateSight | None, time: datetime) -> Controller:
    """The record of a snapshot, as far as the rules ask for it."""
    if late is not None:
        return replace(late.controller, logon_time=time_text(late.logon_time))
    hertz = [one.frequency_hz for one in row.frequencies if one.since <= time]
    logons = [one.logon_time for one in row.logons if one.since <= time]
    has_latest_text = row.text_since is None or row.text_since <= time
    return replace(
        row.controller,
        frequency=megahertz(hertz[-1] if hertz else row.frequencies[0].frequency_hz),
        logon_time=time_text(logons[-1] if logons else row.logons[0].logon_time),
        text_atis=row.controller.text_atis if has_latest_text else _ANOTHER_TEXT,
    )


def megahertz(hertz: int | None) -> str:
    """A frequency as the feed writes it; None is none."""
    return f"{(NO_FREQUENCY_HZ if hertz is None else hertz) / 1e6:.3f}"


def _begin(session: Session, row: KeptSession) -> DerivedSession:
    time = session.first_seen
    return DerivedSession(
        session=session,
        controller=row.controller,
        place=row.place,
        until=row.until,
        first_seen=time,
        text_since=time,
        logons=[Logon(time, session.connection_logon)],
        frequencies=[Tuned(time, _hertz(session))],
    )


def _go_on(one: DerivedSession, session: Session, before: datetime | None) -> None:
    """A snapshot further, as `storage/write_sessions.py` writes the row."""
    was, time = one.session, session.last_seen
    if before is not None and was.last_seen < before:
        one.absences.append(Break(was.last_seen, time))
    else:
        seconds = (time - was.last_seen).total_seconds()
        one.connected_s += seconds
        one.frequency_s += 0.0 if _hertz(was) is None else seconds
    if _hertz(session) != _hertz(was):
        one.frequencies.append(Tuned(time, _hertz(session)))
    if session.connection_logon != was.connection_logon:
        one.logons.append(Logon(time, session.connection_logon))
    if session.controller.text_atis != was.controller.text_atis:
        one.text_since = time
    one.reconnects = max(one.reconnects, session.reconnects)
    one.session, one.ended = session, False


def _describe(one: DerivedSession, row: KeptSession, late: LateSight | None) -> None:
    """What no rule says is as the row, or the late snapshot, has it."""
    record = one.session.controller
    latest = row.controller if late is None else late.controller
    if frequency_hz(latest.frequency) != _hertz(one.session):
        latest = replace(latest, frequency=record.frequency)
    one.controller = latest
    one.until = row.until if record.text_atis == _ANOTHER_TEXT else one.session.until


def _hertz(session: Session) -> int | None:
    return frequency_hz(session.controller.frequency)
