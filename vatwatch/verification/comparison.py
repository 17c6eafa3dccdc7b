"""Holds what was derived against the truth, kind by kind. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from vatwatch.counting import counted
from vatwatch.verification.accounts import (
    HAPPENINGS,
    MOVEMENTS,
    Account,
    Happening,
    Snapshots,
    Stay,
)
from vatwatch.verification.connections import compare_connections
from vatwatch.verification.matching import MATCH_S, Owned, overlap, pair
from vatwatch.verification.results import KindResult

# What happens in the last two minutes may not be decided yet.
UNDECIDED_S = 120.0

Owner = TypeVar("Owner", bound=Owned)


def compare_accounts(true: Account, derived: Account, snapshots: Snapshots) -> list[KindResult]:
    """The results, in the order of the table. What no snapshot could show does not count."""
    true = _clipped(true, snapshots)
    first, decided = snapshots.times[0], _decided(snapshots)
    over = {one.owner for one in true.happenings if one.kind == "landing" and one.time < first}
    over |= {one.number for one in true.flights if one.stays and one.stays[0].first > decided}
    results = [_owners("flights", true.flights, derived.flights, snapshots, over)]
    stays = {flight.number: flight.stays for flight in true.flights}
    for kind in HAPPENINGS:
        results += _happenings(kind, true, derived, stays, snapshots)
    results.append(_diversions(true, derived, snapshots))
    results.append(_owners("sessions", true.sessions, derived.sessions, snapshots))
    results += _of_sessions(true, derived, snapshots)
    results.append(_letters(true, derived, snapshots))
    results += compare_connections(true, derived, snapshots, over)
    return results


def _owners(
    kind: str,
    true: Sequence[Owner],
    derived: Sequence[Owner],
    snapshots: Snapshots,
    over: Collection[int] = (),
) -> KindResult:
    """Flights or sessions: one derived for each true one, no parts, nothing glued.

    `over`: those of which nobody saw more than what they left behind; they do not count.
    """
    result = KindResult(kind)
    seen = [one for one in true if any(map(snapshots.shows, one.stays))]
    overlaps = overlap(seen, derived)
    for one in seen:
        if one.number in over:
            continue
        numbers = overlaps.derived_of[one.number]
        glued = any(len(overlaps.true_of[number] - set(over)) > 1 for number in numbers)
        if len(numbers) == 1 and not glued:
            result.found += 1
            continue
        result.missed += 1
        how = (
            "glued to another"
            if glued
            else f"in {counted(len(numbers), 'part')}"
            if numbers
            else "missed"
        )
        result.fault(f"{_who(one.stays)}: {how}")
    # Parts beyond the first, and what belongs to nobody.
    by_number = {one.number: one for one in derived}
    for number, owners in overlaps.true_of.items():
        account = by_number[number]
        if not owners and not _left_before(account, true, snapshots.times[0]):
            result.invented += 1
            result.fault(f"{_who(account.stays)}: derived, and did not happen")
    result.invented += sum(
        max(0, len(parts) - 1) for one, parts in overlaps.derived_of.items() if one not in over
    )
    return result


def _left_before(derived: Owned, true: Sequence[Owned], first: datetime) -> bool:
    """Whether it is of somebody who left before the first snapshot, where his record lingers."""
    shown = derived.stays[0]
    return shown.first == first and any(
        (stay.cid, stay.callsign) == (shown.cid, shown.callsign) and stay.last < first
        for one in true
        for stay in one.stays
    )


def _happenings(
    kind: str,
    true: Account,
    derived: Account,
    stays: dict[int, tuple[Stay, ...]],
    snapshots: Snapshots,
) -> list[KindResult]:
    result, airports = KindResult(kind), KindResult(f"airport of {kind}")
    ours = [one for one in true.happenings if one.kind == kind]
    theirs = [one for one in derived.happenings if one.kind == kind]
    decided = _decided(snapshots)
    seen = [
        one
        for one in ours
        if one.time <= decided
        and snapshots.sees(one.time, stays.get(one.owner, ()))
        and not (kind == "on_block" and _landed_before(one, true, snapshots.times[0]))
    ]
    shown = set(seen)
    # A touch that was not seen to the end may be derived as any movement.
    alike = MOVEMENTS if kind in MOVEMENTS else (kind,)
    unseen = [one for one in true.happenings if one.kind in alike and one not in shown]
    if kind in MOVEMENTS:
        unseen = [
            one
            for one in unseen
            if one.kind == kind or not snapshots.sees(one.time, stays.get(one.owner, ()))
        ]
    unseen += [one for one in true.unclear if one.kind == kind]
    pairs = pair(seen, theirs, lambda one: one.cid)
    for index, other in pairs.pairs:
        one, found = seen[index], theirs[other]
        result.found += 1
        error_s = (found.time - one.time).total_seconds()
        result.errors_s.append(error_s)
        result.snapshots_off.append(snapshots.off_by(one.time, found.time))
        if abs(result.snapshots_off[-1]) > 1:
            result.fault(f"{_what(one)}: derived {error_s:+.0f} s off")
        if found.airport == one.airport:
            airports.found += 1
        else:
            airports.missed += 1
            airports.fault(f"{_what(one)}: derived {found.airport or 'no airport'}")
    for index in pairs.missed:
        result.missed += 1
        result.fault(f"{_what(seen[index])}: missed")
    for other in pairs.invented:
        if not _explained(theirs[other], unseen, stays):
            result.invented += 1
            result.fault(f"{_what(theirs[other])}: derived, and did not happen")
    return [result, airports] if kind in MOVEMENTS else [result]


def _decided(snapshots: Snapshots) -> datetime:
    return snapshots.times[-1] - timedelta(seconds=UNDECIDED_S)


def _clipped(true: Account, snapshots: Snapshots) -> Account:
    """The truth, as far as the snapshots reach; what they do not show at all stays as it is."""
    return replace(
        true,
        flights=tuple(
            replace(one, stays=snapshots.clipped(one.stays) or one.stays) for one in true.flights
        ),
    )


def _landed_before(on_block: Happening, true: Account, first: datetime) -> bool:
    """Whether nobody saw the landing after which it was parked: it just stood there."""
    landings = [
        one.time
        for one in true.happenings
        if one.owner == on_block.owner and one.kind == "landing" and one.time <= on_block.time
    ]
    return bool(landings) and max(landings) < first


def _explained(
    derived: Happening,
    unseen: Sequence[Happening],
    stays: dict[int, tuple[Stay, ...]],
) -> bool:
    """Whether it happened while nobody could see it: it may be derived when he is back."""
    margin = timedelta(seconds=MATCH_S)
    for one in unseen:
        if one.cid != derived.cid:
            continue
        later = [stay.first for stay in stays.get(one.owner, ()) if stay.first > one.time]
        moments = (one.time, min(later, default=one.time))
        if any(abs(derived.time - moment) <= margin for moment in moments):
            return True
    return False


def _diversions(true: Account, derived: Account, snapshots: Snapshots) -> KindResult:
    """Of the flights that were found: which landed elsewhere than planned."""
    result = KindResult("diversions")
    for one, other in _one_to_one(true.flights, derived.flights, snapshots):
        if one.diverted and other.diverted:
            result.found += 1
        elif one.diverted:
            result.missed += 1
            result.fault(f"{_who(one.stays)}: diversion missed")
        elif other.diverted:
            result.invented += 1
            result.fault(f"{_who(one.stays)}: derived a diversion, and there was none")
    return result


def _of_sessions(true: Account, derived: Account, snapshots: Snapshots) -> list[KindResult]:
    connected, controlling = KindResult("connected time"), KindResult("controlling time")
    frequency = KindResult("first frequency")
    for one, other in _one_to_one(true.sessions, derived.sessions, snapshots):
        if one.stays[0].first < snapshots.times[0]:
            # How much of it was before anybody looked is not to be derived.
            continue
        for result, ours, theirs in (
            (connected, one.connected_s, other.connected_s),
            (controlling, one.controlling_s, other.controlling_s),
        ):
            if ours is None or theirs is None:
                continue
            result.found += 1
            result.errors_s.append(theirs - ours)
            if abs(theirs - ours) > 4 * snapshots.period_s:
                result.fault(f"{_who(one.stays)}: {theirs:.0f} s, and it was {ours:.0f} s")
        if one.first_frequency_hz is None:
            if other.first_frequency_hz is not None:
                frequency.invented += 1
                frequency.fault(f"{_who(one.stays)}: had no frequency")
        elif one.first_frequency_hz == other.first_frequency_hz:
            frequency.found += 1
        else:
            frequency.missed += 1
            frequency.fault(
                f"{_who(one.stays)}: {other.first_frequency_hz}, and it was "
                f"{one.first_frequency_hz}"
            )
    return [connected, controlling, frequency]


def _letters(true: Account, derived: Account, snapshots: Snapshots) -> KindResult:
    result = KindResult("atis letters")
    first, last = snapshots.times[0], snapshots.times[-1]
    ours = [one for one in true.letters if first <= one.time <= last]
    before = [one for one in true.letters if one.time < first]
    pairs = pair(ours, derived.letters, lambda one: (one.callsign, one.letter))
    for index, other in pairs.pairs:
        result.found += 1
        change = ours[index]
        result.errors_s.append((derived.letters[other].time - change.time).total_seconds())
        result.snapshots_off.append(snapshots.off_by(change.time, derived.letters[other].time))
    for index in pairs.missed:
        result.missed += 1
        one = ours[index]
        result.fault(f"{one.callsign} {one.letter} at {one.time:%H:%M:%S}: missed")
    known = {(one.callsign, one.letter) for one in before}
    for other in pairs.invented:
        found = derived.letters[other]
        # At the first snapshot each station has the letter that it took before.
        if found.time == first and (found.callsign, found.letter) in known:
            continue
        result.invented += 1
        result.fault(
            f"{found.callsign} {found.letter} at {found.time:%H:%M:%S}: derived, did not happen"
        )
    return result


def _one_to_one(
    true: Sequence[Owner], derived: Sequence[Owner], snapshots: Snapshots
) -> list[tuple[Owner, Owner]]:
    """The true ones that were found, each with the one that was derived for it."""
    seen = [one for one in true if any(map(snapshots.shows, one.stays))]
    overlaps = overlap(seen, derived)
    by_number = {one.number: one for one in derived}
    return [
        (one, by_number[next(iter(numbers))])
        for one in seen
        if len(numbers := overlaps.derived_of[one.number]) == 1
        and len(overlaps.true_of[next(iter(numbers))]) == 1
    ]


def _who(stays: Sequence[Stay]) -> str:
    if not stays:
        return "nobody"
    one = stays[0]
    return f"{one.callsign} ({one.cid}) from {one.first:%H:%M:%S}"


def _what(happening: Happening) -> str:
    at = f" at {happening.airport}" if happening.airport else ""
    return f"{happening.kind} of {happening.cid}{at}, {happening.time:%H:%M:%S}"
