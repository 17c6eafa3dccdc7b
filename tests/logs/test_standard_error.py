"""The log: its lines, and that nobody who does not read it can hold anything up."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.logs.formats import ConsoleFormatter
from vatwatch.logs.standard_error import MOST_BYTES, MOST_WAITING, StderrHandler

BEGINNING = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ \S+: ")


def record(text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("vatwatch.part", logging.WARNING, "", 0, text, values, None)


def test_a_line_has_date_time_in_utc_level_part_and_message() -> None:
    given = record("%d pilots", 3)
    given.created = 1796050800.25
    assert (
        ConsoleFormatter().format(given)
        == "2026-11-30T15:00:00.250Z WARNING vatwatch.part: 3 pilots"
    )


@given(st.text())
def test_nothing_in_a_message_can_pass_for_a_line_of_its_own(text: str) -> None:
    shown = ConsoleFormatter().format(record("%s", text))
    first, *others = shown.split("\n")
    assert BEGINNING.match(first)
    assert all(line.startswith("    ") for line in others)
    assert not [c for line in (first, *others) for c in line if category(c) in ("Cc", "Zl", "Zp")]


def test_a_traceback_is_indented_below_its_line() -> None:
    error = ValueError("one\n2026-01-01T00:00:00.000Z INFO forged: line")
    failed = record("failed")
    failed.exc_info = (ValueError, error, None)
    first, *others = ConsoleFormatter().format(failed).split("\n")
    assert first.endswith("vatwatch.part: failed")
    assert "ValueError: one" in others[0]
    assert all(line.startswith("    ") for line in others)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for end in (read, write):
        with suppress(OSError):
            os.close(end)


def log_to(descriptor: int) -> StderrHandler:
    handler = StderrHandler(descriptor)
    handler.setFormatter(ConsoleFormatter())
    return handler


def test_a_stopped_reader_delays_nothing_and_later_gets_the_count_of_lost_lines(
    pipe: tuple[int, int],
) -> None:
    read, write = pipe
    handler = log_to(write)
    count = 3 * MOST_WAITING
    for number in range(count):
        handler.handle(
            record("line %d of many, and each a hundred bytes long %s", number, "x" * 40)
        )
    got = b""
    os.set_blocking(read, False)
    while True:
        handler.flush()
        try:
            got += os.read(read, 1 << 16)
        except BlockingIOError:
            break
    lines = got.decode().splitlines()
    assert all(BEGINNING.match(line) for line in lines), "no line is cut"
    (told,) = [line for line in lines if "lines before this were not taken" in line]
    lost = int(re.search(r": ([\d,]+) lines", told)[1].replace(",", ""))  # type: ignore[index]
    assert lost == count - (len(lines) - 1)
    assert f"line {count - 1} of" in lines[-1]


def test_waiting_lines_are_bounded_in_bytes_too(pipe: tuple[int, int]) -> None:
    _, write = pipe
    handler = log_to(write)
    for _ in range(50):
        handler.handle(record("%s", "z" * 100_000))
    assert sum(map(len, handler._waiting)) == handler._waiting_bytes <= MOST_BYTES


def test_a_line_longer_than_the_pipe_takes_at_once_comes_whole(pipe: tuple[int, int]) -> None:
    read, write = pipe
    handler = log_to(write)
    handler.handle(record("%s", "y" * 200_000))
    handler.handle(record("after"))
    got = b""
    while b"after" not in got:
        got += os.read(read, 1 << 16)
        handler.flush()
    first, second = got.decode().splitlines()
    assert first.count("y") == 200_000
    assert second.endswith(": after")


def test_a_reader_that_has_gone_causes_no_error(pipe: tuple[int, int]) -> None:
    read, write = pipe
    handler = log_to(write)
    os.close(read)
    handler.handle(record("nobody hears"))
    os.close(write)
    handler.handle(record("and not even this"))


def test_a_wrong_call_costs_its_line_only(pipe: tuple[int, int]) -> None:
    read, write = pipe
    handler = log_to(write)
    handler.handle(record("%d pilots", "three"))
    assert b"no line for '%d pilots'" in os.read(read, 1000)
