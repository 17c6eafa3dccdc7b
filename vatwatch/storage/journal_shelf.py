"""A shelf: entries in the order of their ids, and how many bytes they take.

The order is kept as entries come and go, so that the oldest, the newest and the next after an id
cost the same however many there are. (After an outage of a week some 40,000 wait.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from typing import NamedTuple

from vatwatch.storage.journal_entry import EntryInfo

# Undeletable files after which deleting stops for now: a single one is skipped, but on a read-only
# disk all of them fail.
MAX_UNDELETED = 3


class Eviction(NamedTuple):
    """The result of deleting the oldest entries of a shelf."""

    freed_bytes: int
    entries: int
    """Entries taken off the shelf, including those whose files could not be deleted."""
    undeleted: int
    """Files that could not be deleted. They are no longer counted; the next start finds them
    again."""


class Shelf:
    """Entries by id. Each id is there once: a second entry replaces the first."""

    def __init__(self) -> None:
        self._by_id: dict[int, EntryInfo] = {}
        self._ids: list[int] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, entry_id: int) -> bool:
        return entry_id in self._by_id

    def __iter__(self) -> Iterator[EntryInfo]:
        """The oldest first; the shelf may change meanwhile."""
        return iter([self._by_id[entry_id] for entry_id in self._ids])

    def get(self, entry_id: int) -> EntryInfo | None:
        """The entry with this id, or None."""
        return self._by_id.get(entry_id)

    def first(self) -> EntryInfo | None:
        """The entry with the smallest id; None if the shelf is empty."""
        return self._by_id[self._ids[0]] if self._ids else None

    def last(self) -> EntryInfo | None:
        """The entry with the greatest id; None if the shelf is empty."""
        return self._by_id[self._ids[-1]] if self._ids else None

    def after(self, entry_id: int) -> EntryInfo | None:
        """The entry with the next greater id; None at the end. `entry_id` need not be here."""
        place = bisect_right(self._ids, entry_id)
        return self._by_id[self._ids[place]] if place < len(self._ids) else None

    def newest(self, before_id: int | None, limit: int) -> list[EntryInfo]:
        """The `limit` entries with the greatest ids below `before_id`, or of all, the greatest
        first."""
        end = len(self._ids) if before_id is None else bisect_left(self._ids, before_id)
        found = self._ids[max(0, end - limit) : end]
        return [self._by_id[entry_id] for entry_id in reversed(found)]

    def add(self, info: EntryInfo) -> None:
        """Add an entry; it replaces one with the same id."""
        known = self._by_id.get(info.id)
        if known is not None:
            self.size_bytes -= known.size_bytes
        else:
            insort(self._ids, info.id)
        self._by_id[info.id] = info
        self.size_bytes += info.size_bytes

    def remove(self, entry_id: int) -> EntryInfo:
        """Remove and return an entry. Raises KeyError if it is not here."""
        info = self._by_id.pop(entry_id)
        del self._ids[bisect_left(self._ids, entry_id)]
        self.size_bytes -= info.size_bytes
        return info

    def evict(self, size_bytes: int, *, keep: int, delete: Callable[[EntryInfo], bool]) -> Eviction:
        """Take the oldest entries off, until their files' sizes add up to `size_bytes`.

        Args:
            size_bytes: how much to delete, at least
            keep: how many entries stay in any case
            delete: deletes the files of one entry, and returns whether they are gone
        """
        before = len(self)
        freed = undeleted = 0
        while freed < size_bytes and len(self) > keep and undeleted < MAX_UNDELETED:
            oldest = self.remove(self._ids[0])
            if delete(oldest):
                freed += oldest.size_bytes
            else:
                undeleted += 1
        return Eviction(freed, before - len(self), undeleted)
