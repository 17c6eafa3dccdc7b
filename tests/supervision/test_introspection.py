from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vatwatch.supervision.introspection import LatencyCounts


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=300))
def test_percentiles_are_upper_bounds_less_than_twice_too_high(times_s: list[float]) -> None:
    counts = LatencyCounts()
    for time_s in times_s:
        counts.add(time_s)
    info = counts.info()
    assert info is not None
    assert info.max_s == max(times_s)
    assert counts.handled == len(times_s)
    ordered = sorted(times_s)
    for fraction, bound_s in ((0.5, info.p50_s), (0.99, info.p99_s)):
        rank = min(n for n in range(1, len(ordered) + 1) if n >= fraction * len(ordered))
        true_s = ordered[rank - 1]
        # Times under a microsecond share one bucket.
        assert true_s <= bound_s <= max(2 * true_s, 1e-6)


@given(st.lists(st.floats(0, 100), min_size=1), st.lists(st.floats(0, 100), min_size=1))
def test_counts_of_two_processes_add_up_to_those_of_one(one: list[float], two: list[float]) -> None:
    infos = []
    for times_s in (one, two, one + two):
        counts = LatencyCounts()
        for time_s in times_s:
            counts.add(time_s)
        infos.append(counts.info())
    first, second, both = infos
    assert first
    assert second
    assert both
    assert both.counts[-1] > 0
    for bits in range(40):
        below = [int(time_s * 1e6) < 2**bits for time_s in one + two]
        assert first.below(bits) + second.below(bits) == both.below(bits) == sum(below)


def test_nothing_handled_has_no_latency() -> None:
    assert LatencyCounts().info() is None
