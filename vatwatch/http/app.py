"""The Falcon app: which resource answers where."""

from __future__ import annotations

from typing import Any

from vatwatch.http.access import AuditTrail, ReadAccess
from vatwatch.http.alerts import AlertsResource
from vatwatch.http.app_context import AppContext
from vatwatch.http.boards import (
    AirportResource,
    AirportsResource,
    ApproachesResource,
    FirResource,
    FirsResource,
)
from vatwatch.http.bounds import Bounds
from vatwatch.http.config import ConfigResource, ReloadResource
from vatwatch.http.connection import Connections
from vatwatch.http.cors import CrossOrigin
from vatwatch.http.dead_letters import LetterResource, LettersResource, RedeliverResource
from vatwatch.http.described_app import DescribedApp
from vatwatch.http.documents import (
    DocsFileResource,
    DocsResource,
    Documents,
    OpenApiResource,
)
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
    SchemasResource,
)
from vatwatch.http.frequency_matches import (
    FlightContactsResource,
    FrequencyMatchesResource,
    SessionContactsResource,
)
from vatwatch.http.health import (
    CacheHealthResource,
    DatabaseHealthResource,
)
from vatwatch.http.keys import KeyResource, KeysResource
from vatwatch.http.known_keys import KnownKeys
from vatwatch.http.known_sessions import KnownSessions
from vatwatch.http.live import (
    AtisResource,
    ControllersResource,
    FlightsResource,
    NetworkResource,
    PrefilesResource,
    RecordResource,
    TransceiversResource,
    add_names_with_slashes,
)
from vatwatch.http.metrics import PerformanceResource, PrometheusResource
from vatwatch.http.nodes import OtherNodes
from vatwatch.http.page import PageFileResource, PageResource
from vatwatch.http.params import KnownParameters
from vatwatch.http.problems import add_error_handlers
from vatwatch.http.request_counts import RequestCounts
from vatwatch.http.request_ids import RequestIds
from vatwatch.http.sectors import OccupancyResource, SectorResource, SectorsResource
from vatwatch.http.services import (
    ServiceHealthResource,
    ServicesHealthResource,
    ServicesResource,
)
from vatwatch.http.session import SessionResource
from vatwatch.http.status import HealthzResource, ReadyzResource, StatusResource
from vatwatch.http.stream import StreamHub, StreamResource
from vatwatch.http.stream_places import StreamPlaces
from vatwatch.http.subject_metrics import (
    CacheMetrics,
    DatabaseMetrics,
    ErrorMetrics,
    EventMetrics,
    SubjectResource,
)
from vatwatch.http.subscriptions import (
    DeliveriesResource,
    RedeliveryResource,
    SubscriptionResource,
    SubscriptionsResource,
    SubscriptionTestResource,
)
from vatwatch.http.supervision import FaultsResource, NodeResource, TreeResource
from vatwatch.http.tracks import TrackResource
from vatwatch.live.records import Collection


