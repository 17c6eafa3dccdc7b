from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vatwatch.supervision import RestartWindow

GAPS_S = st.lists(st.integers(0, 20), max_size=60)


@given(intensity=st.integers(0, 6), period_s=st.integers(1, 30), gaps_s=GAPS_S)
def test_exceeded_exactly_when_more_than_intensity_restarts_lie_within_the_period(
    intensity: int, period_s: int, gaps_s: list[int]
) -> None:
    window = RestartWindow(intensity, period_s)
    now = 0
    at: list[int] = []
    for gap_s in gaps_s:
        now += gap_s
        at.append(now)
        window = window.add(now)
        within = sum(1 for each in at if now - each <= period_s)
        assert window.exceeded == (within > intensity)
        assert window.count(now) == min(within, intensity + 1)


def test_five_restarts_are_allowed_and_the_sixth_is_one_too_many() -> None:
    window = RestartWindow(5, 30)
    for now in range(5):
        window = window.add(now)
    assert not window.exceeded
    assert window.add(5).exceeded


def test_adding_leaves_the_old_value_alone() -> None:
    window = RestartWindow(1, 10)
    window.add(1)
    assert window.count(1) == 0


def test_a_quiet_period_forgets() -> None:
    window = RestartWindow(1, 10).add(0).add(11)
    assert not window.exceeded
    assert window.count(30) == 0
