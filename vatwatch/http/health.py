"""Health of the database and of the cache: 200 while they serve, 503 while they do not.

The body has the same form with either status; it is a problem document only if the health is not
known.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter

import falcon
from msgspec import Struct

from vatwatch.counting import counted
from vatwatch.errors import SupervisionError
from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.describe import Tag, describe
from vatwatch.http.nodes import of_collector
from vatwatch.http.services import send_health
from vatwatch.messages import InspectCache, InspectDatabase
from vatwatch.messages.pool_status import PoolStatus
from vatwatch.messages.reads_status import ReadsStatus
from vatwatch.messages.status import (
    CacheReport,
    CacheStatus,
    DatabaseReport,
    JournalStatus,
    StoreStatus,
)
from vatwatch.monitoring.health import Health


class LagPart(Struct, frozen=True):
    """Snapshots that were fetched and are not in the database yet."""

    pending: int
    pending_bytes: int
    oldest: datetime | None
    oldest_age_s: float | None


class DatabaseBody(Struct, frozen=True):
    """The answer of /api/database/health. `latency_ms` is of a SELECT that was made just now."""

    status: str
    reason: str
    since: datetime | None
    kind: str
    server_version: str
    latency_ms: float | None
    size_bytes: int | None
    connections: int | None
    max_connections: int | None
    migrations: tuple[str, ...]
    store_breaker: str
    last_write_ms: float | None
    writer_pool: PoolStatus | None
    reader_pool: PoolStatus | None
    reads: ReadsStatus | None
    lag: LagPart


class CacheBody(Struct, frozen=True):
    """The answer of /api/cache/health.

    `hits`, `misses` and `hit_rate` (none before the first) count what was read from `backend`: of
    Redis the collections that a start looked for, of the process the questions, which are hits if
    there was a live state. `process_hits` and `process_misses` count the questions with either.
    `redis_server` is where the Redis is that answers (host and port, or a socket), behind sentinels
    the master that they have named last; empty without one.
    `latency_ms` is the time until the cache had answered, Redis included; `bytes` are those in
    this process.
    """

    status: str
    reason: str
    since: datetime | None
    backend: str
    update_timestamp: datetime | None
    hits: int
    misses: int
    hit_rate: float | None
    process_hits: int
    process_misses: int
    bytes: int
    latency_ms: float | None
    redis_server: str
    redis_latency_ms: float | None
    redis_used_bytes: int | None
    redis_error: str


@of_collector("GET")
class DatabaseHealthResource(BaseResource):
    """PostgreSQL, asked now, and the snapshots that wait for it."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The health of PostgreSQL, asked now, and the snapshots that wait for it.",
        tag=Tag.SERVICE,
        answers={200: DatabaseBody, 503: DatabaseBody},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """503 while it does not answer."""
        reports = self._service.reports()
        try:
            found = self._service.ask("history", InspectDatabase())
        except SupervisionError as error:
            found = DatabaseReport(error=str(error))
        store = reports.status_of(StoreStatus)
        lag = _lag(reports.status_of(JournalStatus))
        health, reason = _health_of_database(found, store, lag)
        part = reports.parts.get("postgresql")
        body = DatabaseBody(
            status=health.value,
            reason=reason,
            since=None if part is None else part.since,
            kind=store.kind,
            server_version=store.server_version,
            latency_ms=found.latency_ms and round(found.latency_ms, 3),
            size_bytes=found.size_bytes,
            connections=found.connections,
            max_connections=found.max_connections,
            migrations=found.migrations,
            store_breaker=store.breaker,
            last_write_ms=store.last_write_ms,
            writer_pool=store.pool,
            reader_pool=found.pool,
            reads=found.reads,
            lag=lag,
        )
        send_health(resp, body, health)


@of_collector("GET")
class CacheHealthResource(BaseResource):
    """The live state, and Redis, asked now."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The health of the live state, and of Redis, asked now.",
        tag=Tag.SERVICE,
        answers={200: CacheBody, 503: CacheBody},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """503 while nothing can be served from it; a Redis that is away only degrades it."""
        reports = self._service.reports()
        status = reports.status_of(CacheStatus)
        found = CacheReport()
        unanswered = ""
        began = perf_counter()
        try:
            found = self._service.ask("cache", InspectCache())
        except SupervisionError as error:
            unanswered = str(error)
        latency_ms = (perf_counter() - began) * 1000
        health, reason = _health_of_cache(found, status, unanswered)
        part = reports.parts.get("cache")
        hits, misses = found.hits, found.misses
        if status.backend == "redis":
            hits, misses = found.redis_hits, found.redis_misses
        body = CacheBody(
            status=health.value,
            reason=reason,
            since=None if part is None else part.since,
            backend=status.backend,
            update_timestamp=status.update_timestamp,
            hits=hits,
            misses=misses,
            hit_rate=round(hits / (hits + misses), 4) if hits + misses else None,
            process_hits=found.hits,
            process_misses=found.misses,
            bytes=status.bytes,
            latency_ms=None if unanswered else round(latency_ms, 3),
            redis_server=found.redis_server,
            redis_latency_ms=found.redis_latency_ms and round(found.redis_latency_ms, 3),
            redis_used_bytes=found.redis_used_bytes,
            redis_error=found.redis_error,
        )
        send_health(resp, body, health)


def _health_of_database(
    found: DatabaseReport, store: StoreStatus, lag: LagPart
) -> tuple[Health, str]:
    waits = counted(lag.pending, "snapshot waits", "snapshots wait") + " in the journal"
    if found.error:
        # While a breaker is open, the store knows the reason better.
        return Health.UNHEALTHY, f"{store.last_error or found.error}; {waits}"
    if not store.reachable:
        return Health.DEGRADED, f"the writer is not back yet: {store.last_error}; {waits}"
    if lag.pending > 1:
        return Health.DEGRADED, f"{waits}, and are being written"
    if found.reads is not None and found.reads.since is not None:
        return Health.DEGRADED, f"the primary answers for the replica: {found.reads.reason}"
    return Health.HEALTHY, ""


def _health_of_cache(
    found: CacheReport, status: CacheStatus, unanswered: str
) -> tuple[Health, str]:
    """`unanswered`: why the cache did not answer; empty if it did."""
    if unanswered:
        return Health.UNHEALTHY, unanswered
    if status.update_timestamp is None:
        return Health.UNHEALTHY, "there is no live state to serve yet"
    if found.redis_error:
        return Health.DEGRADED, f"Redis is away: {found.redis_error}"
    return Health.HEALTHY, ""


def _lag(journal: JournalStatus) -> LagPart:
    oldest = journal.oldest_pending
    age_s = None if oldest is None else round((datetime.now(UTC) - oldest).total_seconds(), 1)
    return LagPart(journal.pending, journal.pending_bytes, oldest, age_s)
