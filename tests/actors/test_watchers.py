"""Work does not depend on its watchers: any of them may hang while many clients ask."""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest

from tests.feed_server import FeedServer
from vatwatch.supervision import ChildFailed, Fault, FaultKind
from vatwatch.supervision.public_lane import PUBLIC_CAPACITY

from .harness import PATIENCE_S, Running, running, until

# More than a mailbox of 1,000 holds: before questions had a lane of their own, they filled it.
CROWD = 1_100

ENDPOINTS = {
    "health_monitor": "/api/status",
    "event_bus": "/api/events/analytics",
    "error_manager": "/api/errors/analytics",
    "alerter": "/api/alerts",
}


def crowd(service: Running, path: str) -> list[gevent.Greenlet]:
    """All at once."""
    return [gevent.spawn(service.http.simulate_get, path) for _ in range(CROWD)]


@pytest.mark.parametrize("watcher", sorted(ENDPOINTS))
def test_no_work_stops_while_a_watcher_hangs_and_a_crowd_asks_it(
    watcher: str, tmp_path: Path, database_url: str
) -> None:
    with (
        FeedServer() as feeds,
        running(tmp_path, database_url, feeds=feeds, VATWATCH_HANDLER_DEADLINE=300) as service,
    ):
        service.until_next_is_through()
        service.tree.faults.inject(Fault(FaultKind.HANG, watcher, seconds=600))
        first = gevent.spawn(service.http.simulate_get, ENDPOINTS[watcher])
        until(lambda: not service.tree.faults.active(), "it hangs")
        asking = crowd(service, ENDPOINTS[watcher])
        for _ in range(5):
            service.until_next_is_through()
        mailbox = service.node(watcher).mailbox
        assert mailbox is not None
        assert mailbox.public_refused >= CROWD - PUBLIC_CAPACITY
        gevent.joinall([first, *asking], timeout=PATIENCE_S, raise_error=True)
        answers = [one.value for one in (first, *asking)]
        assert {answer.status_code for answer in answers} == {503}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert service.node(watcher).busy_s > 0
        assert not [notice for notice in service.notices if isinstance(notice, ChildFailed)]
