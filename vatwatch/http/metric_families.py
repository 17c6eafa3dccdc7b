"""Families of metrics, as Prometheus has them, with our prefix."""

from __future__ import annotations

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    SummaryMetricFamily,
)

from vatwatch.supervision import LatencyInfo


def add_summary(
    summary: SummaryMetricFamily, labels: list[str], latency: LatencyInfo | None, count: int
) -> None:
    """Add what handlers took; the quantiles are upper bounds."""
    summary.add_metric(labels, count, 0.0 if latency is None else latency.sum_s)
    if latency is not None:
        quantiles = (("0.5", latency.p50_s), ("0.99", latency.p99_s), ("1", latency.max_s))
        names = dict(zip(summary._labelnames, labels, strict=True))
        for quantile, value in quantiles:
            summary.add_sample(summary.name, {**names, "quantile": quantile}, value)


def gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    """One value that goes up and down."""
    return GaugeMetricFamily(f"vatwatch_{name}", what, value=value)


def counter(name: str, what: str, value: float) -> CounterMetricFamily:
    """One value that only grows."""
    return CounterMetricFamily(f"vatwatch_{name}", what, value=value)
