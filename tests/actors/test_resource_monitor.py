"""The resource monitor in the real tree: real memory, real files, a disk that seems to fill up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.actors.harness import (
    PATIENCE_S,
    Poison,
    Running,
    as_url,
    running,
    settings_for,
    until,
)
from tests.actors.test_snapshot import time_of, updates
from vatwatch.events.event import Event, EventFilter
from vatwatch.messages import GetEvents
from vatwatch.messages.status import JournalStatus, ResourceStatus
from vatwatch.supervision import ChildSpec, SupervisorSpec, Tree
from vatwatch.system import declare

MEGABYTE = 1024 * 1024
FAST: dict[str, object] = {"VATWATCH_RESOURCE_INTERVAL": 0.05}


def resources(service: Running) -> ResourceStatus:
    return service.status("resource_monitor", ResourceStatus)


def journal(service: Running) -> JournalStatus:
    return service.status("journal", JournalStatus)


def with_kwargs(spec: Any, name: str, **kwargs: object) -> Any:
    """The spec with something else given to one worker."""
    if isinstance(spec, SupervisorSpec):
        children = tuple(with_kwargs(child, name, **kwargs) for child in spec.children)
        return replace(spec, children=children)
    assert isinstance(spec, ChildSpec)
    return replace(spec, kwargs={**spec.kwargs, **kwargs}) if spec.name == name else spec


@contextmanager
def on_a_disk(home: Path, database_url: str, free_mb: Callable[[], float]) -> Iterator[Running]:
    """A service on a disk with so much free; soft 100 MiB, hard 50."""
    limits = {"VATWATCH_DISK_SOFT_MB": 100, "VATWATCH_DISK_HARD_MB": 50}
    settings = settings_for(
        home, DATABASE_URL=as_url(database_url), VATSIM_POLL_INTERVAL=15, **{**FAST, **limits}
    )
    spec = declare(settings, polls=False)
    seems = lambda _home: int(free_mb() * MEGABYTE)  # noqa: E731
    tree = Tree(with_kwargs(spec, "resource_monitor", free=seems))
    service = Running(tree, settings, None, database_url)
    tree.start()
    try:
        yield service
    finally:
        tree.stop(PATIENCE_S)


def test_a_full_disk_costs_the_archive_first_and_never_a_pending_entry(
    tmp_path: Path, database_url: str
) -> None:
    given, disk = updates(6), {"free": 1000.0}
    with on_a_disk(tmp_path, database_url, lambda: disk["free"]) as service:
        for publication in given[:4]:
            service.hand_in(publication)
        until(lambda: (journal(service).archived, journal(service).pending) == (4, 0))

        # Soft: the oldest go, as many as it takes; the reading is a little below the limit.
        disk["free"] = 109.99
        until(lambda: resources(service).readings["disk"] == 109.99)
        assert journal(service).archived == 4  # not yet at the limit
        disk["free"] = 100.0
        until(lambda: resources(service).levels["disk"] == "soft")
        until(lambda: journal(service).archived < 4)
        reason = service.reason("resource_monitor")
        assert "disk is past its soft limit" in reason
        assert "oldest" in reason

        # Hard limit: only the newest entry is kept, and nothing new; the service still runs.
        disk["free"] = 10.0
        until(lambda: not journal(service).keeps_archive)
        assert service.http.simulate_get("/api/services/resource_monitor/health").status_code == 503
        service.hand_in(given[4])
        service.until_stored(time_of(given[4]))
        until(lambda: (journal(service).archived, journal(service).pending) == (1, 0))

        # Back within the hysteresis nothing changes; beyond it all is undone.
        disk["free"] = 105.0
        until(lambda: resources(service).levels["disk"] == "soft")
        assert not journal(service).keeps_archive
        disk["free"] = 111.0
        until(lambda: resources(service).levels["disk"] == "normal")
        until(lambda: journal(service).keeps_archive)
        service.hand_in(given[5])
        until(lambda: journal(service).archived == 2)
        assert resources(service).steps == ()


def test_a_restarted_journal_is_told_again_that_the_disk_is_full(
    tmp_path: Path, database_url: str
) -> None:
    with on_a_disk(tmp_path, database_url, lambda: 1.0) as service:
        until(lambda: not journal(service).keeps_archive)
        restarts = service.node("journal").restarts_total
        service.tree.directory.address("journal").tell(Poison())
        until(lambda: service.node("journal").restarts_total > restarts)
        until(lambda: not journal(service).keeps_archive)


def test_memory_that_is_short_shortens_the_history_and_gets_it_back(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(6)
    rss_mb = psutil.Process().memory_info().rss / MEGABYTE
    limits = {"VATWATCH_MEMORY_SOFT_MB": rss_mb + 300, "VATWATCH_MEMORY_HARD_MB": 10**9}
    with running(tmp_path, database_url, **{**FAST, **limits}) as service:
        for publication in given[:5]:
            service.hand_in(publication)
        service.until_stored(time_of(given[4]))
        until(lambda: len(told(service)) > 100)
        ballast = bytearray(os.urandom(MEGABYTE)) * 600
        until(lambda: len(resources(service).steps) == 2, "both steps are taken")
        until(lambda: len(told(service)) == 100)
        assert "memory" in service.reason("resource_monitor")
        del ballast
        until(lambda: resources(service).levels["memory"] == "normal")
        assert resources(service).steps == ()

        service.hand_in(given[5])
        until(lambda: len(told(service)) > 100, "the history grows again")


def told(service: Running) -> tuple[Event, ...]:
    """The events in memory."""
    bus = service.tree.directory.address("event_bus")
    return bus.ask(GetEvents(EventFilter(), 10_000), timeout_s=PATIENCE_S)


@pytest.mark.parametrize("wanted", [False, True])
def test_the_worker_is_replaced_as_the_last_resort_once_and_only_if_that_is_wanted(
    wanted: bool, tmp_path: Path, database_url: str
) -> None:
    asked: list[str] = []
    settings = settings_for(
        tmp_path,
        DATABASE_URL=as_url(database_url),
        VATSIM_POLL_INTERVAL=15,
        VATWATCH_MEMORY_HARD_MB=1,
        VATWATCH_MEMORY_REPLACE_WORKER="on" if wanted else "off",
        **FAST,
    )
    tree = Tree(declare(settings, polls=False, replace_worker=asked.append))
    service = Running(tree, settings, None, database_url)
    tree.start()
    try:
        steps = 3 if wanted else 2
        until(lambda: len(resources(service).steps) == steps)
        looks = service.node("resource_monitor").handled
        until(lambda: service.node("resource_monitor").handled > looks + 5)
    finally:
        tree.stop(PATIENCE_S)
    assert len(asked) == wanted


def test_a_worker_that_is_over_the_limit_again_at_once_is_not_replaced_again(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    settings = settings_for(
        tmp_path,
        DATABASE_URL=as_url(database_url),
        VATSIM_POLL_INTERVAL=15,
        VATWATCH_MEMORY_HARD_MB=1,
        VATWATCH_MEMORY_REPLACE_WORKER="on",
        **FAST,
    )
    for _ in range(3):  # each is the worker after the one before
        tree = Tree(declare(settings, polls=False, replace_worker=asked.append))
        service = Running(tree, settings, None, database_url)
        tree.start()
        try:
            until(lambda: len(resources(service).steps) == 3)  # noqa: B023
            looks = service.node("resource_monitor").handled
            until(lambda: service.node("resource_monitor").handled > looks + 5)  # noqa: B023
        finally:
            tree.stop(PATIENCE_S)
    assert len(asked) == 1
    assert "VATWATCH_MEMORY_HARD_MB (1 MiB)" in asked[0]
    assert caplog.text.count("it is replaced every 30 minutes at most") == 2


def test_the_processor_is_not_judged_while_the_service_starts(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url, **FAST) as service:
        until(lambda: resources(service).readings.get("cpu", 0) > 0)
        assert resources(service).levels["cpu"] == "normal"
        assert "cpu" not in service.reason("resource_monitor")


def test_useless_files_go_on_a_schedule_and_useful_ones_stay(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    (home / "journal" / "pending").mkdir(parents=True)
    empty = home / "journal" / "archive" / "2020" / "01" / "02"
    long_ago = time.time() - 10 * 86_400
    stale, fresh = home / "old.tmp", home / "new.tmp"
    audit = home / "audit.log"
    audit.parent.mkdir(parents=True, exist_ok=True)
    for file in (stale, fresh):
        file.write_text("x")
    os.utime(stale, (long_ago, long_ago))
    audit.write_bytes(b"x" * 2 * MEGABYTE)
    environment = {"VATWATCH_CLEANUP_INTERVAL": 0.1, "VATWATCH_LOG_MAX_MB": 1}
    with running(tmp_path, database_url, **{**FAST, **environment}) as service:
        empty.mkdir(parents=True)
        torn = home / "journal" / "high-water.tmp"
        torn.write_text("1")
        os.utime(torn, (long_ago, long_ago))
        until(lambda: not stale.exists() and not torn.exists() and not empty.exists())
        until(lambda: (home / "audit.log.1").exists())
        until(lambda: not (home / "journal" / "archive" / "2020").exists())
        assert (home / "journal" / "archive").exists()
        assert fresh.exists()
        until(lambda: not audit.exists())
        until(lambda: resources(service).cleaned >= 2)
        service.hand_in(updates(1)[0])
        service.until_stored(time_of(updates(1)[0]))


def test_readings_are_shown_with_their_limits(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, database_url, **FAST) as service:
        status = until(lambda: resources(service) if resources(service).readings else None)
        assert set(status.readings) >= {"memory", "cpu", "descriptors", "disk", "hub"}
        until(lambda: "journal" in resources(service).readings)
        assert status.limits["memory"]["soft"] <= status.limits["memory"]["hard"]
        assert status.greenlets > 10
        assert status.threads >= 1
