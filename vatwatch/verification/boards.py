"""The counts of the boards of airports and FIRs held against the truth, snapshot by snapshot.

A flight changes boards with what it does, and that is derived within one snapshot and may be sure
only with the one after it. So a count is right if each flight on the board is on it in the truth at
this snapshot, at the one after or at one of the two before; and if none is missing that is on it in
the truth at all four.

Of who comes, or is back, with a snapshot only one position is known at first: a count that is wrong
for his sake is right too, if it is so at this one snapshot.

The first minute does not count, nor who leaves or touches the ground then or in the minute before:
one position low above a runway does not tell whether it is that of a take-off or of a landing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from vatsim_simulator.inside import fir_at
from vatsim_simulator.truth import TruthKind, TruthRecord
from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.fir_boards import FirBoards
from vatwatch.traffic.airport_traffic import use_of
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import NetworkState
from vatwatch.verification.accounts import MOVEMENTS
from vatwatch.verification.results import KindResult

AIRPORTS, FIRS = "airports", "firs"
BOARDS = ("departures", "arrivals", "on_ground")
AIRBORNE = "airborne"
"""Only FIRs have that board."""
LATE = 2
UNKNOWN = timedelta(seconds=60)
# FIRs have what their airports have: now and then is enough, and boards take milliseconds.
FIRS_EVERY = 20

NAMES_FLIGHT = (TruthKind.FLIGHT_BEGAN, TruthKind.RENAME, TruthKind.RECONNECT, TruthKind.RETURN)

# Callsign, board, ICAO code or id of the FIR.
Entry = tuple[str, str, str]
Entries = frozenset[Entry]
# Board and place.
Count = tuple[str, str]


class _Moment(NamedTuple):
    """What is on the boards at a snapshot, in the truth and as derived; None: not looked at."""

    time: str
    new: frozenset[str]
    """Callsigns of those who have come, or are back."""
    true: Entries
    derived: Entries | None


class BoardObserver:
    """Takes the truth and the state after each snapshot, and compares them one snapshot later."""

    def __init__(self, areas: KnownAreas) -> None:
        self._areas = areas
        self._airports, self._firs = _Counts(AIRPORTS, BOARDS), _Counts(FIRS, (*BOARDS, AIRBORNE))
        self._true: set[Entry] = set()
        self._airborne: set[Entry] = set()
        self._unclear: set[str] = set()
        self._first: datetime | None = None
        self._snapshots = 0

    def observe(self, records: Iterable[TruthRecord], state: NetworkState) -> None:
        """Take what has happened since the snapshot before, and the state after this one."""
        time = state.time
        assert time is not None
        self._first = first = self._first or time
        self._snapshots += 1
        new: set[str] = set()
        for record in records:
            self._take(record, first)
            if record.kind in NAMES_FLIGHT:
                new.add(record.callsign)
        looks = self._snapshots % FIRS_EVERY == 0
        for counts, true, derived in (
            (self._airports, self._true, _listed(state)),
            (
                self._firs,
                self._true_in_firs(),
                _listed_in_firs(state, self._areas) if looks else None,
            ),
        ):
            known = None if derived is None else self._clear(derived)
            counts.add(_Moment(f"{time:%H:%M:%S}", frozenset(new), self._clear(true), known))
            if time > first + UNKNOWN:
                counts.compare()

    def results(self) -> list[KindResult]:
        """One for each board; the last snapshot does not count, as nothing comes after it.

        *Found* are the counts that are right, *missed* the others, and *invented* the flights that
        are on a board to which they do not belong. A count that is right is 0 snapshots off if it
        is that of the truth at this very snapshot, 1 if those beside it explain it, and else 2.
        """
        return [*self._airports.results.values(), *self._firs.results.values()]

    def _take(self, record: TruthRecord, first: datetime) -> None:
        of_fir = record.board == AIRBORNE
        entry = (record.callsign, record.board, record.sector if of_fir else record.airport)
        true = self._airborne if of_fir else self._true
        match record.kind:
            case TruthKind.BOARD_ENTERED:
                true.add(entry)
            case TruthKind.BOARD_LEFT:
                true.discard(entry)
            case kind if kind in MOVEMENTS and abs(record.time - first) <= UNKNOWN:
                self._unclear.add(record.callsign)
            case _ if record.exaggerates:
                # It reports several times its height: nobody can say either whether it flies.
                self._unclear.add(record.callsign)
            case _:
                pass

    def _true_in_firs(self) -> Iterator[Entry]:
        yield from self._airborne
        for callsign, board, icao in self._true:
            fir = _fir_of(icao)
            if fir:
                yield callsign, board, fir

    def _clear(self, entries: Iterable[Entry]) -> Entries:
        return frozenset(one for one in entries if one[0] not in self._unclear)


class _Counts:
    """The counts of the airports, or of the FIRs."""

    def __init__(self, what: str, boards: Iterable[str]) -> None:
        self.results = {board: KindResult(f"{what}: {_words(board)}") for board in boards}
        self._moments: deque[_Moment] = deque(maxlen=LATE + 2)

    def add(self, moment: _Moment) -> None:
        """Take the next one."""
        self._moments.append(moment)

    def compare(self) -> None:
        """Compare the moment before the last one."""
        time, new, true, derived = self._moments[-2]
        if derived is None:
            return
        wide = [moment.true for moment in self._moments]
        near = wide[-LATE - 1 :]
        missing, extra = (
            _by_count([one for one in entries if one[0] not in new])
            for entries in (frozenset.intersection(*wide) - derived, derived.difference(*wide))
        )
        late = _by_count((frozenset.intersection(*near) - derived) | derived.difference(*near))
        ours, theirs = _by_count(true), _by_count(derived)
        for count in ours.keys() | theirs.keys():
            (board, place), result = count, self.results[count[0]]
            without, added = missing.get(count, ()), extra.get(count, ())
            if without or added:
                result.missed += 1
                result.invented += len(added)
                what = [f"without {one}" for one in sorted(without)]
                what += [f"with {one}" for one in sorted(added)]
                result.fault(f"{_words(board)} at {place}, {time}: {', '.join(what)}")
                continue
            result.found += 1
            same = len(ours.get(count, ())) == len(theirs.get(count, ()))
            result.snapshots_off.append(LATE if count in late else int(not same))


def _listed(state: NetworkState) -> Iterator[Entry]:
    for flight in state.flights.values():
        if not flight.shown:
            continue
        use = use_of(flight)
        for board, airport in zip(
            BOARDS, (use.departs_from, use.bound_for, use.stands_at), strict=True
        ):
            if airport is not None:
                yield flight.pilot.callsign, board, airport


def _listed_in_firs(state: NetworkState, areas: KnownAreas) -> Iterator[Entry]:
    boards = FirBoards(AirportBoards(state, areas))
    for fir in boards.ids:
        traffic = boards.traffic_of(fir)
        for board, listed in (
            ("departures", traffic.departures),
            ("arrivals", traffic.inbound),
            ("on_ground", traffic.on_ground),
            (AIRBORNE, traffic.airborne),
        ):
            for use, _ in listed:
                yield use.flight.pilot.callsign, board, fir


@cache
def _fir_of(icao: str) -> str:
    """The region of the simulator's world in which an airport lies; empty: none."""
    airport = load_airports()[icao]
    return fir_at(airport.latitude, airport.longitude)


def _by_count(entries: Collection[Entry]) -> dict[Count, set[str]]:
    found: dict[Count, set[str]] = {}
    for callsign, board, place in entries:
        found.setdefault((board, place), set()).add(callsign)
    return found


def _words(board: str) -> str:
    return board.replace("_", " ")
