"""Decides which faults are in force: when each begins and ends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from vatsim_simulator.faults import (
    AnyFault,
    BadRecords,
    Freeze,
    Hostile,
    MassDrop,
    Older,
    RestartFault,
    WrongClock,
)
from vatsim_simulator.publication import FeedName

MOST_FAULTS = 100


class UpdateFaults(Struct, frozen=True):
    """The effect of the faults on one update."""

    frozen: frozenset[FeedName] = frozenset()
    drop: float = 0.0
    bad_records: int = 0
    restart: bool = False
    clock_s: float = 0.0
    hostile: float = 0.0


@dataclass(slots=True)
class _Entry:
    """A fault, from its order until it is over."""

    id: int
    fault: AnyFault
    first: int
    """The update with which it begins."""
    begun: bool = False
    last: int | None = None
    ends_s: float | None = None
    requests_left: int | None = None
    answered: dict[FeedName, int] = field(default_factory=dict)

    def begin(self, number: int, now_s: float) -> None:
        self.begun = True
        bound = self.fault.bound()
        self.requests_left = bound.requests
        if bound.updates is not None:
            self.last = number + bound.updates - 1
        if bound.seconds is not None:
            self.ends_s = now_s + bound.seconds

    def over(self, number: int, now_s: float) -> bool:
        """Whether it is over at this update and the answers during it."""
        return self.begun and (
            (self.last is not None and number > self.last)
            or (self.ends_s is not None and now_s >= self.ends_s)
            or self.requests_left == 0
        )

    def tell(self, now_s: float) -> dict[str, Any]:
        told = {"id": self.id, **msgspec.to_builtins(self.fault)}
        if not self.begun:
            told["begins_with_update"] = self.first
        elif self.last is not None:
            told["last_update"] = self.last
        elif self.ends_s is not None:
            told["seconds_left"] = round(self.ends_s - now_s, 3)
        else:
            told["requests_left"] = self.requests_left
        return told


class Schedule:
    """All faults. `now_s` is any steady count of seconds, handed in."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._number = 0
        self._added = 0

    def add(self, fault: AnyFault, now_s: float) -> dict[str, Any]:
        """Add a fault. Returns it with its id and bounds. Raises ValueError if there are too
        many."""
        self._forget(now_s)
        if len(self._entries) >= MOST_FAULTS:
            raise ValueError(f"there are {MOST_FAULTS} faults already: DELETE them first")
        self._added += 1
        # Published bodies change with the next update, answers at once.
        first = self._number + fault.after + (0 if fault.answers else 1)
        entry = _Entry(self._added, fault, first)
        if first <= self._number:
            entry.begin(self._number, now_s)
        self._entries.append(entry)
        return entry.tell(now_s)

    def clear(self) -> None:
        """End all faults; what is shown stays until the next update."""
        self._entries.clear()

    def changes(self, number: int, now_s: float) -> UpdateFaults:
        """What the faults will make of this update, which is the one after that shown."""
        frozen: set[FeedName] = set()
        drop, bad_records, restart, clock_s, hostile = 0.0, 0, False, 0.0, 0.0
        for entry in self._entries:
            if number < entry.first or entry.over(number, now_s):
                continue
            match entry.fault:
                case Freeze() as freeze:
                    feeds = (FeedName.DATA, FeedName.TRANSCEIVERS)
                    frozen.update(feed for feed in feeds if freeze.touches(feed))
                case MassDrop(share=share):
                    drop = max(drop, share)
                case BadRecords(count=count):
                    bad_records = max(bad_records, count)
                case Hostile(share=share):
                    hostile = max(hostile, share)
                case RestartFault():
                    restart = True
                case WrongClock(seconds=seconds):
                    clock_s = seconds
                case _:
                    pass
        return UpdateFaults(frozenset(frozen), drop, bad_records, restart, clock_s, hostile)

    def show(self, number: int, now_s: float) -> None:
        """This update is shown from now on."""
        self._number = number
        for entry in self._entries:
            if not entry.begun and entry.first <= number:
                entry.begin(number, now_s)
        self._forget(now_s)

    def answer(self, feed: FeedName, now_s: float) -> AnyFault | None:
        """The fault for this request (the oldest one of this feed), which is counted."""
        self._forget(now_s)
        for entry in self._entries:
            if entry.begun and entry.fault.answers and entry.fault.touches(feed):
                if entry.requests_left is not None:
                    entry.requests_left -= 1
                entry.answered[feed] = entry.answered.get(feed, 0) + 1
                # The older copy must come after a newer one, or it could not be noticed.
                fair = isinstance(entry.fault, Older) and entry.answered[feed] % 2
                return None if fair else entry.fault
        return None

    def tell(self, now_s: float) -> dict[str, list[dict[str, Any]]]:
        """The faults that are active, and those that wait for their update."""
        self._forget(now_s)
        return {
            "active": [entry.tell(now_s) for entry in self._entries if entry.begun],
            "waiting": [entry.tell(now_s) for entry in self._entries if not entry.begun],
        }

    def _forget(self, now_s: float) -> None:
        self._entries = [entry for entry in self._entries if not entry.over(self._number, now_s)]
