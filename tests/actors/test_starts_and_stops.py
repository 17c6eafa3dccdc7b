"""Each part that starts and stops is an event, also of those that stop last."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest

from tests.actors.harness import Query, Running, running, until
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import FeedServer
from vatwatch.supervision import Fault, FaultKind

EVENTS = """
SELECT payload->>'path', payload->>'reason' FROM events
WHERE type = %s AND time < %s ORDER BY time
"""


def kept(sql: Query, kind: str, before: datetime) -> list[tuple[str, str]]:
    try:
        return [(path, why) for path, why in sql(EVENTS, kind, before)]
    except psycopg2.errors.UndefinedTable:
        return []  # not there yet


def second_start(service: Running) -> datetime:
    """When the process began that looks at the events of the one before it."""
    return service.service.started_at


def paths_of(service: Running) -> list[str]:
    """Of every part but the root, which is started with the process."""
    return [node.path for node in service.tree.snapshot().walk() if "/" in node.path]


def test_every_part_that_was_started_is_told_stopped_once_in_reverse_order(
    tmp_path: Path, empty_database_url: str
) -> None:
    with (
        FeedServer(pilots=5) as feeds,
        running(tmp_path, empty_database_url, feeds=feeds) as service,
    ):
        service.until_next_is_through()
        paths = paths_of(service)
    with (
        FeedServer(pilots=5) as feeds,
        running(tmp_path, empty_database_url, feeds=feeds) as service,
    ):
        end, sql = second_start(service), service.sql
        until(lambda: len(kept(sql, "SERVICE_STOPPED", end)) >= len(paths), "all are told stopped")
        started = [path for path, _ in kept(sql, "SERVICE_STARTED", end)]
        stopped = kept(sql, "SERVICE_STOPPED", end)
    assert Counter(started) == Counter(paths) == Counter(path for path, _ in stopped)
    # A supervisor starts and stops after its children; all stop in the reverse order of the tree.
    workers = [path for path in paths if path.count("/") == 2]
    assert [path for path, _ in reversed(stopped) if path in workers] == workers
    at_once = [path for path in workers if "/pipeline/" not in path]
    assert [path for path in started if path in at_once] == at_once
    assert {why for _, why in stopped} == {"stopped"}


def test_stops_are_told_later_when_no_database_was_there_to_take_them(
    tmp_path: Path, empty_database_url: str
) -> None:
    with FeedServer(pilots=5) as feeds, running(tmp_path, NOWHERE, feeds=feeds) as service:
        paths = paths_of(service)
    with (
        FeedServer(pilots=5) as feeds,
        running(tmp_path, empty_database_url, feeds=feeds) as service,
    ):
        end, sql = second_start(service), service.sql
        until(lambda: len(kept(sql, "SERVICE_STOPPED", end)) >= len(paths), "all are told stopped")
        assert Counter(path for path, _ in kept(sql, "SERVICE_STOPPED", end)) == Counter(paths)


@pytest.mark.parametrize("late", ["vatwatch/data/history", "vatwatch/core/event_bus"])
def test_a_part_that_is_killed_when_the_time_to_stop_is_up_is_told_stopped(
    tmp_path: Path, empty_database_url: str, late: str
) -> None:
    with FeedServer(pilots=5) as feeds:
        with running(tmp_path, empty_database_url, feeds=feeds) as service:
            service.until_next_is_through()
            paths = paths_of(service)
            service.tree.faults.inject(Fault(FaultKind.HANG, late.rpartition("/")[2]))
            until(lambda: service.tree.faults.injected, f"{late} hangs")
            assert not service.tree.stop(3.0)
        with running(tmp_path, empty_database_url, feeds=feeds) as service:
            end, sql = second_start(service), service.sql
            until(lambda: len(kept(sql, "SERVICE_STOPPED", end)) >= len(paths), "all")
            stopped = dict(kept(sql, "SERVICE_STOPPED", end))
    assert stopped[late].startswith("killed")
    assert {*stopped} == {*paths}


def test_a_replay_leaves_no_word_of_its_stop(tmp_path: Path, empty_database_url: str) -> None:
    with running(tmp_path, empty_database_url, feeds=None):
        pass
    assert not (tmp_path / "home" / "events.outbox").exists()
