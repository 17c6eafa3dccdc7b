"""Which derived thing is which true one: pairs by nearness in time, parts by overlap. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from vatwatch.verification.accounts import Stay

# Further apart than this, two things are not the same.
MATCH_S = 300.0
# So much of a flight may be given to its neighbour: the place of the cut is another question.
BOUNDARY_S = 60.0
# A snapshot stands for the time since the one before: who is seen once was not there for 0 s.
SNAPSHOT_S = 15.0


class Timed(Protocol):
    """What has a moment."""

    @property
    def time(self) -> datetime:
        """When it happened."""


class Owned(Protocol):
    """What has a number and was there at times: a flight or a session."""

    @property
    def number(self) -> int:
        """The truth's number, or the id."""

    @property
    def stays(self) -> tuple[Stay, ...]:
        """When it was there, in order."""


T = TypeVar("T", bound=Timed)


class Pairs(NamedTuple):
    """The result of `pair`: indices into the true and the derived sequence."""

    pairs: list[tuple[int, int]]
    missed: list[int]
    invented: list[int]


def pair(
    true: Sequence[T],
    derived: Sequence[T],
    key: Callable[[T], Hashable],
    match_s: float = MATCH_S,
) -> Pairs:
    """Pair things with the same key, the nearest in time first; none is used twice."""
    by_key: dict[Hashable, list[int]] = {}
    for index, one in enumerate(derived):
        by_key.setdefault(key(one), []).append(index)
    near = []
    for index, one in enumerate(true):
        for other in by_key.get(key(one), ()):
            apart_s = abs((derived[other].time - one.time).total_seconds())
            if apart_s <= match_s:
                near.append((apart_s, index, other))
    pairs: list[tuple[int, int]] = []
    used_true: set[int] = set()
    used_derived: set[int] = set()
    for _, index, other in sorted(near):
        if index not in used_true and other not in used_derived:
            used_true.add(index)
            used_derived.add(other)
            pairs.append((index, other))
    return Pairs(
        sorted(pairs),
        [index for index in range(len(true)) if index not in used_true],
        [index for index in range(len(derived)) if index not in used_derived],
    )


class Overlaps(NamedTuple):
    """Who shares time with whom: by number, both ways. Nobody is left out, some have none."""

    derived_of: dict[int, set[int]]
    true_of: dict[int, set[int]]


def overlap(true: Iterable[Owned], derived: Iterable[Owned]) -> Overlaps:
    """Hold the stays against each other, by cid and callsign.

    Two that share no more than `BOUNDARY_S`, or than half of the shorter one, share nothing.
    """
    true, derived = list(true), list(derived)
    parts: dict[tuple[int, str], list[tuple[Stay, int]]] = {}
    for one in derived:
        for stay in one.stays:
            parts.setdefault((stay.cid, stay.callsign), []).append((stay, one.number))
    shared: dict[tuple[int, int], float] = {}
    for one in true:
        for stay in one.stays:
            for other, number in parts.get((stay.cid, stay.callsign), ()):
                seconds = _shared_s(stay, other)
                if seconds >= 0:
                    pair_of = (one.number, number)
                    shared[pair_of] = shared.get(pair_of, 0.0) + seconds + SNAPSHOT_S
    lengths = [
        {one.number: sum(_length_s(part) for part in one.stays) for one in side}
        for side in (true, derived)
    ]
    found = Overlaps({one.number: set() for one in true}, {one.number: set() for one in derived})
    for (of_true, of_derived), seconds in shared.items():
        shorter_s = min(lengths[0][of_true], lengths[1][of_derived])
        if seconds >= min(BOUNDARY_S, shorter_s / 2):
            found.derived_of[of_true].add(of_derived)
            found.true_of[of_derived].add(of_true)
    return found


def _shared_s(one: Stay, other: Stay) -> float:
    return (min(one.last, other.last) - max(one.first, other.first)).total_seconds()


def _length_s(stay: Stay) -> float:
    return (stay.last - stay.first).total_seconds()
