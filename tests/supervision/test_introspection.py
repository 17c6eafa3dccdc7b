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


def test_nothing_handled_has_no_latency() -> None:
    assert LatencyCounts().info() is None
