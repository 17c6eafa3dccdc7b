"""Families of metrics, as Prometheus has them, with our prefix."""

from __future__ import annotations

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from vatwatch.supervision import LatencyInfo

# Upper bounds of the buckets, 2^this µs, and in seconds: 0.26 ms, 1 ms, 4 ms and so on, up to 67 s.
BOUNDS = {bits: str(2.0**bits / 1e6) for bits in range(8, 27, 2)}


def add_times(
    histogram: HistogramMetricFamily, labels: list[str], latency: LatencyInfo | None
) -> None:
    """Add what handlers took. Histograms, not quantiles: those of several nodes can be added."""
    if latency is None:
        below, every, sum_s = [0] * len(BOUNDS), 0, 0.0
    else:
        below, every = [latency.below(bits) for bits in BOUNDS], sum(latency.counts)
        sum_s = latency.sum_s
    buckets = [*zip(BOUNDS.values(), below, strict=True), ("+Inf", every)]
    histogram.add_metric(labels, buckets, sum_s)


def gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    """One value that goes up and down."""
    return GaugeMetricFamily(f"vatwatch_{name}", what, value=value)


def counter(name: str, what: str, value: float) -> CounterMetricFamily:
    """One value that only grows."""
    return CounterMetricFamily(f"vatwatch_{name}", what, value=value)