def create_app(service: AppContext) -> DescribedApp:
    """The WSGI app of one process."""
    requests = RequestCounts()
    callers = service.authorization.callers
    callers.table = known_keys = KnownKeys(service)
    callers.sessions = known_sessions = KnownSessions(service)
    bounds = Bounds(
        service.read_rate, service.trusted_proxies, callers=callers, key_rate=service.key_rate
    )
    read_access = ReadAccess(callers, public_reads=service.public_reads)
    origins = CrossOrigin(service.cors_origins)
    # The first is the outermost, so requests that the others refuse also have an id and are
    # counted.
    middleware: list[Any] = [
        RequestIds(),
        requests,
        AuditTrail(service.authorization.audit),
        bounds,
        Connections(),
        read_access,
        KnownParameters(),
        origins,
        OtherNodes(service),
    ]
    service.on_change += [bounds.change, read_access.change, origins.change]
    app = DescribedApp(middleware=middleware)
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
    app.add_route("/api/session", SessionResource(service, known_sessions))
    app.add_route("/api/keys", KeysResource(service))
    app.add_route("/api/keys/{key_id}", KeyResource(service, known_keys))
    app.add_route("/api/flights", FlightsResource(service))
    flight, track = RecordResource(service, Collection.FLIGHTS), TrackResource(service)
    app.add_route("/api/flights/{callsign}", flight)
    app.add_route("/api/flights/{callsign}/track", track)
    # The last one is tried first: a track before a record.
    add_names_with_slashes(app, "/api/flights", flight)
    add_names_with_slashes(app, "/api/flights", track, "/track")
    app.add_route("/api/controllers", ControllersResource(service))
    controller = RecordResource(service, Collection.CONTROLLERS)
    app.add_route("/api/controllers/{callsign}", controller)
    add_names_with_slashes(app, "/api/controllers", controller)
    app.add_route("/api/atis", AtisResource(service))
    app.add_route("/api/prefiles", PrefilesResource(service))
    app.add_route("/api/transceivers", TransceiversResource(service))
    app.add_route("/api/network", NetworkResource(service))
    app.add_route("/api/airports", AirportsResource(service))
    app.add_route("/api/airports/{icao}", AirportResource(service))
    app.add_route("/api/firs", FirsResource(service))
    app.add_route("/api/firs/{fir}", FirResource(service))
    app.add_route("/api/approaches", ApproachesResource(service))
    app.add_route("/api/sectors", SectorsResource(service))
    sector = SectorResource(service)
    app.add_route("/api/sectors/{name}", sector)
    occupancy = OccupancyResource(service)
    app.add_route("/api/sectors/{name}/occupancy", occupancy)
    # The last one is tried first, as of flights.
    add_names_with_slashes(app, "/api/sectors", sector)
    add_names_with_slashes(app, "/api/sectors", occupancy, "/occupancy")
    app.add_route("/api/frequency-matches", FrequencyMatchesResource(service))
    app.add_route("/api/history/flights/{flight_id}/contacts", FlightContactsResource(service))
    app.add_route("/api/history/sessions/{session_id}/contacts", SessionContactsResource(service))
    app.add_route("/api/events", EventsResource(service))
    streams = StreamHub(
        service, StreamPlaces(service.stream_clients, service.stream_clients_per_address)
    )
    service.on_stop.append(streams.close)
    app.add_route("/api/stream", StreamResource(service, streams))
    app.add_route("/api/metrics/performance", PerformanceResource(service, requests))
    app.add_route("/api/metrics/errors", SubjectResource(service, ErrorMetrics))
    app.add_route("/api/metrics/events", SubjectResource(service, EventMetrics))
    app.add_route("/api/metrics/database", SubjectResource(service, DatabaseMetrics))
    app.add_route("/api/metrics/cache", SubjectResource(service, CacheMetrics))
    app.add_route("/metrics", PrometheusResource(service, requests, streams))
    app.add_route("/api/events/analytics", AnalyticsResource(service))
    app.add_route("/api/events/schemas", SchemasResource())
    app.add_route("/api/subscriptions", SubscriptionsResource(service))
    app.add_route("/api/subscriptions/{subscription_id}", SubscriptionResource(service))
    app.add_route("/api/subscriptions/{subscription_id}/test", SubscriptionTestResource(service))
    app.add_route("/api/subscriptions/{subscription_id}/deliveries", DeliveriesResource(service))
    app.add_route(
        "/api/subscriptions/{subscription_id}/deliveries/{delivery_id}/redeliver",
        RedeliveryResource(service),
    )
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
    documents = Documents(app.routes)
    app.add_route("/openapi.json", OpenApiResource(documents))
    app.add_route("/docs", DocsResource(documents))
    app.add_route("/docs/{file}", DocsFileResource())
    app.add_route("/", PageResource())
    app.add_route("/page/{file}", PageFileResource())
    return app
