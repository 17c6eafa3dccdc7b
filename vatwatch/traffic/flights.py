"""Flights: which pilot's flight goes on, who is new, who has left, whose flight is over.

`continuity.py` has the rules by which a flight goes on or ends, `progress.py` what it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.feed.times import parse_time, time_text
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.changes import FlightChanges
from vatwatch.traffic.continuity import continues_flight, resumes, takes_over
from vatwatch.traffic.identity import (
    connection_id,
    later_id,
    may_have_ended,
    same_logon,
    stable_id,
)
from vatwatch.traffic.network_state import (
    FiledPlan,
    Flight,
    FlightConnection,
    Gap,
    NetworkState,
    Rules,
    Snapshot,
    who,
)
from vatwatch.traffic.parsed_plan import ParsedPlan, parse_plan
from vatwatch.traffic.position import Position
from vatwatch.traffic.presence import Known, still_there
from vatwatch.traffic.progress import advance, begin, begin_next_leg, finish
from vatwatch.traffic.progress_record import Progress
from vatwatch.traffic.remembering import is_to_be_remembered
from vatwatch.traffic.track import kept_position, position_of


def flight_changes(before: NetworkState, snapshot: Snapshot, rules: Rules) -> FlightChanges:
    """Hold the pilots of a snapshot against the flights that are known."""
    return _Comparison(before, snapshot, rules).changes(snapshot.unread.pilots)


class _Comparison:
    """One snapshot's pilots, and the flights before it."""

    def __init__(self, before: NetworkState, snapshot: Snapshot, rules: Rules) -> None:
        self.before, self.time, self.rules = before, snapshot.time, rules
        self.pilots, self.let_through = snapshot.feed.pilots, snapshot.let_through
        self.out = FlightChanges()
        self.present = {pilot.callsign for pilot in self.pilots}
        self.settled: set[int] = set()
        """Flights of which is said already what became of them: they go on, or are over."""

    def changes(self, unread: Unread) -> FlightChanges:
        """What becomes of each flight; `unread` are there though they cannot be read."""
        for pilot in self.pilots:
            self.out.online.append(self._flight_of(pilot))
        self._leave(unread)
        self.out.shown = sum(flight.shown for flight in self.out.online)
        window = self.rules.resume_window
        for flight_id, flight in self.before.dropped_flights.items():
            if self.time - flight.last_seen > window and flight_id not in self.settled:
                self.out.final.append(flight_id)
        self.out.plans_closed += [f.plan_id for f in self.out.ended if f.plan_id is not None]
        return self.out

    # --- who goes on -------------------------------------------------------------------------

    def _flight_of(self, pilot: Pilot) -> Flight:
        known = self.before.flights.get(pilot.callsign)
        if known is None or known.pilot.cid != pilot.cid:
            known = self.before.disconnected_flights.get((pilot.cid, pilot.callsign))
        if known is not None and pilot.logon_time == known.pilot.logon_time:
            logon = known.connection_logon  # as nearly always
        else:
            pilot, logon = _logged_on(pilot, known, self.time)
        kept, due = self._place(known, pilot)
        if known is not None:
            if continues_flight(known, pilot, logon, kept, self.rules):
                return self._go_on(known, pilot, logon, kept, due=due)
            self._end_at_once(known)
        kept = position_of(pilot, self.time)
        taken = self._taken_over(pilot) or self._resumed(pilot, logon, kept)
        if taken is not None:
            return self._go_on(taken, pilot, logon, kept, due=self._is_shown(pilot))
        return self._begin(pilot, logon, kept, known)

    def _is_shown(self, pilot: Pilot) -> bool:
        return self.let_through is None or pilot.callsign in self.let_through

    def _place(self, known: Flight | None, pilot: Pilot) -> tuple[Position, bool]:
        """Where a pilot is, as the track keeps it, and whether that is worth a row."""
        if not self._is_shown(pilot):
            return position_of(pilot, self.time), False
        written = None if known is None or not known.shown else known.written
        return kept_position(written, pilot, self.time, self.rules.position_keepalive)

    @cached_property
    def _lost(self) -> dict[int, list[Flight]]:
        """The flights that are away and do not come back, or whose callsign nobody has, by cid."""
        there = {(pilot.cid, pilot.callsign) for pilot in self.pilots}
        away = self.before.disconnected_flights
        return _by_cid(
            [
                *(flight for key, flight in away.items() if key not in there),
                *(f for sign, f in self.before.flights.items() if sign not in self.present),
            ]
        )

    @cached_property
    def _dropped(self) -> dict[int, list[Flight]]:
        """The flights that were dropped, by cid."""
        return _by_cid(self.before.dropped_flights.values())

    def _taken_over(self, pilot: Pilot) -> Flight | None:
        """The flight that goes on under another callsign."""
        for flight in self._lost.get(pilot.cid, ()):
            if flight.flight_id not in self.settled and takes_over(
                flight, pilot, self.time, self.rules
            ):
                return flight
        return None

    def _resumed(self, pilot: Pilot, logon: datetime, kept: Position) -> Flight | None:
        """Of the flights that were dropped the latest that can be this one."""
        for flight in self._dropped.get(pilot.cid, ()):
            if flight.flight_id not in self.settled and resumes(
                flight, pilot, logon, kept, self.rules
            ):
                return flight
        return None

    def _end_at_once(self, known: Flight) -> None:
        """Its pilot has begun another flight."""
        if not known.seen_in_later_snapshot:
            self.settled.add(known.flight_id)
            self._end(known)

    def _end(self, flight: Flight) -> None:
        progress = finish(flight.progress, flight.pilot.flight_plan)
        self._tell_movements(flight.progress, progress, flight)
        self.out.ended.append(replace(flight, progress=progress))

    # --- what becomes of it ------------------------------------------------------------------

    def _begin(
        self, pilot: Pilot, logon: datetime, kept: Position, former: Flight | None
    ) -> Flight:
        flight_id = connection_id("flight", pilot.cid, pilot.callsign, logon)
        next_leg = former is not None and same_logon(former.connection_logon, logon)
        if next_leg or may_have_ended(self.before.time, logon, self.rules.reconnect_window):
            flight_id = later_id("flight", flight_id, self.time)
        if former is not None and next_leg:
            progress = begin_next_leg(former.progress, kept, pilot.flight_plan)
        else:
            progress = begin(kept, pilot.flight_plan)
        plan_id, parsed_plan = self._open_plan(flight_id, pilot)
        shown = self._is_shown(pilot)
        flight = Flight(
            flight_id=flight_id,
            pilot=pilot,
            logon_time=logon,
            connection_logon=logon,
            first_seen=self.time,
            last_seen=self.time,
            progress=progress,
            connections=(FlightConnection(pilot.callsign, logon, self.time),),
            written=kept if shown else None,
            plan_id=plan_id,
            parsed_plan=parsed_plan,
            shown=shown,
            stored=shown,
            remembered=self.time,
        )
        self.out.created.append(flight)
        if shown:
            self.out.positions.append(flight)
            self.out.moved += 1
        return flight

    def _go_on(
        self, known: Flight, pilot: Pilot, logon: datetime, kept: Position, *, due: bool
    ) -> Flight:
        was = known.pilot
        again, shown = known.last_seen != self.before.time, self._is_shown(pilot)
        flight = Flight(
            known.flight_id,
            pilot,
            known.logon_time,
            logon,
            known.first_seen,
            self.time,
            self._progress(known, pilot, kept, after_gap=again),
            _connections(known, pilot, logon, self.time),
            (*known.gaps, Gap(known.last_seen, self.time)) if again else known.gaps,
            kept if due else known.written,
            *self._plan(known, pilot),
            shown=shown,
            stored=shown or known.stored,
            remembered=known.remembered,
        )
        changed = _has_changed(known, flight)
        if changed or is_to_be_remembered(known, flight, self.time):
            flight = replace(flight, remembered=self.time)
            (self.out.updated if changed else self.out.remembered).append(flight)
        self.settled.add(known.flight_id)
        if shown and not known.stored:
            self.out.entered.append(flight)
        if due:
            self.out.positions.append(flight)
        if shown and (was.latitude != pilot.latitude or was.longitude != pilot.longitude):
            self.out.moved += 1
        self._tell(known, flight)
        return flight

    def _tell(self, known: Flight, flight: Flight) -> None:
        """Enter a flight that goes on into the lists of what is told."""
        was, pilot, out = known.pilot, flight.pilot, self.out
        reconnected = flight.connections is not known.connections
        if known.flight_id in self.before.dropped_flights:
            out.resumed.append(flight)
            out.returned.append(known)
        else:
            if known.last_seen != self.before.time or was.callsign != pilot.callsign:
                out.returned.append(known)
            if reconnected:
                out.reconnected.append(flight)
        was_done, done = known.progress, flight.progress
        self._tell_movements(was_done, done, flight)
        if (done.diverting or done.diverted) and not (was_done.diverting or was_done.diverted):
            out.diverted.append(flight)

    def _tell_movements(self, was: Progress, now: Progress, flight: Flight) -> None:
        """What is new among them. One may have been taken back, as a hop is no flight."""
        if now.movements is not was.movements:
            new = [movement for movement in now.movements if movement not in was.movements]
            self.out.moved_by += [(movement, flight) for movement in new]

    def _progress(
        self, known: Flight, pilot: Pilot, kept: Position, *, after_gap: bool
    ) -> Progress:
        if known.seen_in_later_snapshot:
            return known.progress  # it has gone on from there long ago
        return advance(known.progress, kept, pilot.flight_plan, after_gap=after_gap)

    def _plan(self, known: Flight, pilot: Pilot) -> tuple[int | None, ParsedPlan | None]:
        """The id of the plan that stands now, and what it means."""
        # The plan of a flight that was dropped has ended with it.
        lasts = known.plan_id is not None or known.pilot.flight_plan is None
        if lasts and not plan_differs(known.pilot.flight_plan, pilot.flight_plan):
            return known.plan_id, known.parsed_plan
        if known.plan_id is not None:
            self.out.plans_closed.append(known.plan_id)
            if pilot.flight_plan is None:
                self.out.plans_withdrawn.append(known.flight_id)
        return self._open_plan(known.flight_id, pilot)

    def _open_plan(self, flight_id: int, pilot: Pilot) -> tuple[int | None, ParsedPlan | None]:
        if pilot.flight_plan is None:
            return None, None
        plan = FiledPlan(
            stable_id("plan", flight_id, self.time.isoformat()),
            flight_id,
            pilot.cid,
            pilot.callsign,
            pilot.flight_plan,
            parse_plan(pilot.flight_plan, load_airports()),
            self.time,
        )
        self.out.plans_opened.append(plan)
        return plan.plan_id, plan.parsed

    # --- who leaves --------------------------------------------------------------------------

    def _leave(self, unread: Unread) -> None:
        """Sort out who has left just now, and who has been away for longer than the window."""
        missing = [f for f in self.before.flights.values() if f.flight_id not in self.settled]
        if missing and unread != NOBODY:
            there = still_there(missing, unread, self.present, key=_of_pilot)
            self.settled.update(flight.flight_id for flight in there)
            there = [_still_as_it_was(flight, self.time) for flight in there]
            self.out.online += there
            self.out.remembered += there
            missing = [flight for flight in missing if flight.flight_id not in self.settled]
        self.out.gone += missing
        for flight in (*self.before.disconnected_flights.values(), *missing):
            if (
                flight.flight_id not in self.settled
                and self.time - flight.last_seen > self.rules.reconnect_window
                and not flight.seen_in_later_snapshot
                and not unread.shows(*who(flight))
            ):
                self._end(flight)


