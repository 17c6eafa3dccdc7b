from __future__ import annotations

import pytest

from vatsim_simulator.faults import (
    BadRecords,
    Empty,
    Freeze,
    Html,
    MassDrop,
    Older,
    RestartFault,
    StatusFault,
)
from vatsim_simulator.publication import FeedName
from vatsim_simulator.schedule import MOST_FAULTS, Schedule, UpdateFaults

DATA, TRANSCEIVERS, STATUS = FeedName.DATA, FeedName.TRANSCEIVERS, FeedName.STATUS


def shown(schedule: Schedule, numbers: range) -> list[UpdateFaults]:
    """What becomes of these updates, each shown a second after the other."""
    changes = []
    for number in numbers:
        changes.append(schedule.changes(number, float(number)))
        schedule.show(number, float(number))
    return changes


def test_a_publication_changes_from_the_next_update_on_for_as_many_as_asked() -> None:
    schedule = Schedule()
    schedule.add(MassDrop(share=0.5, lasts=2), 0.0)
    assert [change.drop for change in shown(schedule, range(1, 5))] == [0.5, 0.5, 0.0, 0.0]


def test_after_counts_the_updates_to_wait() -> None:
    schedule = Schedule()
    schedule.add(BadRecords(count=4, lasts=1, after=2), 0.0)
    assert [change.bad_records for change in shown(schedule, range(1, 5))] == [0, 0, 4, 0]


def test_a_publication_changes_for_as_many_seconds_as_asked() -> None:
    schedule = Schedule()
    schedule.add(MassDrop(share=0.5, lasts="2s"), 0.0)
    # From the first update with it, at second 1, until second 3.
    assert [change.drop for change in shown(schedule, range(1, 5))] == [0.5, 0.5, 0.0, 0.0]


def test_a_freeze_of_one_feed_leaves_the_other() -> None:
    schedule = Schedule()
    schedule.add(Freeze(feed="data", lasts=1), 0.0)
    assert shown(schedule, range(1, 2)) == [UpdateFaults(frozen=frozenset({DATA}))]


def test_the_worst_of_several_faults_counts() -> None:
    schedule = Schedule()
    for fault in (MassDrop(share=0.2), MassDrop(share=0.7), BadRecords(count=2), RestartFault()):
        schedule.add(fault, 0.0)
    assert schedule.changes(1, 0.0) == UpdateFaults(drop=0.7, bad_records=2, restart=True)


def test_a_restart_happens_once() -> None:
    schedule = Schedule()
    schedule.add(RestartFault(), 0.0)
    assert [change.restart for change in shown(schedule, range(1, 4))] == [True, False, False]


def test_an_answer_is_bad_at_once_and_until_the_updates_are_over() -> None:
    schedule = Schedule()
    schedule.add(Empty(lasts=2), 0.0)
    assert schedule.answer(DATA, 0.0) == Empty(lasts=2)
    schedule.show(1, 1.0)
    assert schedule.answer(STATUS, 1.0) == Empty(lasts=2)
    schedule.show(2, 2.0)
    assert schedule.answer(DATA, 2.0) is None


def test_an_answer_is_bad_for_as_many_seconds_or_requests_as_asked() -> None:
    schedule = Schedule()
    schedule.add(Empty(lasts="5s"), 10.0)
    assert schedule.answer(DATA, 14.9) is not None
    assert schedule.answer(DATA, 15.0) is None
    schedule.add(Html(lasts="2r", feed="data"), 20.0)
    assert schedule.answer(TRANSCEIVERS, 20.0) is None
    answers = [schedule.answer(DATA, 20.0) for _ in range(3)]
    assert [answer is not None for answer in answers] == [True, True, False]


def test_the_oldest_fault_of_a_feed_comes_first_and_then_the_next() -> None:
    schedule = Schedule()
    schedule.add(StatusFault(code=502, lasts="1r"), 0.0)
    schedule.add(Empty(lasts="1r"), 0.0)
    assert isinstance(schedule.answer(DATA, 0.0), StatusFault)
    assert isinstance(schedule.answer(DATA, 0.0), Empty)
    assert schedule.answer(DATA, 0.0) is None


def test_every_second_answer_of_each_feed_is_older() -> None:
    schedule = Schedule()
    schedule.add(Older(), 0.0)
    for feed in (DATA, TRANSCEIVERS):
        old = [schedule.answer(feed, 0.0) is not None for _ in range(4)]
        assert old == [False, True, False, True]
    assert schedule.answer(STATUS, 0.0) is None


def test_what_is_told_is_active_or_waits() -> None:
    schedule = Schedule()
    schedule.add(Freeze(lasts=2), 0.0)
    schedule.add(StatusFault(lasts="3r"), 0.0)
    told = schedule.tell(0.0)
    assert [fault["requests_left"] for fault in told["active"]] == [3]
    assert [fault["begins_with_update"] for fault in told["waiting"]] == [1]
    schedule.show(1, 1.0)
    assert schedule.tell(1.0)["active"][0] == {
        "id": 1,
        "fault": "freeze",
        "feed": "all",
        "for": 2,
        "after": 0,
        "last_update": 2,
    }


def test_all_faults_end_when_asked() -> None:
    schedule = Schedule()
    for fault in (Freeze(), Empty()):
        schedule.add(fault, 0.0)
    schedule.clear()
    assert schedule.changes(1, 0.0) == UpdateFaults()
    assert schedule.answer(DATA, 0.0) is None
    assert schedule.tell(0.0) == {"active": [], "waiting": []}


def test_too_many_faults_are_refused() -> None:
    schedule = Schedule()
    for _ in range(MOST_FAULTS):
        schedule.add(Freeze(after=1), 0.0)
    with pytest.raises(ValueError, match="100 faults"):
        schedule.add(Freeze(), 0.0)
