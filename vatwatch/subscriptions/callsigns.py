"""Callsigns of one snapshot, ready to be asked which of them fit a pattern."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from vatwatch.wildcards import compiled

T = TypeVar("T")

_WILD = re.compile(r"[*?]")
# Behind all that a callsign may have.
_LAST = chr(0x10FFFF)


class CallsignIndex(Generic[T]):
    """Records by callsign. Only those that begin as the pattern does are looked at."""

    def __init__(self, records: Iterable[tuple[str, T]]) -> None:
        self._sorted = sorted(((sign.upper(), sign, one) for sign, one in records), key=_order)
        self._signs = [upper for upper, _, _ in self._sorted]
        self._found: dict[str, list[T]] = {}

    def fitting(self, pattern: str) -> list[T]:
        """Those that fit, by callsign; quick for a pattern that was asked before."""
        wanted = pattern.upper()
        found = self._found.get(wanted)
        if found is None:
            found = self._found[wanted] = list(self._search(wanted))
        return found

    def _search(self, pattern: str) -> Iterator[T]:
        wild = _WILD.search(pattern)
        prefix = pattern if wild is None else pattern[: wild.start()]
        end = prefix if wild is None else prefix + _LAST
        first = bisect_left(self._signs, prefix)
        last = bisect_left(self._signs, end + _LAST if wild is None else end)
        fits = compiled(pattern).fullmatch
        for upper, _, one in self._sorted[first:last]:
            if fits(upper) is not None:
                yield one


def _order(each: tuple[str, str, object]) -> tuple[str, str]:
    return each[0], each[1]
