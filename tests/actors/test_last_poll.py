"""When a restarted fetcher may poll, on a clock of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vatwatch.actors.last_poll import LastPoll

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
INTERVAL_S = 15.0


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def last_poll(tmp_path: Path) -> LastPoll:
    return LastPoll(tmp_path / "last-poll")


@pytest.mark.parametrize(
    ("now_s", "due_s"),
    [(0.5, 15), (5, 15), (14.9, 15), (15, 15), (100, 100), (86_400, 86_400), (-3600, -3585)],
)
def test_the_first_poll_after_a_restart_is_an_interval_after_the_last_or_at_once(
    now_s: float, due_s: float, last_poll: LastPoll
) -> None:
    last_poll.began(NOON)
    last_poll.ended(NOON)
    assert last_poll.next_due(after(now_s), INTERVAL_S) == after(due_s)


def test_a_poll_that_did_not_end_is_tried_again_at_once_but_only_once(last_poll: LastPoll) -> None:
    last_poll.began(NOON)
    assert last_poll.next_due(after(1), INTERVAL_S) == after(1)
    last_poll.began(after(1))
    assert last_poll.next_due(after(2), INTERVAL_S) == after(16)
    last_poll.began(after(16))
    last_poll.ended(after(16))
    assert last_poll.next_due(after(17), INTERVAL_S) == after(31)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{}", b'{"at": "tomorrow"}', b'{"at": "2026-01-31T12:00:00"}', b"[]", None],
)
def test_an_unreadable_file_delays_no_poll(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "last-poll"
    if content is None:
        path.mkdir()  # it cannot be read, and cannot be written
    else:
        path.write_bytes(content)
    last_poll = LastPoll(path)
    assert last_poll.next_due(NOON, INTERVAL_S) == NOON
    last_poll.began(NOON)
    last_poll.ended(NOON)


@pytest.mark.parametrize(
    ("own_s", "others_s", "due_s"),
    [(None, 0, 15), (0, 5, 20), (5, 0, 20), (0, None, 15), (0, 60, 25), (None, None, 10)],
)
def test_a_fetch_of_another_node_counts_like_an_own_one(
    own_s: float | None, others_s: float | None, due_s: float, last_poll: LastPoll
) -> None:
    if own_s is not None:
        last_poll.ended(after(own_s))
    others = None if others_s is None else after(others_s)
    # The clock of the other node may be ahead.
    assert last_poll.next_due(after(10), INTERVAL_S, others) == after(due_s)
