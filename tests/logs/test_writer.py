"""The thread that writes the log files: nobody waits for it, and what it cannot do is counted."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import monkey
from gevent.threadpool import ThreadPool

from tests.actors.harness import until
from vatwatch.logs import writer as module
from vatwatch.logs.log_file import LogFile
from vatwatch.logs.writer import LogWriter

start_native_thread: Any = monkey.get_original("_thread", "start_new_thread")


def log_file(path: Path) -> LogFile:
    return LogFile(path, 10**9, 1)


def written(writer: LogWriter, path: Path) -> int:
    return writer.counts[path.name].written


def test_lines_are_written_in_their_order(tmp_path: Path) -> None:
    writer, one, other = LogWriter(), tmp_path / "one.log", tmp_path / "other.log"
    files = log_file(one), log_file(other)
    for number in range(1000):
        assert writer.put(files[number % 2], b"%d\n" % number)
    writer.flush()
    assert one.read_bytes() == b"".join(b"%d\n" % n for n in range(0, 1000, 2))
    assert other.read_bytes() == b"".join(b"%d\n" % n for n in range(1, 1000, 2))


def test_it_writes_by_itself_soon(tmp_path: Path) -> None:
    writer, path = LogWriter(), tmp_path / "some.log"
    writer.put(log_file(path), b"line\n")
    until(lambda: path.exists() and path.read_bytes() == b"line\n")
    writer.put(log_file(path), b"later\n")
    until(lambda: path.read_bytes() == b"line\nlater\n")


def test_waiting_lines_are_bounded_and_lost_ones_are_counted_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    writer, path = LogWriter(), tmp_path / "some.log"
    file = log_file(path)
    holder = log_file(path)
    holder._locked()  # the disk stands still
    put = [writer.put(file, b"line\n") for _ in range(200)]
    holder._unlock()
    writer.flush()
    counts = writer.counts["some.log"]
    assert put.count(False) == counts.lost > 0
    assert put.count(True) == counts.written >= 10
    assert f"{counts.lost} lines were lost, as there were too many" in caplog.text


def test_waiting_lines_are_bounded_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    writer, file = LogWriter(), log_file(tmp_path / "some.log")
    assert not writer.put(file, b"x" * 101)
    assert writer.put(file, b"x" * 100)
    assert writer.counts["some.log"].lost == 1


def test_a_file_that_cannot_be_written_is_reported_once_and_once_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, module.__name__)
    writer, path = LogWriter(), tmp_path / "some.log"
    path.symlink_to("/dev/full")
    file = log_file(path)
    for _ in range(5):
        writer.put(file, b"lost\n")
        writer.flush()
    assert writer.counts["some.log"].lost == 5
    (told,) = caplog.records
    assert "some.log cannot be written (No space left on device)" in told.getMessage()
    path.unlink()
    writer.put(file, b"kept\n")
    writer.flush()
    assert path.read_bytes() == b"kept\n"
    assert "can be written again. 5 lines were lost." in caplog.records[-1].getMessage()
    writer.put(file, b"kept\n")
    writer.flush()
    assert len(caplog.records) == 2


def test_a_caller_can_wait_until_its_line_is_on_disk(tmp_path: Path) -> None:
    writer, path = LogWriter(), tmp_path / "some.log"
    assert writer.put_and_wait(log_file(path), b"line\n")
    assert path.read_bytes() == b"line\n"
    assert not writer.put_and_wait(log_file(tmp_path), b"line\n"), "it is a directory"


def test_others_go_on_while_one_caller_waits_for_a_stalled_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_S", 0.2)
    writer, path = LogWriter(), tmp_path / "some.log"
    holder = log_file(path)
    holder._locked()
    turns: list[int] = []

    def turn() -> None:
        while True:
            turns.append(1)
            gevent.sleep(0)

    other = gevent.spawn(turn)
    assert not writer.put_and_wait(log_file(path), b"line\n")
    other.kill()
    assert len(turns) > 10
    holder._unlock()
    until(lambda: path.read_bytes() == b"line\n")


def test_a_line_that_cannot_be_made_costs_itself_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer, path = LogWriter(), tmp_path / "some.log"

    def wrong() -> bytes:
        raise ValueError("no line")

    file = log_file(path)
    lines: list[bytes | Callable[[], bytes]] = [b"one\n", wrong, lambda: b"three\n"]
    for line in lines:
        writer.put(file, line)
    writer.flush()
    assert path.read_bytes() == b"one\nthree\n"
    assert "no line" in caplog.text


def test_native_threads_and_greenlets_may_write_at_once(tmp_path: Path) -> None:
    writer, path = LogWriter(), tmp_path / "some.log"
    file, pool, each = log_file(path), ThreadPool(4), 300

    def write(name: str) -> None:
        for number in range(each):
            assert writer.put(file, f"{name} {number}\n".encode())

    native = [pool.spawn(write, f"thread{n}") for n in range(4)]
    greenlets = [gevent.spawn(write, f"greenlet{n}") for n in range(4)]
    gevent.joinall([*native, *greenlets], raise_error=True)
    writer.flush()
    lines = path.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 8 * each
    pool.kill()


def test_a_forked_process_writes_its_own_lines_and_not_its_parents(tmp_path: Path) -> None:
    writer, path = LogWriter(), tmp_path / "some.log"
    file = log_file(path)
    writer.put(file, b"before\n")
    child = os.fork()
    if child == 0:
        writer.put(file, b"child\n")
        writer.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.put(file, b"parent\n")
    writer.flush()
    assert sorted(path.read_bytes().splitlines()) == [b"before", b"child", b"parent"]
