"""Room that is made on the disk, and what nobody will look for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vatwatch.storage.held import HeldEntries
from vatwatch.storage.home_files import ORPHAN_S, copy_and_cut_log, remove_stale
from vatwatch.storage.journal import Journal

T0 = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal", max_bytes=2**30)
    journal.open()
    yield journal
    journal.close()


def append(journal: Journal, minutes: int, *, commit: bool) -> int:
    moment = T0 + timedelta(minutes=minutes)
    entry = journal.append(
        update_timestamp=moment,
        fetched_at=moment,
        data=os.urandom(500),
        transceivers=None,
        source="test",
    )
    if commit:
        journal.commit(entry.id)
    return entry.id


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.integers(0, 8), st.integers(0, 5), st.integers(0, 6000))
def test_the_oldest_entries_are_evicted_and_just_enough_and_never_a_pending_one(
    tmp_path_factory: pytest.TempPathFactory, archived: int, waiting: int, size_bytes: int
) -> None:
    journal = Journal(tmp_path_factory.mktemp("j") / "journal", max_bytes=2**30)
    journal.open()
    ids = [append(journal, n, commit=True) for n in range(archived)]
    pending = [append(journal, 100 + n, commit=False) for n in range(waiting)]
    before = journal.stats()
    freed = journal.evict(size_bytes)
    after = journal.stats()
    assert before.archived_bytes - after.archived_bytes == freed
    assert freed >= size_bytes or after.archived <= 1
    assert after.archived >= min(1, archived)
    if after.evicted:
        assert journal.read(ids[-1]).id == ids[-1]
        with pytest.raises(KeyError):
            journal.read(ids[0])
    assert [info.id for info in journal.pending()] == pending
    assert after.oldest_pending == (T0 + timedelta(minutes=100) if waiting else None)
    journal.close()


def test_ids_do_not_come_again_after_everything_was_shed(journal: Journal, tmp_path: Path) -> None:
    last = [append(journal, n, commit=True) for n in range(3)][-1]
    journal.evict(2**30)
    journal.close()
    again = Journal(tmp_path / "journal", max_bytes=2**30)
    again.open()
    assert append(again, 10, commit=False) == last + 1
    again.close()


def test_without_an_archive_only_the_newest_stays(journal: Journal) -> None:
    append(journal, 0, commit=True)
    journal.keep_archive(False)
    newest = [append(journal, n, commit=True) for n in range(1, 5)][-1]
    assert journal.stats().archived == 1
    assert journal.read(newest).id == newest
    journal.keep_archive(True)
    append(journal, 6, commit=True)
    assert journal.stats().archived == 2


def test_half_written_files_go_from_every_folder_that_entries_are_written_into(
    journal: Journal, tmp_path: Path
) -> None:
    append(journal, 0, commit=True)
    append(journal, 1, commit=False)
    journal.reject("not a snapshot", fetched_at=T0, data=b"{}", source="test")
    held = HeldEntries(tmp_path / "journal", journal)
    held.open()
    assert held.hold(
        update_timestamp=T0 + timedelta(days=1),
        fetched_at=T0,
        data=b"{}",
        transceivers=None,
        source="test",
    )
    written = {path.parent for path in (tmp_path / "journal").glob("*/*.vwj")}
    assert {path.name for path in written} == {"pending", "quarantine", "held"}
    for folder in (tmp_path / "journal", *written):
        for name, age_s in (("old.tmp", 3600), ("new.tmp", 0)):
            (folder / name).touch()
            os.utime(folder / name, (time() - age_s,) * 2)
    assert journal.clean() == 1 + len(written)
    left = sorted(path.name for path in (tmp_path / "journal").rglob("*.tmp"))
    assert left == ["new.tmp"] * (1 + len(written))


def test_a_log_that_another_process_holds_open_is_cut_under_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab", buffering=0) as held:
        held.write(b"old" * 100)
        assert not copy_and_cut_log(path, max_bytes=300)
        held.write(b"!")
        assert copy_and_cut_log(path, max_bytes=300)
        held.write(b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "log.1").read_bytes() == b"old" * 100 + b"!"
    assert not copy_and_cut_log(tmp_path / "none", max_bytes=1)


def test_orphans_go_only_when_they_are_old(tmp_path: Path) -> None:
    old, new = tmp_path / "old.tmp", tmp_path / "new.tmp"
    (tmp_path / "directory.tmp").mkdir()  # cannot be deleted as a file, and keeps no other
    for path in (old, new):
        path.touch()
    for path in (old, tmp_path / "directory.tmp"):
        os.utime(path, (0, 0))
    assert remove_stale(tmp_path, after_s=ORPHAN_S) == 1
    assert new.exists()
    assert not old.exists()
