"""A directory has one owner, by what the kernel says; what its file says is only for people."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from vatwatch.errors import ConfigurationError
from vatwatch.storage import directory_lock
from vatwatch.storage.directory_lock import NAME, DirectoryLock, DirectoryTaken, wait_until_free
from vatwatch.storage.home import take_home

PATIENCE_S = 60.0

HOLDER = """
import os, sys, time
from pathlib import Path
from vatwatch.storage.directory_lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
lock.take()
how = sys.argv[2]
if how == "stopping":
    lock.say_stopping()
if how == "child":
    if os.fork() == 0:
        time.sleep(float(sys.argv[3]))
        os._exit(0)
print("held", flush=True)
time.sleep(float(sys.argv[3]) if how != "child" else 600)
"""


@contextmanager
def held_by(directory: Path, how: str, for_s: float = 600) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the directory: it `runs`, is `stopping`, or has a `child`."""
    command = [sys.executable, "-c", HOLDER, str(directory), how, str(for_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


CONTENTS = [b"", b"\n", b"0\n", b"1\n", b"-1\n", b"9" * 400, b"nonsense", bytes(range(256)), b"%d"]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_directory_without_a_lock_is_free_whatever_its_file_says(
    content: bytes, tmp_path: Path
) -> None:
    content = content.replace(b"%d", str(os.getpid()).encode())
    (tmp_path / NAME).write_bytes(content)
    wait_until_free(tmp_path, leaving_s=0)
    lock = DirectoryLock(tmp_path)
    lock.take()
    assert (tmp_path / NAME).read_text().splitlines()[0] == str(os.getpid())
    lock.release()


@pytest.mark.parametrize("content", CONTENTS)
def test_a_locked_directory_is_not_free_whatever_its_file_says(
    content: bytes, tmp_path: Path
) -> None:
    with held_by(tmp_path, "runs"):
        (tmp_path / NAME).write_bytes(content)
        with pytest.raises(DirectoryTaken):
            DirectoryLock(tmp_path).take()


def test_a_holder_that_lives_and_does_not_stop_is_named_after_a_moment(tmp_path: Path) -> None:
    with held_by(tmp_path, "runs") as process:
        with pytest.raises(DirectoryTaken) as held:
            wait_until_free(tmp_path, leaving_s=PATIENCE_S)
        assert held.value.holder == str(process.pid)
        assert not held.value.leaving
        with pytest.raises(ConfigurationError, match=f"in use by process {process.pid}"):
            take_home(tmp_path, leaving_s=PATIENCE_S)


def test_a_holder_that_stops_is_waited_for(tmp_path: Path) -> None:
    told: list[DirectoryTaken] = []
    with held_by(tmp_path, "stopping", for_s=3) as process:
        wait_until_free(tmp_path, leaving_s=PATIENCE_S, waiting=told.append)
        assert [held.holder for held in told] == [str(process.pid)]
    take_home(tmp_path, leaving_s=0).release()


def test_a_holder_that_stops_for_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_lock, "DYING_S", 0.1)
    with held_by(tmp_path, "stopping") as process:
        with pytest.raises(DirectoryTaken) as held:
            wait_until_free(tmp_path, leaving_s=0.5)
        assert held.value.holder == str(process.pid)


def test_the_child_of_a_holder_that_was_killed_is_waited_for(tmp_path: Path) -> None:
    """As the worker of a master that was killed: it has the lock, and will notice."""
    with held_by(tmp_path, "child", for_s=4) as process:
        process.kill()
        process.wait()
        with pytest.raises(DirectoryTaken):
            DirectoryLock(tmp_path).look()
        wait_until_free(tmp_path, leaving_s=PATIENCE_S)


def test_a_holder_that_was_killed_a_moment_ago_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that is very busy takes seconds to end it.
    monkeypatch.setattr(directory_lock, "DYING_S", PATIENCE_S)
    for _ in range(5):
        with held_by(tmp_path, "runs") as process:
            process.send_signal(signal.SIGKILL)
            lock = take_home(tmp_path, leaving_s=0)
            lock.release()


def test_a_stalled_holder_is_not_taken_for_dead(tmp_path: Path) -> None:
    with held_by(tmp_path, "runs") as process:
        process.send_signal(signal.SIGSTOP)
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        with pytest.raises(DirectoryTaken):
            wait_until_free(tmp_path, leaving_s=0)


def test_an_id_of_another_container_or_host_says_nothing_about_a_process_here(
    tmp_path: Path,
) -> None:
    with held_by(tmp_path, "runs"):
        # As a container writes it: here no process has this id.
        for more, leaving in (("", True), ("at elsewhere pid:[1]\n", False)):
            (tmp_path / NAME).write_text(f"{2**31 - 1}\n{more}")
            with pytest.raises(DirectoryTaken) as held:
                DirectoryLock(tmp_path).look()
            assert held.value.leaving is leaving
        (tmp_path / NAME).write_text("8\nat elsewhere pid:[1]\nstopping\n")
        with pytest.raises(DirectoryTaken) as held:
            DirectoryLock(tmp_path).look()
        assert held.value.leaving


@pytest.mark.parametrize("part", ["journal", "postgres"])
def test_a_locked_part_of_the_home_is_named(part: str, tmp_path: Path) -> None:
    (tmp_path / part).mkdir()
    with (
        held_by(tmp_path / part, "runs") as process,
        pytest.raises(ConfigurationError, match=rf"{part} is in use by process {process.pid}"),
    ):
        take_home(tmp_path, leaving_s=0)


@pytest.mark.parametrize("place", ["a file", "a directory as its lock", "below a file"])
def test_a_home_that_cannot_be_used_is_named(place: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    if place == "a directory as its lock":
        (home / NAME).mkdir(parents=True)
    else:
        home.touch()
        home = home / "below" if place == "below a file" else home
    with pytest.raises(ConfigurationError, match=rf"VATWATCH_HOME={home}: .* cannot be written"):
        take_home(home, leaving_s=0)
