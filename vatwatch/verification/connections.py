"""Holds reconnects, frequencies and stale ATIS against the truth. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from vatwatch.verification.accounts import Account, FrequencyChange, Happening, Snapshots, Stay
from vatwatch.verification.matching import MATCH_S, pair
from vatwatch.verification.results import KindResult

T = TypeVar("T", Happening, FrequencyChange)


def compare_connections(
    true: Account, derived: Account, snapshots: Snapshots, over: Collection[int] = ()
) -> list[KindResult]:
    """The results, in the order of the table.

    `over`: flights of which nobody saw more than what they left behind. Whether their pilot goes on
    with them cannot be told.
    """
    return [
        _reconnects("flight", true, derived, snapshots, over),
        _reconnects("session", true, derived, snapshots, ()),
        _frequencies(true, derived, snapshots),
        _stale(true, derived, snapshots),
    ]


def _reconnects(
    kind: str, true: Account, derived: Account, snapshots: Snapshots, over: Collection[int]
) -> KindResult:
    """Those count that snapshots show: some before the connection fell, and one after it."""
    owners = true.flights if kind == "flight" else true.sessions
    stays = {one.number: one.stays for one in owners}
    ours = [one for one in true.reconnects if one.kind == kind]
    seen = [one for one in ours if _is_back(one, stays.get(one.owner, ()), snapshots)]
    theirs = [one for one in derived.reconnects if one.kind == kind]
    pilots = {stay.cid for one in owners if one.number in over for stay in one.stays}
    ours += [
        Happening(kind, one.stays[0].first, one.stays[0].cid, one.number)
        for one in owners
        if one.stays and one.stays[0].cid in pilots
    ]
    result = KindResult(f"reconnects of {kind}s")
    return _held(result, seen, ours, theirs, snapshots, lambda one: one.cid)


def _is_back(one: Happening, stays: Sequence[Stay], snapshots: Snapshots) -> bool:
    before = any(stay.last <= one.time and snapshots.shows(stay) for stay in stays)
    return before and any(stay.first == one.time and snapshots.shows(stay) for stay in stays)


def _frequencies(true: Account, derived: Account, snapshots: Snapshots) -> KindResult:
    first = snapshots.times[0]
    seen = [
        one
        for one in true.frequencies
        if one.time >= first and snapshots.shows(Stay(one.cid, one.callsign, one.time, one.until))
    ]
    return _held(
        KindResult("frequencies"),
        seen,
        true.frequencies,
        derived.frequencies,
        snapshots,
        lambda one: (one.cid, one.callsign, one.frequency_hz),
    )


def _held(
    result: KindResult,
    seen: Sequence[T],
    ours: Sequence[T],
    theirs: Sequence[T],
    snapshots: Snapshots,
    key: Callable[[T], Hashable],
) -> KindResult:
    """Pair moments; what is derived for a true one that no snapshot could show is not invented."""
    pairs = pair(seen, theirs, key)
    for index, other in pairs.pairs:
        result.found += 1
        one, found = seen[index], theirs[other]
        result.errors_s.append((found.time - one.time).total_seconds())
        result.snapshots_off.append(snapshots.off_by(one.time, found.time))
    for index in pairs.missed:
        result.missed += 1
        result.fault(f"{result.kind}: {_what(seen[index])}: missed")
    unseen: dict[Hashable, list[datetime]] = {}
    for one in ours:
        # What was so before the first snapshot is derived with it.
        unseen.setdefault(key(one), []).append(max(one.time, snapshots.times[0]))
    for other in pairs.invented:
        found = theirs[other]
        margin = timedelta(seconds=MATCH_S)
        if not any(abs(found.time - time) <= margin for time in unseen.get(key(found), ())):
            result.invented += 1
            result.fault(f"{result.kind}: {_what(found)}: derived, and did not happen")
    return result


def _what(one: Happening | FrequencyChange) -> str:
    if isinstance(one, Happening):
        return f"{one.cid} at {one.time:%H:%M:%S}"
    return f"{one.callsign} ({one.cid}) on {one.frequency_hz} at {one.time:%H:%M:%S}"


def _stale(true: Account, derived: Account, snapshots: Snapshots) -> KindResult:
    """From when to when a station that has left is listed, give or take a snapshot at each end."""
    result = KindResult("stale atis")
    last, margin = snapshots.times[-1], timedelta(seconds=2 * snapshots.period_s)
    theirs: dict[str, list[Stay]] = {}
    for one in derived.stale:
        theirs.setdefault(one.callsign, []).append(one)
    for stay in true.stale:
        if not snapshots.shows(stay) or stay.first < snapshots.times[0]:
            continue
        found = next(
            (
                other
                for other in theirs.get(stay.callsign, ())
                if abs(snapshots.off_by(stay.first, other.first)) <= 1
                # The last snapshot before the end, or the one before that.
                and abs(min(stay.last, last) - other.last) <= margin
            ),
            None,
        )
        if found is None:
            result.missed += 1
            result.fault(f"{stay.callsign}, stale from {stay.first:%H:%M:%S}: missed")
            continue
        theirs[stay.callsign].remove(found)
        result.found += 1
        result.errors_s.append((found.first - stay.first).total_seconds())
        result.snapshots_off.append(snapshots.off_by(stay.first, found.first))
    for others in theirs.values():
        for other in others:
            result.invented += 1
            result.fault(f"{other.callsign}, listed from {other.first:%H:%M:%S}: was not to be")
    return result
