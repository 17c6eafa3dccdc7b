"""The journal: what it reported is there, whatever was killed, cut off or flipped."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.appender import append, content
from vatwatch.errors import JournalCorrupt, JournalFull, JournalInUse
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import EntryInfo, read_entry

TIME = datetime(2024, 2, 29, 23, 59, 55, 123_456, tzinfo=UTC)
APPENDER = [sys.executable, "-m", "tests.storage.appender"]


@contextmanager
def opened(directory: Path, max_bytes: int = 2**30) -> Iterator[Journal]:
    journal = Journal(directory, max_bytes=max_bytes)
    with closing(journal):
        journal.open()
        yield journal


def keep(journal: Journal, data: bytes = b"{}", transceivers: bytes | None = b"[]") -> EntryInfo:
    return journal.append(
        update_timestamp=TIME,
        fetched_at=TIME + timedelta(seconds=2),
        data=data,
        transceivers=transceivers,
        source="https://example.org/feed",
    )


def ids(journal: Journal) -> list[int]:
    return [info.id for info in journal.pending()]


# --- the life of an entry ------------------------------------------------------------------------


@given(data=st.binary(max_size=3000), transceivers=st.none() | st.binary(max_size=300))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_entry_is_read_as_it_was_appended(
    tmp_path: Path, data: bytes, transceivers: bytes | None
) -> None:
    with opened(tmp_path) as journal:
        info = keep(journal, data, transceivers)
        entry = journal.read(info.id)
    assert (entry.id, entry.data, entry.transceivers) == (info.id, data, transceivers)
    assert entry.update_timestamp == TIME
    assert entry.fetched_at == TIME + timedelta(seconds=2)
    assert entry.source == "https://example.org/feed"


def test_entries_are_handed_out_oldest_first_until_they_are_committed(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for _ in range(3):
            keep(journal)
        assert ids(journal) == [1, 2, 3]
        journal.commit(2)
        assert ids(journal) == [1, 3]
        assert journal.read(2).id == 2
        journal.commit(2)
        journal.commit(99)
        stats = journal.stats()
        assert (stats.pending, stats.archived) == (2, 1)
        last = journal.last()
        assert last is not None
        assert last.id == 3


def test_a_committed_entry_is_in_the_archive_under_the_feeds_day(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        info = keep(journal)
        journal.commit(info.id)
    assert read_entry(tmp_path / "archive/2024/02/29" / info.path.name).id == info.id


def test_the_next_process_finds_everything_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for _ in range(4):
            keep(journal)
        journal.commit(1)
        journal.quarantine(2, "no use")
        before = journal.stats()
    with opened(tmp_path) as journal:
        assert journal.stats() == before
        assert ids(journal) == [3, 4]
        assert keep(journal).id == 5


def test_a_quarantined_entry_is_out_of_the_way_with_its_reason_beside_it(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        info = keep(journal)
        journal.quarantine(info.id, "brought the processor down")
        journal.quarantine(info.id, "again")
        assert ids(journal) == []
        assert journal.stats().quarantined == 1
        with pytest.raises(KeyError):
            journal.read(info.id)
    (reason,) = (tmp_path / "quarantine").glob("*.reason.txt")
    assert reason.read_text() == "brought the processor down\n"


def test_an_empty_journal_has_no_last_entry(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        assert journal.last() is None
        with pytest.raises(KeyError):
            journal.read(1)


# --- ids -----------------------------------------------------------------------------------------


@given(
    steps=st.lists(
        st.sampled_from(["append", "commit", "quarantine", "reopen", "large"]), max_size=25
    )
)
@settings(max_examples=60)
def test_an_id_never_comes_again(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    max_bytes = 6_000
    given_out: list[int] = []
    journal = Journal(directory, max_bytes=max_bytes)
    journal.open()
    for step in steps:
        match step:
            case "append" | "large":
                # A large one drives the whole archive out.
                data = b"{}" if step == "append" else content(1) + content(2)[:500]
                try:
                    given_out.append(keep(journal, data).id)
                except JournalFull:
                    for entry_id in ids(journal):
                        journal.commit(entry_id)
            case "commit" if journal.pending():
                journal.commit(ids(journal)[0])
            case "quarantine" if journal.pending():
                journal.quarantine(ids(journal)[-1], "no use")
            case "reopen":
                journal.close()
                journal = Journal(directory, max_bytes=max_bytes)
                journal.open()
    journal.close()
    shutil.rmtree(directory)
    assert given_out == sorted(set(given_out))


# --- the bound -----------------------------------------------------------------------------------


def test_the_bound_deletes_the_oldest_of_the_archive_and_never_a_pending_entry(
    tmp_path: Path,
) -> None:
    size = 5_000
    with opened(tmp_path, max_bytes=6 * size) as journal:
        for number in range(1, 7):
            append(journal, number)
        for entry_id in (2, 3, 4):
            journal.commit(entry_id)
        for number in range(7, 9):
            append(journal, number)
            stats = journal.stats()
            assert stats.pending_bytes + stats.archived_bytes <= 6 * size
        assert ids(journal) == [1, 5, 6, 7, 8]
        for gone in (2, 3):
            with pytest.raises(KeyError):
                journal.read(gone)
        assert journal.read(4).data == content(4)
        assert sum(f.stat().st_size for f in tmp_path.rglob("*.vwj")) == (
            stats.pending_bytes + stats.archived_bytes
        )


def test_the_bound_deletes_of_the_quarantine_when_there_is_no_archive_left(tmp_path: Path) -> None:
    size = 5_000
    with opened(tmp_path, max_bytes=5 * size) as journal:
        for number in range(1, 4):
            append(journal, number)
        for number in (1, 2, 3):
            journal.quarantine(number, "no use")
        append(journal, 4)
        journal.commit(4)
        append(journal, 5)
        assert (journal.stats().dropped, journal.stats().quarantined) == (0, 3)
        append(journal, 6)  # drives out the archive
        append(journal, 7)
        stats = journal.stats()
        assert (stats.archived, stats.dropped, ids(journal)) == (0, 1, [5, 6, 7])
        assert stats.pending_bytes + stats.quarantined_bytes <= 5 * size
    names = sorted(path.name[:12] for path in (tmp_path / "quarantine").iterdir())
    assert names == ["000000000002"] * 2 + ["000000000003"] * 2  # each with its reason
    with opened(tmp_path, max_bytes=5 * size) as journal:
        assert (journal.stats().quarantined, journal.stats().dropped) == (2, 0)


def test_a_journal_full_of_pending_entries_refuses_and_accepts_again_when_there_is_room(
    tmp_path: Path,
) -> None:
    with opened(tmp_path, max_bytes=12_000) as journal:
        append(journal, 1)
        append(journal, 2)
        for _ in range(2):
            with pytest.raises(JournalFull, match="VATWATCH_JOURNAL_MAX_MB"):
                append(journal, 3)
        assert ids(journal) == [1, 2]
        journal.commit(1)
        assert append(journal, 3) == 3
        assert journal.read(2).data == content(2)


# --- damage --------------------------------------------------------------------------------------


def test_a_tail_torn_at_any_byte_is_cut_off_and_counted(tmp_path: Path) -> None:
    """An entry that was being written has another name until it is whole."""
    with opened(tmp_path) as journal:
        whole = keep(journal, b'{"general": 1}').path.read_bytes()
    aside = tmp_path / "pending" / "000000000002-20240229T235955Z.tmp"
    for end in range(len(whole) + 1):
        aside.write_bytes(whole[:end])
        with opened(tmp_path) as journal:
            assert ids(journal) == [1]
            assert journal.stats().torn == 1
            assert journal.read(1).data == b'{"general": 1}'
        assert not aside.exists()


def test_an_entry_cut_at_any_byte_is_corrupt(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        path = keep(journal).path
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(JournalCorrupt):
            read_entry(path)


def test_a_bit_flipped_anywhere_in_an_entry_is_corrupt(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        path = keep(journal, b'{"general": 1}' * 4, b"[1]").path
    whole = path.read_bytes()
    entry = read_entry(path)
    meaningless = 0
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert read_entry(path) == entry
            meaningless += 1
        except JournalCorrupt:
            pass
    # The header of a zstd frame has a few bits that change nothing (unused, the window's size).
    assert meaningless <= 12


def test_bytes_behind_an_entry_are_corrupt(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        path = keep(journal).path
    path.write_bytes(path.read_bytes() + b"\x00")
    with pytest.raises(JournalCorrupt):
        read_entry(path)


@pytest.mark.parametrize("committed", [False, True])
def test_a_corrupt_entry_is_set_aside_and_costs_no_other(tmp_path: Path, committed: bool) -> None:
    with opened(tmp_path) as journal:
        for _ in range(3):
            keep(journal)
        if committed:
            journal.commit(2)
    (path,) = tmp_path.rglob("000000000002-*")
    path.write_bytes(path.read_bytes()[:-1])
    with opened(tmp_path) as journal:
        with pytest.raises(JournalCorrupt, match="too early"):
            journal.read(2)
        with pytest.raises(KeyError):
            journal.read(2)
        assert ids(journal) == [1, 3]
        stats = journal.stats()
        assert (stats.corrupt, stats.quarantined, stats.archived) == (1, 1, 0)
        assert journal.read(3).id == 3
    assert stats.pending_bytes == sum(f.stat().st_size for f in tmp_path.glob("pending/*"))


def test_files_that_are_not_the_journals_are_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    note = tmp_path / "pending" / "README"
    note.write_text("do not touch")
    with opened(tmp_path) as journal:
        assert ids(journal) == []
    assert note.exists()


# --- a disk that is full -------------------------------------------------------------------------


def fill(journal: Journal) -> tuple[int, str]:
    """Append until it is refused: the number that was, and why."""
    for number in count(1):
        try:
            append(journal, number)
        except JournalFull as refusal:
            return number, str(refusal)
    raise AssertionError


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_on_a_full_disk_appending_says_so_and_nothing_kept_is_lost(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(tmp_path)]
    subprocess.run(mount, check=True)
    try:
        with opened(tmp_path) as journal:
            number, refusal = fill(journal)
            assert "no space left" in refusal
            assert ids(journal) == list(range(1, number))
            assert not list(tmp_path.rglob("*.tmp"))
            # An operator makes room.
            journal.pending()[0].path.unlink()
            assert append(journal, number) == number
            for entry_id in ids(journal)[1:]:
                assert journal.read(entry_id).data == content(entry_id)
    finally:
        # Lazily: some systems take a moment to let go of files that are closed.
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_file_that_may_not_grow_leaves_nothing_half_written(tmp_path: Path) -> None:
    """The system's limit of a file's size stands in for a disk that fills within a write."""
    done = subprocess.run(
        [*APPENDER, str(tmp_path), "2000"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "full 0\n"
    with opened(tmp_path) as journal:
        assert ids(journal) == []
        assert journal.stats().torn == 0


def test_another_failure_of_the_disk_is_raised_unchanged(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        keep(journal)
        shutil.rmtree(tmp_path / "pending")
        with pytest.raises(OSError, match="No such file") as caught:
            keep(journal)
        assert caught.value.errno == errno.ENOENT


# --- processes -----------------------------------------------------------------------------------


def test_whatever_a_killed_process_had_reported_is_there(tmp_path: Path) -> None:
    random = Random(7)
    reported: dict[int, int] = {}
    for _ in range(8):
        child = subprocess.Popen([*APPENDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(random.randrange(1, 25)):
            entry_id, number = map(int, child.stdout.readline().split())
            assert entry_id not in reported
            reported[entry_id] = number
        child.kill()
        # What was in the pipe when it was killed had been reported, too.
        for line in child.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                entry_id, number = map(int, line.split())
                reported[entry_id] = number
        child.wait()
        child.stdout.close()
        with opened(tmp_path) as journal:
            for entry_id, number in reported.items():
                entry = journal.read(entry_id)
                assert (entry.data, entry.source) == (content(number), str(number))
            # At most the one that was written but not yet reported is there besides.
            there = journal.stats().pending + journal.stats().archived
            assert len(reported) <= there <= len(reported) + 8
            assert journal.stats().corrupt == 0


def test_a_second_process_learns_which_process_has_the_journal(tmp_path: Path) -> None:
    child = subprocess.Popen([*APPENDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        second = Journal(tmp_path, max_bytes=2**30)
        with pytest.raises(JournalInUse, match=rf"in use by process {child.pid}\b"):
            second.open()
        second.close()
    finally:
        child.kill()
        child.communicate()
    with opened(tmp_path) as journal:
        assert journal.stats().pending > 0


def test_a_journal_that_was_closed_can_be_had_by_another(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(JournalInUse), opened(tmp_path):
        pass
    with opened(tmp_path) as journal:
        assert ids(journal) == []
