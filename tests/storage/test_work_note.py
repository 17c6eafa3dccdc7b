"""A snapshot that ends the whole process is counted by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.appender import append
from vatwatch.storage.journal import Journal
from vatwatch.storage.work_note import NAME, WorkNote

DIES = """
import os, sys
from pathlib import Path
from vatwatch.storage.work_note import WorkNote
note = WorkNote(Path(sys.argv[1]))
note.during(1, len, "well")
note.during(int(sys.argv[2]), os.kill, os.getpid(), 9)
"""


def die_of(entry_id: int, directory: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(directory), str(entry_id)], check=False)
    assert done.returncode == -9


def failures(directory: Path, entry_id: int) -> int:
    journal = Journal(directory, max_bytes=2**30)
    journal.open()
    try:
        return max(n for n in range(9) if entry_id in map(id_of, journal.failed_often(n)))
    finally:
        journal.close()


def id_of(info: object) -> int:
    return int(getattr(info, "id"))  # noqa: B009


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    journal = Journal(tmp_path, max_bytes=2**30)
    journal.open()
    for number in (1, 2):
        append(journal, number)
    journal.close()
    return tmp_path


def test_each_process_that_a_snapshot_ends_is_counted_once(directory: Path) -> None:
    for times in range(1, 4):
        die_of(2, directory)
        assert failures(directory, 2) == times
        assert failures(directory, 2) == times
    assert failures(directory, 1) == 0


def test_the_entry_that_this_process_works_on_is_not_a_failure(directory: Path) -> None:
    note = WorkNote(directory)
    assert note.during(1, lambda: failures(directory, 1)) == 0
    with pytest.raises(ZeroDivisionError):
        note.during(1, divmod, 1, 0)
    assert failures(directory, 1) == 0


@pytest.mark.parametrize("text", ["", "x", "1:2 three", "a b c", "1:2 99", "\x00" * 40])
def test_a_note_of_nothing_counts_for_nothing(text: str, directory: Path) -> None:
    (directory / NAME).write_text(text)
    assert failures(directory, 1) == 0
    assert failures(directory, 2) == 0


def test_without_a_place_for_the_note_the_work_is_done_all_the_same(directory: Path) -> None:
    (directory / NAME).mkdir()
    assert WorkNote(directory).during(1, len, "abc") == 3
    assert failures(directory, 1) == 0
    assert os.listdir(directory / NAME) == []  # noqa: PTH208
