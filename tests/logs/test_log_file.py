"""A log file: whole lines, whatever happens to those who write them, and never without end."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actors.harness import until
from vatwatch.logs import log_file
from vatwatch.logs.log_file import LogFile

# Writes numbered lines until it is killed, or has written as many as it was told to.
WRITES = """
import sys
from pathlib import Path
from vatwatch.logs.log_file import LogFile
path, name, most, max_bytes, kept = sys.argv[1:]
file = LogFile(Path(path), int(max_bytes), int(kept))
for number in range(int(most)):
    file.append(f"{name} {number} {'x' * (number % 90)}.\\n".encode())
"""
LINE = re.compile(rb"(\w) (\d+) x*\.")


def writer(path: Path, name: str, most: int, max_bytes: int, kept: int) -> subprocess.Popen[bytes]:
    arguments = [str(path), name, str(most), str(max_bytes), str(kept)]
    return subprocess.Popen([sys.executable, "-c", WRITES, *arguments])


def lines_of(*paths: Path) -> list[bytes]:
    return [line for path in paths for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.log"


def test_a_file_that_would_be_too_large_is_kept_and_the_oldest_goes(path: Path) -> None:
    file = LogFile(path, max_bytes=100, kept=2)
    for number in range(40):
        file.append(b"%d: %s\n" % (number, b"y" * 20))
    assert sorted(p.name for p in path.parent.iterdir()) == ["some.log", "some.log.1", "some.log.2"]
    assert all(p.stat().st_size <= 100 for p in path.parent.iterdir())
    numbers = [
        int(line.split(b":")[0])
        for line in lines_of(path.with_suffix(".log.2"), path.with_suffix(".log.1"), path)
    ]
    assert numbers == list(range(numbers[0], 40)), "in order, and without a gap"


def test_fewer_are_kept_when_fewer_are_wanted_and_none_is_possible(path: Path) -> None:
    for number in (1, 2, 3, 7):
        path.with_suffix(f".log.{number}").write_text("old\n")
    other = path.with_suffix(".log.gz")
    other.write_text("of somebody else")
    file = LogFile(path, max_bytes=10, kept=2)
    file.append(b"0123456789\n")
    file.append(b"next\n")
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "some.log",
        "some.log.1",
        "some.log.2",
        "some.log.gz",
    ]
    file.kept = 0
    file.append(b"0123456789\n")
    assert sorted(p.name for p in path.parent.iterdir()) == ["some.log", "some.log.gz"]


def test_a_line_that_is_longer_than_the_bound_has_a_file_of_its_own(path: Path) -> None:
    file = LogFile(path, max_bytes=10, kept=5)
    for text in (b"before\n", b"z" * 100 + b"\n", b"after\n"):
        file.append(text)
    assert path.with_suffix(".log.1").read_bytes() == b"z" * 100 + b"\n"
    assert path.read_bytes() == b"after\n"


def test_the_half_line_of_a_killed_process_does_not_spoil_the_next(path: Path) -> None:
    path.write_bytes(b"whole\nhal")
    LogFile(path, 1000, 1).append(b"next\n")
    assert path.read_bytes() == b"whole\nhal\nnext\n"


def test_processes_that_write_and_rotate_together_lose_no_line_and_tear_none(path: Path) -> None:
    most = 600
    writers = [writer(path, name, most, 20_000, 100) for name in "abc"]
    assert [one.wait(timeout=100) for one in writers] == [0, 0, 0]
    everything = list(path.parent.iterdir())
    assert len(everything) > 3, "it was rotated, and more than once"
    found: dict[bytes, set[int]] = {}
    for line in lines_of(*everything):
        match = LINE.fullmatch(line)
        assert match is not None, line
        found.setdefault(match[1], set()).add(int(match[2]))
    assert found == {name: set(range(most)) for name in (b"a", b"b", b"c")}


def test_a_writer_that_is_killed_leaves_the_others_and_the_next_a_file_to_write(path: Path) -> None:
    for _ in range(3):
        other = writer(path, "k", 10**9, 10**9, 1)
        size = path.stat().st_size if path.exists() else 0
        until(lambda size=size: path.exists() and path.stat().st_size > size)  # type: ignore[misc]
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=30)
    LogFile(path, 10**9, 1).append(b"n 1 .\n")
    *others, last = lines_of(path)
    assert last == b"n 1 ."
    torn = [line for line in others if LINE.fullmatch(line) is None]
    assert len(torn) <= 3


# Its file may have 1,000 bytes: the system takes what fits of a write, and refuses the rest.
FULL = """
import errno, resource, sys
from pathlib import Path
from vatwatch.logs.log_file import LogFile
file = LogFile(Path(sys.argv[1]), 10**9, 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
file.append(b"first\\n")
try:
    file.append(b"many bytes\\n" * 100)
except OSError as error:
    assert error.errno == errno.EFBIG
else:
    sys.exit("it was written")
file.append(b"last\\n")
"""


def test_of_lines_for_which_the_disk_has_no_room_nothing_is_left(path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL, str(path)], check=True, timeout=100)
    assert path.read_bytes() == b"first\nlast\n"


def test_a_full_disk_and_a_directory_in_its_place_are_ordinary_errors(path: Path) -> None:
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        LogFile(path, 1000, 1).append(b"line\n")
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        LogFile(path, 1000, 1).append(b"line\n")
    with pytest.raises(FileNotFoundError):
        LogFile(path / "nowhere" / "some.log", 1000, 1).append(b"line\n")


def test_a_file_that_is_moved_or_removed_is_reopened(path: Path) -> None:
    file = LogFile(path, 1000, 1)
    file.append(b"one\n")
    path.rename(path.with_suffix(".moved"))
    file.append(b"two\n")
    path.unlink()
    file.append(b"three\n")
    assert path.read_bytes() == b"three\n"
    assert path.with_suffix(".moved").read_bytes() == b"one\n"


def test_a_lock_that_is_held_for_long_costs_the_lines_and_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "LOCK_PATIENCE_S", 0.05)
    holder, file = LogFile(path, 1000, 1), LogFile(path, 1000, 1)
    holder._locked()
    with pytest.raises(BlockingIOError):
        file.append(b"not now\n")
    holder._unlock()
    file.append(b"now\n")
    assert path.read_bytes() == b"now\n"


def test_a_forked_process_has_a_lock_of_its_own(path: Path) -> None:
    """It would share the parent's otherwise: both could write at the same time."""
    file = LogFile(path, 1000, 1)
    file._locked()
    child = os.fork()
    if child == 0:
        log_file.LOCK_PATIENCE_S = 0.05
        try:
            file.append(b"of the child\n")
        except BlockingIOError:
            os._exit(errno.EAGAIN)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.EAGAIN
    file._unlock()


def test_a_file_that_rests_is_rotated_when_its_bound_is_lowered(path: Path) -> None:
    path.write_bytes(b"x" * 500)
    assert not LogFile(path, 500, 2).rotate_if_too_large()
    assert LogFile(path, 499, 2).rotate_if_too_large()
    assert not path.exists() or not path.stat().st_size
    assert path.with_suffix(".log.1").stat().st_size == 500
    assert not LogFile(path.with_name("none.log"), 10, 2).rotate_if_too_large()
    assert not path.with_name("none.log").exists()
