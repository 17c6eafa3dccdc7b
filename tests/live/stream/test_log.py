"""The log: positions are found for ten minutes, and never mean anything else."""

from __future__ import annotations

import pytest

from vatwatch.live.stream.deltas import StateChanges
from vatwatch.live.stream.log import (
    MAX_ENTRIES,
    WINDOW_S,
    StreamedEvent,
    StreamLog,
    StreamPosition,
    read_position,
)
from vatwatch.live.stream.records import StreamState

NOW = 1_769_860_800.25


def time_of(number: int) -> bytes:
    return f'"2026-01-31T12:00:{number:02}Z"'.encode()


def change(number: int) -> StateChanges:
    return StateChanges(time_of(number - 1), time_of(number), {})


@pytest.fixture
def log() -> StreamLog:
    return StreamLog.beginning(StreamState(time_of(0)), NOW)


def test_a_position_is_the_feeds_time_and_a_number_that_rises(log: StreamLog) -> None:
    assert log.end.text == f"2026-01-31T12:00:00Z/{int(NOW * 1e6)}"
    seen = [log.end]
    for number in range(1, 4):
        log.add_state(change(number), NOW)
        seen.append(log.end)
        log.add_events([StreamedEvent(b"{}")], NOW)
        seen.append(log.end)
    assert [one.sequence for one in seen] == sorted({one.sequence for one in seen})
    assert [one.updated_at[-3:-1] for one in seen] == ["00", "01", "01", "02", "02", "03", "03"]
    assert all(read_position(one.text) == one for one in seen)


def test_what_comes_after_a_known_position_is_found_from_everywhere(log: StreamLog) -> None:
    positions = [log.end]
    for number in range(1, 5):
        log.add_state(change(number), NOW)
        positions.append(log.end)
    for number, position in enumerate(positions):
        after = log.after(position)
        assert after is not None
        assert [one.position for one in after] == positions[number + 1 :]


def test_a_position_of_another_time_or_log_is_not_found(log: StreamLog) -> None:
    log.add_state(change(1), NOW)
    assert log.after(StreamPosition("2026-01-31T12:00:00Z", log.end.sequence)) is None
    assert log.after(StreamPosition(log.end.updated_at, log.end.sequence + 1)) is None
    assert log.after(StreamPosition(log.end.updated_at, 1)) is None
    later = StreamLog.beginning(StreamState(time_of(1)), NOW + 2)
    assert later.after(log.end) is None
    assert log.after(later.end) is None


def test_ten_minutes_are_kept(log: StreamLog) -> None:
    first = log.end
    log.add_state(change(1), NOW)
    second = log.end
    log.add_state(change(2), NOW + WINDOW_S / 2)
    log.add_state(change(3), NOW + WINDOW_S)
    assert len(log.after(first) or ()) == 3
    log.add_state(change(4), NOW + WINDOW_S + 1)
    assert log.after(first) is None
    assert len(log.after(second) or ()) == 3


def test_a_flood_of_events_is_bounded_and_the_end_is_always_known(log: StreamLog) -> None:
    first = log.end
    log.add_events([StreamedEvent(b"{}")] * (MAX_ENTRIES + 5), NOW)
    assert len(log.entries) == MAX_ENTRIES
    assert log.after(first) is None
    assert log.after(log.start) is not None
    assert log.after(log.end) == []


def test_missing_events_matter_to_those_who_want_events(log: StreamLog) -> None:
    before = log.end
    log.miss_events()
    assert log.after(before) is None
    assert log.after(before, with_events=False) == []
    log.add_state(change(1), NOW)
    assert log.after(log.end) == []


def test_who_takes_over_gives_no_position_of_the_process_before(log: StreamLog) -> None:
    log.add_state(change(1), NOW)
    known = log.end
    # The other one has got further than what was read.
    unread = {known.sequence + number for number in range(1, 1000)}
    log.take_over(NOW + 1)
    log.add_state(change(2), NOW + 1)
    assert log.end.sequence not in unread
    assert len(log.after(known) or ()) == 1


@pytest.mark.parametrize("text", ["", "/", "x", "a/b", "a/-1", "a/1.5", f"a/{'9' * 30}", "a/²"])
def test_what_is_no_position_is_not_read(text: str) -> None:
    assert read_position(text) is None
