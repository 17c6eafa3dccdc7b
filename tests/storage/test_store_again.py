"""Archived entries that the database has lost: they are found, and pending again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vatwatch.actors.journal_work import archived, store_again
from vatwatch.messages import ArchivedEntries, ArchivedEntry, StoreAgain
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import EntryInfo
from vatwatch.storage.journal_shelf import Shelf
from vatwatch.storage.lost_snapshots import lost_among, server_identity

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# With a fraction of a second, which the names of files do not have.
T0 = datetime(2025, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
ENTRY_BYTES = 2000


def time_of(number: int) -> datetime:
    return T0 + timedelta(seconds=15 * number)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(tmp_path)
    yield journal
    journal.close()


def opened(directory: Path, *, max_bytes: int = 2**30) -> Journal:
    journal = Journal(directory / "journal", max_bytes=max_bytes)
    journal.open()
    return journal


def fill(journal: Journal, numbers: range, *, commit: bool = True) -> list[int]:
    made = []
    for number in numbers:
        entry = journal.append(
            update_timestamp=time_of(number),
            fetched_at=time_of(number),
            data=os.urandom(ENTRY_BYTES),
            transceivers=None,
            source="test",
        )
        made.append(entry.id)
        if commit:
            journal.commit(entry.id)
    return made


def pending_ids(journal: Journal) -> list[int]:
    return [info.id for info in journal.pending()]


@given(
    ids=st.sets(st.integers(1, 30)), before=st.none() | st.integers(1, 32), limit=st.integers(1, 9)
)
def test_the_newest_of_a_shelf_come_first(ids: set[int], before: int | None, limit: int) -> None:
    shelf = Shelf()
    for one in ids:
        shelf.add(EntryInfo(one, Path(), 1))
    wanted = [one for one in sorted(ids, reverse=True) if before is None or one < before]
    assert [info.id for info in shelf.newest(before, limit)] == wanted[:limit]


def test_archived_entries_are_told_with_the_exact_times(journal: Journal) -> None:
    ids = fill(journal, range(3))
    fill(journal, range(3, 4), commit=False)
    found = archived(journal, ArchivedEntries(None, 2))
    assert found == (ArchivedEntry(ids[2], time_of(2)), ArchivedEntry(ids[1], time_of(1)))
    assert archived(journal, ArchivedEntries(ids[1], 9)) == (ArchivedEntry(ids[0], time_of(0)),)


def test_what_is_taken_back_is_handed_out_in_its_old_place_also_after_a_restart(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    ids = fill(journal, range(6))
    waiting = fill(journal, range(6, 8), commit=False)
    again = [ids[1], ids[4]]
    assert store_again(journal, StoreAgain(tuple(again))) == 2
    for _ in range(2):
        assert pending_ids(journal) == [*again, *waiting]
        assert journal.next_pending(0) == journal.find(again[0])
        assert journal.read(again[1]).update_timestamp == time_of(4)
        assert journal.stats().archived == 4
        journal.close()
        journal = opened(tmp_path)
    journal.commit(again[0])
    assert pending_ids(journal) == [again[1], *waiting]
    journal.close()


def test_what_is_not_there_any_more_is_passed_over(journal: Journal) -> None:
    ids = fill(journal, range(4))
    gone = journal.find(ids[1])
    assert gone is not None
    gone.path.unlink()
    assert store_again(journal, StoreAgain((ids[0], ids[1], 99, ids[2]))) == 4
    assert pending_ids(journal) == [ids[0], ids[2]]
    assert journal.stats().missing == 1


def test_a_folder_that_somebody_has_deleted_is_made_again(journal: Journal, tmp_path: Path) -> None:
    ids = fill(journal, range(2))
    (tmp_path / "journal" / "pending").rmdir()
    assert store_again(journal, StoreAgain(tuple(ids))) == 2
    assert pending_ids(journal) == ids
    assert journal.stats().missing == 0


def test_it_leaves_room_for_what_is_fetched(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    ids = fill(journal, range(16))
    journal.max_bytes = 2 * journal.stats().archived_bytes
    left, rounds = tuple(ids), 0
    while left:
        done = store_again(journal, StoreAgain(left))
        assert 0 < done < 12
        # The oldest first, and what is fetched now has a place behind them.
        fetched = fill(journal, range(100 + rounds, 101 + rounds), commit=False)
        assert pending_ids(journal) == [*left[:done], *fetched]
        for entry_id in pending_ids(journal):
            journal.commit(entry_id)
        left, rounds = left[done:], rounds + 1
    journal.close()


def store(conn: connection, *numbers: int) -> None:
    with conn.cursor() as cur:
        cur.executemany(
            """INSERT INTO snapshots (update_timestamp, fetched_at, pilots, controllers, atis,
                                      prefiles, connected_clients, unique_users, quarantined,
                                      kept_out, source)
               VALUES (%s, now(), 0, 0, 0, 0, 0, 0, 0, '{}', 'test')""",
            [(time_of(number),) for number in numbers],
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=st.sets(st.integers(0, 20)), asked=st.lists(st.integers(0, 20), unique=True, max_size=20)
)
def test_lost_is_what_is_newer_than_the_oldest_and_not_there(
    conn: connection, stored: set[int], asked: list[int]
) -> None:
    conn.rollback()
    store(conn, *stored)
    lost = lost_among(conn, [time_of(number) for number in asked])
    oldest = min(stored, default=21)
    assert lost == {time_of(n) for n in asked if n > oldest and n not in stored}
    conn.rollback()


def test_a_server_is_known_by_its_cluster_and_its_timeline(conn: connection) -> None:
    found = server_identity(conn)
    assert found == server_identity(conn)
    assert found.system_identifier > 0
    assert found.timeline == 1
