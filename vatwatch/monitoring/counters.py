"""Counters: a service's counts since the start of the process, across restarts of that service.

A service counts from 0 each time it starts; its status class names the fields that are counts
(`COUNTERS`). The counts of its predecessors are added to its reports. Only numbers are handed on,
and numbers of another type are dropped, so a restart still helps against a wrong state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct, structs

S = TypeVar("S", bound=Struct)

_Counts = dict[str, int | Counter[str]]


def counters_of(status: Struct) -> tuple[str, ...]:
    """The fields of a status that only rise: whole numbers, or numbers by name."""
    return getattr(type(status), "COUNTERS", ())


class Totals:
    """The counts of one service. Changed in place by its incarnations, one after the other."""

    def __init__(self) -> None:
        self._before: _Counts = {}
        self._own: _Counts = {}

    def begin(self) -> None:
        """Note that a new incarnation starts, which counts from 0."""
        for name, count in self._own.items():
            self._carry(name, count)
        self._own = {}

    def over(self, status: S) -> S:
        """The status with the counts of earlier incarnations added."""
        changed: dict[str, Any] = {}
        for name in counters_of(status):
            own = _count(getattr(status, name))
            last = self._own.get(name)
            if last is not None and _fell(own, last):
                # It fell within this incarnation, e.g. because the journal was opened again.
                self._carry(name, last)
            self._own[name] = own
            if name in self._before:
                total = _sum(self._before[name], own)
                changed[name] = dict(total) if isinstance(total, Counter) else total
        return structs.replace(status, **changed) if changed else status

    def _carry(self, name: str, count: int | Counter[str]) -> None:
        before = self._before.get(name)
        self._before[name] = count if before is None else _sum(before, count)


def _count(value: int | Mapping[str, int]) -> int | Counter[str]:
    return Counter(value) if isinstance(value, Mapping) else value


def _sum(before: int | Counter[str], now: int | Counter[str]) -> int | Counter[str]:
    """Add both. If their types differ, the earlier count is dropped."""
    if isinstance(before, Counter) and isinstance(now, Counter):
        return before + now
    if isinstance(before, int) and isinstance(now, int):
        return before + now
    return now


def _fell(now: int | Counter[str], before: int | Counter[str]) -> bool:
    if isinstance(now, Counter) and isinstance(before, Counter):
        return any(now[name] < count for name, count in before.items())
    return isinstance(now, int) and isinstance(before, int) and now < before
