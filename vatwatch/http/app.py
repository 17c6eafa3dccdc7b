"""The Falcon app: which resource answers where."""

from __future__ import annotations

from typing import Any

import falcon

from vatwatch.http.access import AuditTrail
from vatwatch.http.alerts import AlertsResource
from vatwatch.http.app_context import AppContext
from vatwatch.http.bounds import Bounds
from vatwatch.http.config import ConfigResource, ReloadResource
from vatwatch.http.connection import Connections
from vatwatch.http.cors import CrossOrigin
from vatwatch.http.errors import (
    BreakersResource,
    ErrorAnalyticsResource,
    ErrorsResource,
    RecoveryResource,
    TrendsResource,
)
from vatwatch.http.events import (
    AnalyticsResource,
    EventsResource,
    LetterResource,
    LettersResource,
    RedeliverResource,
    SchemasResource,
)
from vatwatch.http.health import (
    CacheHealthResource,
    DatabaseHealthResource,
)
from vatwatch.http.live import (
    CollectionResource,
    RecordResource,
    TrackResource,
    add_callsigns_with_slashes,
)
from vatwatch.http.metrics import PerformanceResource, PrometheusResource, SubjectResource
from vatwatch.http.params import KnownParameters
from vatwatch.http.problems import App, add_error_handlers
from vatwatch.http.request_counts import RequestCounts
from vatwatch.http.request_ids import RequestIds
from vatwatch.http.services import (
    ServiceHealthResource,
    ServicesHealthResource,
    ServicesResource,
)
from vatwatch.http.status import HealthzResource, ReadyzResource, StatusResource
from vatwatch.http.supervision import FaultsResource, NodeResource, TreeResource
from vatwatch.live.records import Collection
from vatwatch.messages.status import (
    CacheStatus,
    ErrorStatus,
    EventBusStatus,
    HistoryStatus,
    JournalStatus,
    PostgresStatus,
    StoreStatus,
)


def create_app(service: AppContext) -> App:
    """The WSGI app of one process."""
    requests = RequestCounts()
    bounds = Bounds(service.read_rate, service.trusted_proxies)
    origins = CrossOrigin(service.cors_origins)
    # The first is the outermost, so requests that the others refuse also have an id and are
    # counted.
    middleware: list[Any] = [
        RequestIds(),
        requests,
        AuditTrail(service.authorization.audit),
        bounds,
        Connections(),
        KnownParameters(),
        origins,
    ]
    service.on_change += [bounds.change, origins.change]
    app = falcon.App(middleware=middleware)
    add_error_handlers(app)
    app.add_route("/healthz", HealthzResource())
    app.add_route("/readyz", ReadyzResource(service))
    app.add_route("/api/status", StatusResource(service))
    app.add_route("/api/services", ServicesResource(service))
    app.add_route("/api/services/health", ServicesHealthResource(service))
    app.add_route("/api/services/{name}/health", ServiceHealthResource(service))
    app.add_route("/api/database/health", DatabaseHealthResource(service))
    app.add_route("/api/cache/health", CacheHealthResource(service))
    app.add_route("/api/config", ConfigResource(service))
    app.add_route("/api/config/reload", ReloadResource(service))
    app.add_route("/api/alerts", AlertsResource(service))
    app.add_route("/api/flights", CollectionResource(service, Collection.FLIGHTS))
    flight, track = RecordResource(service, Collection.FLIGHTS), TrackResource(service)
    app.add_route("/api/flights/{callsign}", flight)
    app.add_route("/api/flights/{callsign}/track", track)
    # The last one is tried first: a track before a record.
    add_callsigns_with_slashes(app, "/api/flights", flight)
    add_callsigns_with_slashes(app, "/api/flights", track, "/track")
    app.add_route("/api/controllers", CollectionResource(service, Collection.CONTROLLERS))
    controller = RecordResource(service, Collection.CONTROLLERS)
    app.add_route("/api/controllers/{callsign}", controller)
    add_callsigns_with_slashes(app, "/api/controllers", controller)
    app.add_route("/api/atis", CollectionResource(service, Collection.ATIS))
    app.add_route("/api/prefiles", CollectionResource(service, Collection.PREFILES))
    app.add_route("/api/transceivers", CollectionResource(service, Collection.TRANSCEIVERS))
    app.add_route("/api/network", CollectionResource(service, Collection.NETWORK))
    app.add_route("/api/events", EventsResource(service))
    app.add_route("/api/metrics/performance", PerformanceResource(service, requests))
    app.add_route("/api/metrics/errors", SubjectResource(service, ErrorStatus))
    app.add_route("/api/metrics/events", SubjectResource(service, EventBusStatus))
    app.add_route(
        "/api/metrics/database",
        SubjectResource(
            service,
            StoreStatus,
            HistoryStatus,
            JournalStatus,
            PostgresStatus,
            breakers="PostgreSQL",
        ),
    )
    app.add_route("/api/metrics/cache", SubjectResource(service, CacheStatus, breakers="Redis"))
    app.add_route("/metrics", PrometheusResource(service, requests))
    app.add_route("/api/events/analytics", AnalyticsResource(service))
    app.add_route("/api/events/schemas", SchemasResource())
    app.add_route("/api/events/dead-letters", LettersResource(service))
    app.add_route("/api/events/dead-letters/{letter_id}", LetterResource(service))
    app.add_route("/api/events/dead-letters/{letter_id}/redeliver", RedeliverResource(service))
    app.add_route("/api/errors", ErrorsResource(service))
    app.add_route("/api/errors/analytics", ErrorAnalyticsResource(service))
    app.add_route("/api/errors/circuit-breakers", BreakersResource(service))
    app.add_route("/api/errors/recovery", RecoveryResource(service))
    app.add_route("/api/errors/trends", TrendsResource(service))
    app.add_route("/api/supervision/tree", TreeResource(service))
    app.add_route("/api/supervision/faults", FaultsResource(service))
    app.add_route("/api/supervision/{path:path}", NodeResource(service))
    return app
