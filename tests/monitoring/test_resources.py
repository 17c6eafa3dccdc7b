"""Limits with hysteresis, and the steps in their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.monitoring.resources import (
    LADDERS,
    LASTING,
    REPLACE_EVERY,
    Level,
    Limits,
    Machine,
    Mitigation,
    Resource,
    ResourceState,
    limits_for,
    may_replace,
)

MEMORY, DISK = Resource.MEMORY, Resource.DISK
LIMITS = {MEMORY: Limits(100, 200), DISK: Limits(1000, 500, falls=True)}
ORDER = [Level.NORMAL, Level.SOFT, Level.HARD]
READINGS = st.floats(0, 400)


@pytest.mark.parametrize(
    ("falls", "before", "reading", "after"),
    [
        (False, Level.NORMAL, 99, Level.NORMAL),
        (False, Level.NORMAL, 100, Level.SOFT),
        (False, Level.SOFT, 91, Level.SOFT),
        (False, Level.SOFT, 89, Level.NORMAL),
        (False, Level.NORMAL, 200, Level.HARD),
        (False, Level.HARD, 181, Level.HARD),
        (False, Level.HARD, 179, Level.SOFT),
        (False, Level.HARD, 89, Level.NORMAL),
        (True, Level.NORMAL, 1001, Level.NORMAL),
        (True, Level.NORMAL, 1000, Level.SOFT),
        (True, Level.SOFT, 1099, Level.SOFT),
        (True, Level.SOFT, 1101, Level.NORMAL),
        (True, Level.NORMAL, 500, Level.HARD),
        (True, Level.HARD, 549, Level.HARD),
        (True, Level.HARD, 551, Level.SOFT),
    ],
)
def test_a_level_is_entered_at_the_limit_and_left_a_share_beyond_it(
    falls: bool, before: Level, reading: float, after: Level
) -> None:
    limits = LIMITS[DISK] if falls else LIMITS[MEMORY]
    assert limits.level(before, reading) is after


@given(st.sampled_from(Level), READINGS, READINGS)
def test_more_is_never_the_lower_level(before: Level, one: float, other: float) -> None:
    low, high = sorted((one, other))
    levels = [LIMITS[MEMORY].level(before, reading) for reading in (low, high)]
    assert ORDER.index(levels[0]) <= ORDER.index(levels[1])


@given(st.sampled_from(Level), st.floats(100, 200), st.lists(st.floats(-0.049, 0.049), max_size=20))
def test_a_reading_that_trembles_passes_each_limit_once_at_most(
    before: Level, around: float, trembles: list[float]
) -> None:
    limits, changes = Limits(100, 200), 0
    level = limits.level(before, around)
    for tremble in trembles:
        after = limits.level(level, around * (1 + tremble))
        changes += after is not level
        level = after
    assert changes <= 2  # normal, soft, hard: each limit once


def looks(readings: list[float], resource: Resource = MEMORY) -> list[tuple[Mitigation, ...]]:
    watched, found = ResourceState.begin(), []
    for reading in readings:
        watched, orders = watched.observe(LIMITS, {resource: reading})
        found.append(orders.do)
    return found


def test_memory_sheds_in_the_stated_order() -> None:
    short, garbage, worker = (
        Mitigation.SHORTEN_HISTORY,
        Mitigation.COLLECT_GARBAGE,
        Mitigation.REPLACE_WORKER,
    )
    assert looks([50, 120, 120, 120, 50]) == [
        (), (short,), (short, garbage), (short, garbage), (),
    ]  # fmt: skip
    # At the hard limit the worker goes last: after all else has had its look.
    assert looks([250, 250]) == [(short, garbage), (short, garbage, worker)]


def test_a_disk_degrades_in_the_stated_order() -> None:
    old, all_of_it, none = (
        Mitigation.DROP_OLD_ARCHIVE,
        Mitigation.DROP_ARCHIVE,
        Mitigation.KEEP_NO_ARCHIVE,
    )
    assert looks([900, 900, 400, 400, 400, 800, 1200], DISK) == [
        (old,), (old,), (old, all_of_it), (old, all_of_it, none), (old, all_of_it, none),
        (old, all_of_it, none), (),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 2000)), max_size=40))
def test_a_lasting_step_is_undone_exactly_when_it_is_not_in_force_any_more(
    readings: list[tuple[float, float]],
) -> None:
    watched, in_force = ResourceState.begin(), set()
    for memory, disk in readings:
        watched, orders = watched.observe(LIMITS, {MEMORY: memory, DISK: disk})
        assert set(orders.undo) <= in_force
        assert not set(orders.undo) & set(orders.do)
        in_force = (in_force | set(orders.do)) - set(orders.undo)
        assert in_force & LASTING == set(watched.steps()) & LASTING
        for resource in (MEMORY, DISK):
            if watched.levels[resource] is Level.NORMAL:
                assert not watched.taken[resource]
    watched, _ = watched.observe(LIMITS, {MEMORY: 0, DISK: 5000})
    assert watched.steps() == ()


def test_a_resource_that_could_not_be_read_stays_as_it_was() -> None:
    watched, _ = ResourceState.begin().observe(LIMITS, {MEMORY: 250})
    after, orders = watched.observe(LIMITS, {})
    assert after == watched
    assert orders.do == watched.steps()


def test_every_resource_has_a_ladder_and_each_step_is_in_it_once() -> None:
    assert set(LADDERS) == set(Resource)
    for ladder in LADDERS.values():
        steps = (*ladder.soft, *ladder.hard)
        assert len(set(steps)) == len(steps)


@given(
    st.floats(64, 1e6),
    st.floats(64, 1e8),
    *[st.none() | st.floats(1, 1e6) for _ in range(4)],
)
def test_limits_that_are_half_given_are_in_order(
    memory: float,
    disk: float,
    m_soft: float | None,
    m_hard: float | None,
    d_soft: float | None,
    d_hard: float | None,
) -> None:
    if m_soft is not None and m_hard is not None:
        m_soft, m_hard = sorted((m_soft, m_hard))
    if d_soft is not None and d_hard is not None:
        d_hard, d_soft = sorted((d_soft, d_hard))
    found = limits_for(Machine(memory, disk), memory_mb=(m_soft, m_hard), disk_mb=(d_soft, d_hard))
    assert found[MEMORY].soft <= found[MEMORY].hard
    assert found[DISK].soft >= found[DISK].hard
    for given_, in_force in ((m_soft, found[MEMORY].soft), (d_hard, found[DISK].hard)):
        assert given_ is None or given_ == in_force


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        Limits(200, 100)
    with pytest.raises(ValueError, match="before"):
        Limits(100, 200, falls=True)


def test_a_worker_is_replaced_once_in_half_an_hour_whatever_the_clock_does() -> None:
    now = datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert may_replace(None, now)
    assert not may_replace(now, now)
    assert not may_replace(now - REPLACE_EVERY + timedelta(seconds=1), now)
    assert may_replace(now - REPLACE_EVERY, now)
    assert may_replace(now + timedelta(days=1), now)  # the clock was set back
