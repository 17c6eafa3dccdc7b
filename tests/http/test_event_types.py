"""Which types of events are wanted, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from falcon import testing

from tests.supervision.helpers import root, running
from vatwatch.actors.event_bus import EventBusActor
from vatwatch.actors.health_monitor import HealthMonitorActor
from vatwatch.http.access import Access
from vatwatch.http.app import create_app
from vatwatch.http.service import Service
from vatwatch.messages import Publish
from vatwatch.supervision import worker
from vatwatch.traffic.events import Event, ServicePayload

TYPES = ("SERVICE_STARTED", "SERVICE_STOPPED", "ERROR_OCCURRED")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [*reversed(TYPES)]),
        ("type=SERVICE_STOPPED", ["SERVICE_STOPPED"]),
        ("type=SERVICE_STARTED,SERVICE_STOPPED", ["SERVICE_STOPPED", "SERVICE_STARTED"]),
        ("type=service_started,nothing", ["SERVICE_STARTED"]),
        ("type=SERVICE_STARTED&type=ERROR_OCCURRED", ["ERROR_OCCURRED", "SERVICE_STARTED"]),
        ("type=SERVICE_STARTED,SERVICE_STOPPED&limit=1", ["SERVICE_STOPPED"]),
    ],
)
def test_events_of_all_the_types_that_are_wanted_are_found(query: str, found: list[str]) -> None:
    spec = root(
        worker("event_bus", EventBusActor, max_history_size=10),
        worker("health_monitor", HealthMonitorActor, {}, interval_s=3600),
    )
    with running(spec) as (tree, _):
        now = datetime.now(UTC)
        events = tuple(
            Event(uuid4(), kind, now, "test", "", ServicePayload("vatwatch/test")) for kind in TYPES
        )
        tree.directory.address("event_bus").tell(Publish(events, stored=True))
        client = testing.TestClient(create_app(Service(tree, now, Access([], rate="1/minute"))))
        answer = client.simulate_get("/api/events", query_string=query).json
        assert [event["type"] for event in answer["events"]] == found
        assert answer["count"] == len(found)