def _by_cid(flights: Iterable[Flight]) -> dict[int, list[Flight]]:
    """The latest first, and always in the same order."""
    found: dict[int, list[Flight]] = {}
    for flight in sorted(flights, key=lambda f: (f.last_seen, f.flight_id), reverse=True):
        found.setdefault(flight.pilot.cid, []).append(flight)
    return found


def _still_as_it_was(flight: Flight, time: datetime) -> Flight:
    """A flight whose record cannot be read now."""
    progress = replace(flight.progress, fix=replace(flight.progress.fix, time=time))
    return replace(
        flight, last_seen=time, progress=progress, seen_in_later_snapshot=False, remembered=time
    )


def _logged_on(pilot: Pilot, known: Flight | None, time: datetime) -> tuple[Pilot, datetime]:
    """When a pilot has logged on; where the feed does not say it, as far as it can be known."""
    if known is not None and pilot.logon_time in (known.pilot.logon_time, ""):
        logon, text = known.connection_logon, known.pilot.logon_time
    elif pilot.logon_time:
        return pilot, parse_time(pilot.logon_time)
    else:
        logon, text = time, time_text(time)
    return pilot if pilot.logon_time else replace(pilot, logon_time=text), logon


def _connections(
    known: Flight, pilot: Pilot, logon: datetime, time: datetime
) -> tuple[FlightConnection, ...]:
    present = known.connections[-1]
    if present.callsign == pilot.callsign and (
        logon is known.connection_logon
        or same_logon(known.connection_logon, logon)
        or same_logon(known.logon_time, logon)
    ):
        return known.connections
    left = replace(present, last_seen=known.last_seen)
    return (*known.connections[:-1], left, FlightConnection(pilot.callsign, logon, time))


