"""pg_auto_failover promotes the other server, and nothing is lost meanwhile."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import gevent
import pytest

from tests.actors.harness import running, until
from tests.feed_server import FeedServer
from tests.ha.auto_failover import auto_failover
from tests.several_nodes import TURNS, timed
from vatwatch.messages.status import FetcherStatus, JournalStatus

# An update of the feed comes this often, at most.
UPDATE_S = 0.3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("turn", TURNS)
def test_no_snapshot_is_lost_when_the_host_of_the_primary_dies(turn: int, tmp_path: Path) -> None:
    with (
        FeedServer(pilots=20) as feeds,
        auto_failover() as servers,
        running(
            tmp_path,
            servers.dsn,
            feeds=feeds,
            look_at=f"{servers.dsn} target_session_attrs=read-write connect_timeout=2",
        ) as service,
    ):
        published: list[datetime] = []

        def was_fetched() -> bool:
            seen = service.status("fetcher", FetcherStatus).last_update_timestamp
            return not published or seen == published[-1]

        def go_on() -> None:
            while True:
                published.append(service.next_update())
                until(was_fetched)
                gevent.sleep(UPDATE_S)

        service.until_next_is_through()
        traffic = gevent.spawn(go_on)
        until(lambda: len(service.sql.snapshots()) > 5 + turn % 5)
        servers.kill("a")
        with timed("pg_auto_failover, the host of the primary is killed"):
            killed_at = published[-1]
            until(lambda: any(stored > killed_at for stored in service.sql.snapshots()))
        traffic.kill()
        until(was_fetched)
        until(lambda: set(published) <= set(service.sql.snapshots()), "each is stored")
        stored = service.sql.snapshots()
        assert len(stored) == len(set(stored))
        until(lambda: service.status("journal", JournalStatus).pending == 0)
        assert service.sql("SELECT pg_is_in_recovery()") == [(False,)]
        assert servers.states()["b"] in ("wait_primary", "primary", "stop_replication")
