"""Contacts and stays: what lasts from one moment to another. From the truth, and as derived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from msgspec import Struct

from vatsim_simulator.truth import TruthKind, TruthRecord
from vatwatch.traffic.network_state import NetworkState
from vatwatch.verification.accounts import Snapshots
from vatwatch.verification.results import KindResult

CONTACT, STAY = "contact", "stay"
# The rows of the table, by kind: how it begins, how it ends.
ROWS = {CONTACT: ("contact_began", "contact_ended"), STAY: ("sector_entered", "sector_left")}
_BEGINS = {TruthKind.CONTACT_BEGAN: CONTACT, TruthKind.SECTOR_ENTERED: STAY}
_ENDS = {TruthKind.CONTACT_ENDED: CONTACT, TruthKind.SECTOR_LEFT: STAY}

Key = tuple[str, int, str]
"""Kind, the pilot's cid, and with whom or where."""


class Episode(Struct, frozen=True):
    """It was so from the first moment to the last one."""

    key: Key
    first: datetime
    last: datetime
    breaks: tuple[datetime, ...] = ()
    """When it was not so for a moment that no snapshot shows, as in a touch-and-go."""


def told_episodes(records: Iterable[TruthRecord], end: datetime) -> list[Episode]:
    """The episodes that the truth tells of; those that go on last until the end."""
    since: dict[tuple[Key, int | None], datetime] = {}
    episodes: list[Episode] = []
    for record in records:
        kind = _BEGINS.get(record.kind) or _ENDS.get(record.kind)
        if kind is None:
            continue
        key = (kind, record.cid, _what(record))
        # Where the next flight begins is another question: it may be in contact at once.
        owner = (key, record.flight)
        if record.kind in _BEGINS:
            since[owner] = record.time
        else:
            episodes.append(Episode(key, since.pop(owner), record.time))
    episodes += [Episode(key, first, end) for (key, _), first in since.items()]
    return episodes


def _what(record: TruthRecord) -> str:
    if record.station:
        return f"{record.station} on {record.frequency_hz}"
    return f"{record.area} {record.sector}"


class EpisodeObserver:
    """Looks at the state after each snapshot: episodes are runs of snapshots that show them."""

    def __init__(self) -> None:
        self._open: dict[Key, datetime] = {}
        self._before: datetime | None = None
        self._closed: list[Episode] = []

    def observe(self, state: NetworkState) -> None:
        """Take the next one, in order."""
        assert state.time is not None
        present = set(_shown(state))
        self._close([key for key in self._open if key not in present])
        for key in present:
            self._open.setdefault(key, state.time)
        self._before = state.time

    def episodes(self) -> list[Episode]:
        """All of them, once the last snapshot was taken."""
        self._close(list(self._open))
        return self._closed

    def _close(self, keys: list[Key]) -> None:
        for key in keys:
            assert self._before is not None
            self._closed.append(Episode(key, self._open.pop(key), self._before))


def _shown(state: NetworkState) -> Iterator[Key]:
    for contact in state.contacts.values():
        yield CONTACT, contact.cid, f"{contact.station} on {contact.frequency_hz}"
    cids = {flight.flight_id: flight.pilot.cid for flight in state.flights.values()}
    for stay in state.stays.values():
        yield STAY, cids[stay.flight_id], f"{stay.kind} {stay.sector}"


def compare_episodes(
    true: Sequence[Episode], derived: Sequence[Episode], snapshots: Snapshots, kind: str
) -> list[KindResult]:
    """How they begin, and how they end. What no snapshot could show does not count.

    One that is derived in parts is off by the longest time between them, too (`_hole`).
    """
    began, ended = (KindResult(row) for row in ROWS[kind])
    ours = _by_key(_joined([one for one in true if one.key[0] == kind], snapshots))
    parts_of: dict[Episode, list[Episode]] = {
        one: [] for episodes in ours.values() for one in episodes
    }
    for part in derived:
        if part.key[0] == kind:
            near = max(ours.get(part.key, ()), key=partial(_shared_s, part), default=None)
            if near is not None and _shared_s(part, near) >= -1.5 * snapshots.period_s:
                parts_of[near].append(part)
            else:
                began.invented += 1
                began.fault(f"{_who(part)}: derived, and was not so")
    for one, parts in parts_of.items():
        # What only the last snapshot shows may not be decided yet.
        if one.first <= snapshots.times[-2:][0] and snapshots.shows_between(one.first, one.last):
            _hold(one, parts, snapshots, began, ended)
    return [began, ended]


def _shared_s(one: Episode, other: Episode) -> float:
    """For how long both are; negative: so far apart."""
    return (min(one.last, other.last) - max(one.first, other.first)).total_seconds()


def _hold(
    one: Episode, parts: list[Episode], snapshots: Snapshots, began: KindResult, ended: KindResult
) -> None:
    sides = [
        (began, one.first > snapshots.times[0], one.first),
        (ended, one.last < snapshots.times[-1], one.last),
    ]
    if not parts:
        for result, counts, _ in sides:
            if counts:
                result.missed += 1
                result.fault(f"{result.kind}: {_who(one)}: missed")
        return
    parts.sort(key=lambda part: part.first)
    off = snapshots.off_by(one.first, parts[0].first)
    # It is over with the first snapshot that does not show it.
    off_end = snapshots.off_by(one.last, parts[-1].last) + 1
    holes = [_hole(one, *pair_of, snapshots) for pair_of in pairwise(parts)]
    worst = max([abs(off_end), *holes])
    for (result, counts, true), derived, is_off in zip(
        sides, (parts[0].first, parts[-1].last), (off, off_end if worst < 2 else worst), strict=True
    ):
        if not counts:
            continue
        result.found += 1
        result.errors_s.append((derived - true).total_seconds())
        result.snapshots_off.append(is_off)
        if abs(is_off) > 1:
            result.fault(f"{result.kind}: {_who(one)}: {is_off:+d} snapshots off")


def _hole(one: Episode, before: Episode, after: Episode, snapshots: Snapshots) -> int:
    """How many snapshots long; at a true break it has two ends, which share that."""
    missing = snapshots.off_by(before.last, after.first) - 1
    margin = timedelta(seconds=snapshots.period_s)
    is_true = any(before.last - margin <= at <= after.first + margin for at in one.breaks)
    return (missing + 1) // 2 if is_true else missing


def _joined(episodes: Sequence[Episode], snapshots: Snapshots) -> list[Episode]:
    """Those of one key as one if no snapshot lies between them."""
    joined: list[Episode] = []
    for of_one_key in _by_key(episodes).values():
        for one in sorted(of_one_key, key=lambda each: each.first):
            last = joined[-1] if joined else None
            if (
                last is not None
                and last.key == one.key
                and not snapshots.shows_between(last.last, one.first, ends=False)
            ):
                joined[-1] = Episode(
                    one.key, last.first, max(last.last, one.last), (*last.breaks, one.first)
                )
            else:
                joined.append(one)
    return joined


def _by_key(episodes: Iterable[Episode]) -> dict[Key, list[Episode]]:
    found: dict[Key, list[Episode]] = {}
    for one in episodes:
        found.setdefault(one.key, []).append(one)
    return found


def _who(one: Episode) -> str:
    _, cid, what = one.key
    return f"{cid} {what} {one.first:%H:%M:%S} to {one.last:%H:%M:%S}"
