"""How fast the database and the journal grow: measured on what they already have.

Each figure is an average of the last day for which there is data, so it is rough: the network is
busier on some evenings than on others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

DAY_S = 86_400.0
# Shorter stretches say nothing about a day.
LEAST_S = 600.0
LEAST_ENTRIES = 10
# Tables that do not grow with the snapshots (docs/operating.md, "How long things are kept").
NOT_GROWING = ("airports", "sectors", "reference_data", "schema_migrations", "outside_filters")


@dataclass(frozen=True, slots=True)
class DatabaseGrowth:
    """Bytes that a day adds, and since when there is history."""

    bytes_per_day: float
    history: timedelta
    """From the oldest stored snapshot to the newest."""


@dataclass(frozen=True, slots=True)
class JournalGrowth:
    """The sizes of a journal's parts in bytes, and what a day adds to it."""

    pending_bytes: int
    archived_bytes: int
    other_bytes: int
    bytes_per_day: float | None
    """None if there is too little to tell."""

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.pending_bytes + self.archived_bytes + self.other_bytes


def growth_of(conn: connection) -> DatabaseGrowth | None:
    """What the newest day of snapshots adds. None if there are too few.

    Positions by the size of their days, since they may be kept for a shorter time than the rest;
    the rest by its size for each snapshot.
    """
    with conn.cursor() as cur:
        cur.execute("SELECT min(update_timestamp), max(update_timestamp), count(*) FROM snapshots")
        row = cur.fetchone()
        assert row is not None
        first, last, snapshots = row
        if snapshots < LEAST_ENTRIES:
            return None
        begin = max(first, last - timedelta(days=1))
        length_s = (last - begin).total_seconds()
        if length_s < LEAST_S:
            return None
        per_day = _snapshots_since(cur, begin) / length_s * DAY_S
        cur.execute(
            """SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
               WHERE relnamespace = (SELECT relnamespace FROM pg_class
                                     WHERE oid = to_regclass('snapshots'))
                 AND relkind = 'r' AND NOT relispartition AND relname <> ALL (%s)""",
            (list(NOT_GROWING),),
        )
        bytes_each = _number(cur) / snapshots
        cur.execute(
            """SELECT sum(pg_total_relation_size(relid))::bigint,
                      min(to_date(substring(relid::regclass::text from '[0-9]{8}$'), 'YYYYMMDD'))
               FROM pg_partition_tree('positions') WHERE isleaf"""
        )
        row = cur.fetchone()
        if row is not None and row[1] is not None:
            bytes_each += row[0] / max(1, _snapshots_since(cur, row[1]))
    return DatabaseGrowth(per_day * bytes_each, last - first)


def journal_growth(directory: Path) -> JournalGrowth:
    """The journal in this directory; without one, an empty one. Raises OSError."""
    pending = [*_files(directory / "pending")]
    archived = [*_files(directory / "archive")]
    other = [*_files(directory / "held"), *_files(directory / "quarantine")]
    sizes = [sum(size for size, _ in part) for part in (pending, archived, other)]
    return JournalGrowth(sizes[0], sizes[1], sizes[2], _per_day([*pending, *archived]))


def tree_bytes(directory: Path) -> int:
    """The size of all files in there; those that go meanwhile are left out. Raises OSError."""
    return sum(size for size, _ in _files(directory))


def _per_day(files: list[tuple[int, float]]) -> float | None:
    """What the newest day of files adds up to, in bytes a day."""
    if len(files) < LEAST_ENTRIES:
        return None
    newest = max(written for _, written in files)
    begin = max(min(written for _, written in files), newest - DAY_S)
    if newest - begin < LEAST_S:
        return None
    # The first one belongs to the time before it.
    return sum(size for size, written in files if written > begin) / (newest - begin) * DAY_S


def _files(directory: Path) -> Iterator[tuple[int, float]]:
    """Sizes and times of writing. A directory that is not there has none."""
    todo = [directory]
    while todo:
        try:
            with os.scandir(todo.pop()) as found:
                for one in found:
                    if one.is_dir(follow_symlinks=False):
                        todo.append(Path(one.path))
                    else:
                        about = one.stat(follow_symlinks=False)
                        yield about.st_size, about.st_mtime
        except FileNotFoundError:
            continue


def _snapshots_since(cur: cursor, begin: date) -> int:
    cur.execute("SELECT count(*) FROM snapshots WHERE update_timestamp > %s", (begin,))
    return _number(cur)


def _number(cur: cursor) -> int:
    row = cur.fetchone()
    assert row is not None
    return int(row[0] or 0)
