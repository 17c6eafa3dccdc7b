"""Counts in texts for people: `1 snapshot`, `2 snapshots`."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """The count with its noun, as in `counted(2000, "file")`: `2,000 files`.

    `many` is for whatever does not take an s: `counted(n, "entry", "entries")`, or with its verb,
    `counted(n, "snapshot waits", "snapshots wait")`.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