def _has_changed(known: Flight, flight: Flight) -> bool:
    """Whether there is more in its row to change than where it is."""
    was, now = known.pilot, flight.pilot
    return (
        flight.connections is not known.connections
        or flight.gaps is not known.gaps
        or was.name != now.name
        or was.server != now.server
        or was.pilot_rating != now.pilot_rating
        or was.military_rating != now.military_rating
        or flight.connection_logon != known.connection_logon
        or _has_done_more(known.progress, flight.progress)
    )


def _has_done_more(was: Progress, now: Progress) -> bool:
    """Whether there is more to tell of a flight than where it is."""
    return was is not now and (
        was.phase is not now.phase
        or (was.times is not now.times and was.times != now.times)
        or (was.movements is not now.movements and was.movements != now.movements)
        or was.found_departure != now.found_departure
        or was.found_arrival != now.found_arrival
        or was.diverted != now.diverted
    )


def plan_differs(one: FlightPlan | None, other: FlightPlan | None) -> bool:
    """Whether a plan says something else; `revision_id` alone may rise over nothing."""
    if one == other:
        return False
    if one is None or other is None:
        return True
    return replace(one, revision_id=0) != replace(other, revision_id=0)


def _of_pilot(flight: Flight) -> Known:
    return Known(flight.pilot.cid, flight.pilot.callsign, flight.pilot.last_updated)
