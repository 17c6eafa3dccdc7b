"""Health of the whole: for people (`/api/status`), process monitors, load balancers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar, Literal

import falcon
from msgspec import Struct

from vatwatch import __version__
from vatwatch.cluster.node import ClusterNode
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.nodes import listed, of_collector
from vatwatch.http.problems import RETRY_AFTER_S
from vatwatch.http.services import ServicePart, service_parts
from vatwatch.live.records import Collection
from vatwatch.messages import GetLive
from vatwatch.messages.status import (
    CacheStatus,
    FetcherStatus,
    JournalStatus,
    PostgresStatus,
    ProcessorStatus,
    ResourceStatus,
    StoreStatus,
)


class FeedPart(Struct, frozen=True):
    """How old the live state is, and the state of the feed. Ages are seconds by the wall clock."""

    update_timestamp: datetime | None
    age_s: float | None
    frozen: bool
    recovered: bool
    reachable: bool
    source: str
    last_outcome: str
    last_error: str
    last_polled_at: datetime | None
    next_poll_at: datetime | None
    outcomes: dict[str, int]


class LiveCounts(Struct, frozen=True):
    """What the live state holds, and what was stored since the start."""

    pilots: int
    controllers: int
    atis: int
    prefiles: int
    snapshots_stored: int


class DatabasePart(Struct, frozen=True):
    """The database: embedded or external."""

    store: StoreStatus
    embedded: PostgresStatus | None


class StatusBody(Struct, frozen=True):
    """The answer of /api/status."""

    status: str
    reason: str
    version: str
    started_at: datetime
    uptime_s: float
    feed: FeedPart
    counts: LiveCounts
    services: dict[str, ServicePart]
    database: DatabasePart
    cache: CacheStatus
    journal: JournalStatus
    processor: ProcessorStatus
    since: datetime
    resources: ResourceStatus
    nodes: tuple[ClusterNode, ...]


class Alive(Struct, frozen=True):
    """The worker answers."""

    status: Literal["alive"] = "alive"


class Ready(Struct, frozen=True):
    """A live state can be served."""

    status: Literal["ready"] = "ready"


@of_collector("GET")
class StatusResource(BaseResource):
    """`GET /api/status`: the health of the whole and of each part, in one answer."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The health of the whole and of each part, in one answer.",
        tag=Tag.SERVICE,
        answers={200: StatusBody},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Always 200, so that it can be read. Load balancers use `/readyz`."""
        reports = self._service.reports()
        now = datetime.now(UTC)
        fetcher = reports.status_of(FetcherStatus)
        cache = reports.status_of(CacheStatus)
        store = reports.status_of(StoreStatus)
        processor = reports.status_of(ProcessorStatus)
        embedded = reports.status_of(PostgresStatus) if store.kind == "embedded" else None
        body = StatusBody(
            status=reports.health.value,
            reason=reports.reason,
            version=__version__,
            started_at=self._service.started_at,
            uptime_s=self._service.uptime_s,
            feed=_feed(fetcher, cache, processor, now),
            counts=LiveCounts(
                pilots=cache.pilots,
                controllers=cache.controllers,
                atis=cache.atis,
                prefiles=cache.prefiles,
                snapshots_stored=store.stored,
            ),
            services=dict(service_parts(self._service, reports)),
            database=DatabasePart(store, embedded),
            cache=cache,
            journal=reports.status_of(JournalStatus),
            processor=processor,
            since=reports.whole.since,
            resources=reports.status_of(ResourceStatus),
            nodes=listed(self._service, reports),
        )
        send_json(resp, body)


class HealthzResource(BaseResource):
    """Alive: this worker answers."""

    scopes: ClassVar[Scopes] = {"GET": None}

    @describe("Whether this worker answers.", tag=Tag.SERVICE, answers={200: Alive})
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Always 200."""
        send_json(resp, Alive())


class ReadyzResource(BaseResource):
    """Ready: a live state can be served."""

    scopes: ClassVar[Scopes] = {"GET": None}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Whether a live state can be served.",
        tag=Tag.SERVICE,
        answers={200: Ready},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """200 once a live state was fetched or recovered, else 503 with the reason."""
        # Ask the cache itself: its last report may be old, or missing.
        table = self._service.ask("cache", GetLive())
        if table is None or Collection.NETWORK not in table.bodies:
            fetcher = self._service.reports().status_of(FetcherStatus)
            reason = fetcher.last_error or "nothing has been fetched or recovered yet"
            raise falcon.HTTPServiceUnavailable(
                description=f"No live state to serve: {reason}.", retry_after=RETRY_AFTER_S
            )
        send_json(resp, Ready())


def _feed(
    fetcher: FetcherStatus, cache: CacheStatus, processor: ProcessorStatus, now: datetime
) -> FeedPart:
    age_s = None
    if cache.update_timestamp is not None:
        age_s = round((now - cache.update_timestamp).total_seconds(), 1)
    return FeedPart(
        update_timestamp=cache.update_timestamp,
        age_s=age_s,
        frozen=fetcher.frozen,
        recovered=cache.recovered,
        reachable=fetcher.reachable,
        source=fetcher.source,
        last_outcome=fetcher.last_outcome,
        last_error=fetcher.last_error,
        last_polled_at=fetcher.last_polled_at,
        next_poll_at=fetcher.next_poll_at,
        outcomes={
            **fetcher.outcomes,
            # Bodies that were fetched, and that only the processor has read.
            **{f"transceivers_{why}": n for why, n in processor.radios_unreadable.items()},
        },
    )
