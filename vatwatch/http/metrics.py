"""Metrics: for people as JSON, by subject (`/api/metrics/...`), and for Prometheus (`/metrics`).

Everything is read at the time of the request; nothing is counted only for metrics. Names follow
Prometheus' conventions: base units, `_total` for counters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import falcon
from msgspec import Struct
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vatwatch import __version__
from vatwatch.cluster.node import ClusterNode
from vatwatch.errors import SupervisionError
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Media, Tag, describe
from vatwatch.http.metric_families import add_times, counter, gauge
from vatwatch.http.nodes import of_collector
from vatwatch.http.request_counts import RequestCounts, RouteInfo
from vatwatch.http.stream import StreamHub
from vatwatch.logs.writer import Written, writer
from vatwatch.messages import Reports
from vatwatch.messages.status import (
    CacheStatus,
    ConfigStatus,
    ErrorStatus,
    EventBusStatus,
    FetcherStatus,
    HistoryStatus,
    JournalStatus,
    ProcessorStatus,
    StoreStatus,
)
from vatwatch.monitoring.health import Health
from vatwatch.supervision import BreakerInfo, BreakerState, LatencyInfo, NodeInfo, State

# The actors that a snapshot passes, in order.
PIPELINE = ("fetcher", "journal", "processor", "store", "cache")


class StageInfo(Struct, frozen=True):
    """One actor of the pipeline: its messages, and how long it takes for one."""

    actor: str
    handled: int
    queued: int
    latency: LatencyInfo | None


class Performance(Struct, frozen=True):
    """How fast the service is. Times are in seconds."""

    uptime_s: float
    snapshots_stored: int
    last_write_ms: float | None
    pipeline: list[StageInfo]
    http: list[RouteInfo]


@of_collector("GET")
class PerformanceResource(BaseResource):
    """The pipeline's stages, and the requests by route."""

    def __init__(self, service: AppContext, requests: RequestCounts) -> None:
        self._service = service
        self._requests = requests

    @describe(
        "The stages of the pipeline, and the requests by route.",
        tag=Tag.METRICS,
        answers={200: Performance},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Since the start of the service."""
        reports = self._service.reports()
        nodes = {node.name: node for node in self._service.tree.snapshot().walk()}
        store = reports.status_of(StoreStatus)
        send_json(
            resp,
            Performance(
                uptime_s=self._service.uptime_s,
                snapshots_stored=store.stored,
                last_write_ms=store.last_write_ms,
                pipeline=[_stage(nodes[name]) for name in PIPELINE if name in nodes],
                http=list(self._requests.routes()),
            ),
        )


@of_collector("GET")
class PrometheusResource(BaseResource):
    """The text that Prometheus scrapes."""

    def __init__(self, service: AppContext, requests: RequestCounts, streams: StreamHub) -> None:
        # Our own registry, since two services can run in one process, as in the tests.
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(_ServiceCollector(service, requests, streams))

    @describe(
        "All figures, for Prometheus.",
        tag=Tag.METRICS,
        answers={200: Media(CONTENT_TYPE_PLAIN_0_0_4)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with all figures in Prometheus' text format."""
        resp.content_type = CONTENT_TYPE_PLAIN_0_0_4
        resp.data = generate_latest(self._registry)


class _ServiceCollector(Collector):
    def __init__(self, service: AppContext, requests: RequestCounts, streams: StreamHub) -> None:
        self._service = service
        self._requests = requests
        self._streams = streams

    def describe(self) -> list[Metric]:
        """Return nothing. Called at the registration, when the tree does not run yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the figures from the tree and the reports, once a scrape."""
        yield InfoMetricFamily("vatwatch", "The version.", value={"version": __version__})
        yield gauge("uptime_seconds", "Since the start.", self._service.uptime_s)
        yield from _of_nodes(self._service.tree.snapshot())
        yield from _of_breakers(self._service.tree.breakers())
        yield from _of_requests(list(self._requests.routes()))
        yield from _of_streams(self._streams)
        yield from _of_cluster(self._service.nodes().all)
        faults = self._service.tree.faults.injected
        yield counter("faults_injected", "Messages and calls that were made to fail.", faults)
        refused = self._service.authorization.audit.refused
        yield counter("unauthorized", "Attempts to change something without a key.", refused)
        yield _of_logs(writer.counts)
        dead = self._service.tree.observers.dead_letters
        yield counter("dead_letters", "Messages that were not delivered.", dead)
        try:
            reports = self._service.reports()
        except SupervisionError:
            # The supervisors' figures are reported nevertheless.
            return
        yield from _of_services(reports)
        yield from _of_feed(reports)
        yield from _of_storage(reports)
        yield from _of_events(reports)
        yield from _of_settings(reports)


def _of_nodes(root: NodeInfo) -> Iterator[Metric]:
    running = GaugeMetricFamily(
        "vatwatch_node_running", "Whether a node of the tree is running.", labels=["path"]
    )
    standby = GaugeMetricFamily(
        "vatwatch_node_standby",
        "Whether a node of the tree is on standby: off, until it is wanted.",
        labels=["path"],
    )
    restarts = CounterMetricFamily("vatwatch_node_restarts", "Restarts of a node.", labels=["path"])
    discarded = CounterMetricFamily(
        "vatwatch_node_hand_overs_discarded",
        "Restarts without what the predecessor had handed over, as it had made two fail.",
        labels=["path"],
    )
    failures = CounterMetricFamily("vatwatch_node_failures", "Failures of a node.", labels=["path"])
    depth = GaugeMetricFamily(
        "vatwatch_mailbox_messages", "Messages that wait in a mailbox.", labels=["path"]
    )
    dropped = CounterMetricFamily(
        "vatwatch_mailbox_refused", "Messages that a full mailbox did not take.", labels=["path"]
    )
    unwanted = CounterMetricFamily(
        "vatwatch_mailbox_dropped_on_standby",
        "Messages that were dropped because their receiver is on standby.",
        labels=["path"],
    )
    refused = CounterMetricFamily(
        "vatwatch_questions_refused",
        "Requests that were refused because too many waited for an actor.",
        labels=["path"],
    )
    seconds = HistogramMetricFamily(
        "vatwatch_handler_seconds", "Handling of a message.", labels=["path"]
    )
    for node in root.walk():
        running.add_metric([node.path], node.state is State.RUNNING)
        standby.add_metric([node.path], node.state is State.STANDBY)
        restarts.add_metric([node.path], node.restarts_total)
        discarded.add_metric([node.path], node.hand_overs_discarded)
        failures.add_metric([node.path], node.failures)
        if node.mailbox is None:
            continue
        depth.add_metric([node.path], node.mailbox.depth)
        dropped.add_metric([node.path], node.mailbox.dropped + node.mailbox.refused)
        unwanted.add_metric([node.path], node.mailbox.dropped_on_standby)
        refused.add_metric([node.path], node.mailbox.public_refused)
        add_times(seconds, [node.path], node.latency)
    yield from (running, standby, restarts, discarded, failures)
    yield from (depth, dropped, unwanted, refused, seconds)


def _of_breakers(breakers: tuple[BreakerInfo, ...]) -> Iterator[Metric]:
    state = StateSetMetricFamily(
        "vatwatch_breaker_state", "State of a circuit breaker.", labels=["name", "kind"]
    )
    opened = CounterMetricFamily(
        "vatwatch_breaker_opened", "How often a circuit breaker opened.", labels=["name", "kind"]
    )
    for breaker in breakers:
        where = {each.value: each is breaker.state for each in BreakerState}
        state.add_metric([breaker.name, breaker.kind], where)
        opened.add_metric([breaker.name, breaker.kind], breaker.opened)
    yield from (state, opened)


def _of_requests(routes: list[RouteInfo]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "vatwatch_http_requests", "Requests.", labels=["method", "route", "status"]
    )
    seconds = HistogramMetricFamily(
        "vatwatch_http_request_seconds", "Time to make an answer.", labels=["method", "route"]
    )
    for route in routes:
        for status, count in route.by_status.items():
            requests.add_metric([route.method, route.route, status], count)
        add_times(seconds, [route.method, route.route], route.latency)
    yield from (requests, seconds)


def _of_cluster(nodes: Sequence[ClusterNode]) -> Iterator[Metric]:
    name, labels = "vatwatch_cluster_node", ["node", "role"]
    up = GaugeMetricFamily(f"{name}_up", "Whether a node is alive.", labels=labels)
    told = "How far what a node serves is behind the collector."
    lag = GaugeMetricFamily(f"{name}_lag_seconds", told, labels=labels)
    for one in nodes:
        up.add_metric([one.node, one.role.value], one.alive)
        if one.lag_s is not None:
            lag.add_metric([one.node, one.role.value], one.lag_s)
    yield from (up, lag)


def _of_streams(streams: StreamHub) -> Iterator[Metric]:
    places = streams.places
    yield gauge("stream_clients", "Clients that follow the stream.", len(places))
    yield gauge("stream_clients_limit", "How many there may be.", places.limit)
    yield gauge(
        "stream_clients_per_address_limit",
        "How many of them one address, or one key, may have.",
        places.limit_of_one,
    )
    yield counter("stream_clients_opened", "Clients that have come.", streams.opened)
    yield counter("stream_clients_dropped", "Clients that were too slow.", streams.dropped)
    yield counter("stream_clients_refused", "Clients for whom there was no room.", places.refused)
    yield counter(
        "stream_clients_refused_per_address",
        "Clients whose address, or key, had as many as one may have.",
        places.refused_of_one,
    )


def _of_logs(counts: dict[str, Written]) -> Metric:
    lines = CounterMetricFamily(
        "vatwatch_log_lines",
        "Lines of log files; lost: the disk did not take them.",
        labels=["file", "outcome"],
    )
    for file, counted in sorted(counts.items()):
        lines.add_metric([file, "written"], counted.written)
        lines.add_metric([file, "lost"], counted.lost)
    return lines


def _of_services(reports: Reports) -> Iterator[Metric]:
    health = StateSetMetricFamily(
        "vatwatch_service_health", "Health of a service, as it reports it.", labels=["service"]
    )
    for name, report in reports.services.items():
        health.add_metric([name], {each.value: each is report.health for each in Health})
    yield health
    yield StateSetMetricFamily(
        "vatwatch_health",
        "Health of the whole service.",
        {e.value: e is reports.health for e in Health},
    )


def _of_feed(reports: Reports) -> Iterator[Metric]:
    fetcher, cache = reports.status_of(FetcherStatus), reports.status_of(CacheStatus)
    fetches = CounterMetricFamily(
        "vatwatch_fetches", "Polls of the feed, by outcome.", labels=["outcome"]
    )
    for outcome, count in fetcher.outcomes.items():
        fetches.add_metric([outcome], count)
    yield fetches
    if cache.update_timestamp is not None:
        age_s = (datetime.now(UTC) - cache.update_timestamp).total_seconds()
        yield gauge("feed_age_seconds", "Age of the live state, by the feed's time.", age_s)
    yield gauge(
        "feed_frozen",
        "Whether the feed is frozen: it answers, and does not advance.",
        fetcher.frozen,
    )
    online = GaugeMetricFamily(
        "vatwatch_online", "Records in the live state, by kind.", labels=["kind"]
    )
    for kind in ("pilots", "controllers", "atis", "prefiles"):
        online.add_metric([kind], getattr(cache, kind))
    yield online
    processor = reports.status_of(ProcessorStatus)
    yield counter("snapshots_processed", "Snapshots processed.", processor.processed)
    yield counter(
        "records_quarantined",
        "Records of feeds quarantined.",
        processor.quarantined_records,
    )
    unreadable = CounterMetricFamily(
        "vatwatch_plan_texts_unreadable",
        "Texts of filed plans that mean nothing that can be told, by field.",
        labels=["field"],
    )
    for field, count in processor.plan_texts_unreadable.items():
        unreadable.add_metric([field], count)
    yield unreadable


def _of_storage(reports: Reports) -> Iterator[Metric]:
    store, journal = reports.status_of(StoreStatus), reports.status_of(JournalStatus)
    yield counter("snapshots_stored", "Snapshots written to the database.", store.stored)
    yield gauge("database_reachable", "Whether PostgreSQL answers.", store.reachable)
    if store.last_write_ms is not None:
        yield gauge(
            "database_last_write_seconds",
            "Time to write the latest snapshot.",
            store.last_write_ms / 1e3,
        )
    yield from _of_reads(reports.status_of(HistoryStatus))
    entries = GaugeMetricFamily(
        "vatwatch_journal_entries", "Snapshots in the journal.", labels=["state"]
    )
    for state in ("pending", "archived", "quarantined"):
        entries.add_metric([state], getattr(journal, state))
    yield entries
    yield gauge("journal_bytes", "Size of the journal with its archive.", journal.bytes)
    yield gauge("journal_limit_bytes", "Upper bound of the size of the journal.", journal.max_bytes)
    cache = reports.status_of(CacheStatus)
    yield gauge("cache_bytes", "Size of the encoded live state.", cache.bytes)
    yield gauge("cache_reachable", "Whether Redis answers, if there is one.", cache.reachable)


def _of_reads(history: HistoryStatus) -> Iterator[Metric]:
    """Nothing without a replica."""
    reads = history.reads
    if reads is None:
        return
    answers = reads.answers == "replica"
    yield gauge("replica_answers", "Whether the replica answers, not the primary for it.", answers)
    if reads.lag_s is not None:
        yield gauge("replica_lag_seconds", "Since when the replica is behind.", reads.lag_s)
    text = "Questions that the primary answered because the replica could not."
    yield counter("replica_fallbacks", text, history.fallbacks)


def _of_events(reports: Reports) -> Iterator[Metric]:
    published = CounterMetricFamily(
        "vatwatch_events_published", "Events published.", labels=["type"]
    )
    for kind, count in reports.status_of(EventBusStatus).by_type.items():
        published.add_metric([kind], count)
    yield published
    errors = reports.status_of(ErrorStatus)
    yield counter("failures", "Failures that were reported to the error manager.", errors.failures)


def _of_settings(reports: Reports) -> Iterator[Metric]:
    config = reports.status_of(ConfigStatus)
    yield counter("settings_reloads", "Changes of settings while it runs.", config.reloads)
    yield counter("settings_rejections", "Changed settings that were refused.", config.rejections)
    yield gauge("settings_faults", "Faults in the settings' files now.", len(config.faults))


def _stage(node: NodeInfo) -> StageInfo:
    queued = 0 if node.mailbox is None else node.mailbox.depth
    return StageInfo(node.name, node.handled, queued, node.latency)
