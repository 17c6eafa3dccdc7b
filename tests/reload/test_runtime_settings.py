"""Settings of breakers, deadlines, probes, resources and the journal, changed in a running tree."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.actors.harness import PATIENCE_S, Running, settings_for, until
from tests.actors.reloading import Reloading, reloading
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import DATA, FeedServer, status
from tests.reload.effects import takes_effect
from vatwatch.actors import snapshot_reader
from vatwatch.messages.status import FetcherStatus, JournalStatus, ResourceStatus
from vatwatch.supervision import Fault, FaultKind, State, Tree
from vatwatch.system import declare

ERROR = status("500 Internal Server Error")


def breaker_of_the_feed(one: Reloading) -> dict[str, object]:
    breakers = one.get("/api/errors/circuit-breakers")["breakers"]
    return dict(next(b for b in breakers if b["name"] == "VATSIM feed"))


@takes_effect("CIRCUIT_BREAKER_FAILURE_THRESHOLD")
def test_a_breaker_opens_at_the_threshold_that_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, CIRCUIT_BREAKER_FAILURE_THRESHOLD=100_000) as (one, feeds):
        feeds.say(DATA, always=ERROR)
        until(lambda: feeds.requests[DATA] > 5, "five polls fail")
        assert breaker_of_the_feed(one)["state"] == "closed"
        one.take_over(CIRCUIT_BREAKER_FAILURE_THRESHOLD=1)
        until(lambda: breaker_of_the_feed(one)["state"] == "open", "the breaker opens")


@takes_effect("CIRCUIT_BREAKER_TIMEOUT")
def test_a_breaker_that_is_open_is_tried_after_the_time_that_is_set_now(tmp_path: Path) -> None:
    given = {"CIRCUIT_BREAKER_MAX_TIMEOUT": 3600, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 1}
    with reloading(tmp_path, CIRCUIT_BREAKER_TIMEOUT=3600, **given) as (one, feeds):
        feeds.say(DATA, always=ERROR)
        until(lambda: breaker_of_the_feed(one)["state"] == "open", "it opens")
        feeds.say(DATA)
        one.take_over(CIRCUIT_BREAKER_TIMEOUT=0.2)
        until(lambda: breaker_of_the_feed(one)["state"] == "closed", "it is tried, and closes")


def suspend(one: Reloading, count: int = 200) -> None:
    one.running.tree.faults.inject(Fault(FaultKind.CRASH, "alerter", count=count))
    until(lambda: one.running.node("alerter").state is State.SUSPENDED, "its breaker is open")


@takes_effect("CIRCUIT_BREAKER_MAX_TIMEOUT")
def test_a_part_stays_suspended_for_as_long_as_is_set_now_at_most(tmp_path: Path) -> None:
    given = {"CIRCUIT_BREAKER_TIMEOUT": 0.2, "VATWATCH_ALERT_INTERVAL": 0.05}
    with reloading(tmp_path, CIRCUIT_BREAKER_MAX_TIMEOUT=100_000, **given) as (one, _feeds):

        def longest_s() -> float:
            breaker = one.running.node("alerter").breaker
            assert breaker is not None
            return breaker.timeout_s

        suspend(one)
        until(lambda: longest_s() > 1.5, "each trial that fails doubles the time")
        one.take_over(CIRCUIT_BREAKER_MAX_TIMEOUT=0.3)
        until(lambda: longest_s() <= 0.3, "it is cut")
        opened = one.running.node("alerter").breaker
        assert opened is not None
        until(lambda: one.running.node("alerter").restarts_total > 12, "it is tried often")
        assert longest_s() <= 0.3


@takes_effect("CIRCUIT_BREAKER_TRIALS")
def test_a_breaker_closes_after_as_many_trials_as_are_set_now(tmp_path: Path) -> None:
    given = {"CIRCUIT_BREAKER_TIMEOUT": 0.2, "CIRCUIT_BREAKER_MAX_TIMEOUT": 0.2}
    quiet = {"VATWATCH_ALERT_INTERVAL": 3600, "SERVICE_HEALTH_CHECK_INTERVAL": 3600}
    with reloading(tmp_path, CIRCUIT_BREAKER_TRIALS=1_000_000, **given, **quiet) as (one, _feeds):

        def breaker_state() -> str:
            breaker = one.running.node("alerter").breaker
            assert breaker is not None
            return breaker.state.value

        suspend(one, count=7)
        until(lambda: not one.running.tree.faults.active(), "it fails no more")
        until(lambda: one.running.node("alerter").state is State.RUNNING, "it is on trial")
        one.get("/api/alerts")
        assert breaker_state() != "closed"
        one.take_over(CIRCUIT_BREAKER_TRIALS=1)

        def asked_and_closed() -> bool:
            one.get("/api/alerts")
            return breaker_state() == "closed"

        until(asked_and_closed, "one message is enough")


@takes_effect("VATWATCH_HANDLER_DEADLINE")
def test_a_part_hangs_by_the_deadline_that_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, VATWATCH_HANDLER_DEADLINE=3600) as (one, _feeds):
        one.running.tree.faults.inject(Fault(FaultKind.HANG, "alerter"))
        until(lambda: one.running.node("alerter").busy_s > 0.5, "it hangs")
        assert one.running.node("alerter").restarts_total == 0
        one.take_over(VATWATCH_HANDLER_DEADLINE=0.4)
        until(lambda: one.running.node("alerter").restarts_total > 0, "it is restarted")


@takes_effect("VATWATCH_PROBE_TIMEOUT")
def test_a_part_that_is_slow_is_unhealthy_by_the_time_that_is_set_now(tmp_path: Path) -> None:
    def health(one: Reloading) -> str:
        return str(one.get("/api/services/alerter/health")["health"])

    with reloading(tmp_path, VATWATCH_PROBE_TIMEOUT=20) as (one, _feeds):
        slow = Fault(FaultKind.SLOW, "alerter", count=1000, seconds=0.6)
        one.running.tree.faults.inject(slow)
        until(lambda: one.running.node("alerter").busy_s > 0.3, "it is slow")
        assert health(one) == "healthy"
        one.take_over(VATWATCH_PROBE_TIMEOUT=0.01)
        until(lambda: health(one) == "unhealthy", "it does not answer in time")


@takes_effect("SERVICE_HEALTH_CHECK_INTERVAL")
def test_health_is_checked_as_often_as_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, SERVICE_HEALTH_CHECK_INTERVAL=3600) as (one, _feeds):
        one.take_over(SERVICE_HEALTH_CHECK_INTERVAL=0.05)
        for _ in range(3):
            before = one.running.reports().checked_at
            until(lambda: one.running.reports().checked_at != before, "it is checked again")  # noqa: B023


# --- the journal ----------------------------------------------------------------------------------


@takes_effect("VATWATCH_SNAPSHOT_TRIES")
def test_a_snapshot_is_set_aside_after_as_many_tries_as_are_set_now(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode: Callable[..., object] = snapshot_reader.decode_snapshot
    bad: list[bytes] = []
    failed: list[bytes] = []

    def fail_at_it(*args: object) -> object:
        if bad[-1:] == [args[0]]:
            failed.append(bad[-1])
            raise RuntimeError("a bug that this snapshot wakes")
        return decode(*args)

    monkeypatch.setattr(snapshot_reader, "decode_snapshot", fail_at_it)

    def set_aside(one: Reloading) -> int:
        return one.running.status("journal", JournalStatus).quarantined_total

    given = {"VATWATCH_SNAPSHOT_TRIES": 100_000}
    with reloading(tmp_path, database_url=database_url, **given) as (one, feeds):
        until(lambda: one.running.sql.snapshots(), "the first update")
        bad.append(feeds.advance().data.raw)
        until(lambda: len(failed) > 3, "it is tried")
        assert set_aside(one) == 0
        one.take_over(VATWATCH_SNAPSHOT_TRIES=1)
        until(lambda: set_aside(one) == 1, "it is set aside at the next failure")


@takes_effect("VATWATCH_JOURNAL_MAX_MB")
def test_the_journal_is_full_at_the_size_that_is_set_now(tmp_path: Path) -> None:
    with (
        FeedServer(pilots=700) as feeds,
        reloading(tmp_path, VATSIM_API_URL=feeds.url, VATWATCH_JOURNAL_MAX_MB=4096) as (one, _few),
    ):

        def full() -> int:
            return one.running.status("fetcher", FetcherStatus).outcomes.get("journal_full", 0)

        def more_than_a_megabyte() -> bool:
            feeds.advance()
            return one.running.status("journal", JournalStatus).pending_bytes > 1024 * 1024

        until(more_than_a_megabyte, "a megabyte waits for the database")
        assert full() == 0
        one.take_over(VATWATCH_JOURNAL_MAX_MB=1)

        def refused() -> bool:
            feeds.advance()
            return full() > 0

        until(refused, "the next update is refused")


# --- resources ------------------------------------------------------------------------------------


def resources(one: Reloading) -> ResourceStatus:
    return one.running.status("resource_monitor", ResourceStatus)


LIMITS = [
    ("VATWATCH_MEMORY_SOFT_MB", 10**8, 1, "memory", "soft"),
    ("VATWATCH_MEMORY_HARD_MB", 10**8, 1, "memory", "hard"),
    ("VATWATCH_DISK_SOFT_MB", 0, 10**8, "disk", "soft"),
    ("VATWATCH_DISK_HARD_MB", 0, 10**8, "disk", "hard"),
    ("VATWATCH_HUB_SOFT_MS", 10**7, 0.001, "hub", "soft"),
    ("VATWATCH_HUB_HARD_MS", 10**7, 0.001, "hub", "hard"),
]
# The soft limit comes first: it has to move with the hard one.
WITH = {
    "VATWATCH_MEMORY_SOFT_MB": {"VATWATCH_MEMORY_HARD_MB": 10**8},
    "VATWATCH_MEMORY_HARD_MB": {"VATWATCH_MEMORY_SOFT_MB": 1},
    "VATWATCH_DISK_SOFT_MB": {"VATWATCH_DISK_HARD_MB": 0},
    "VATWATCH_DISK_HARD_MB": {"VATWATCH_DISK_SOFT_MB": 10**8},
    "VATWATCH_HUB_SOFT_MS": {"VATWATCH_HUB_HARD_MS": 10**7},
    "VATWATCH_HUB_HARD_MS": {"VATWATCH_HUB_SOFT_MS": 0.001},
}


@takes_effect(*(row[0] for row in LIMITS))
@pytest.mark.parametrize(("setting", "before", "after", "resource", "level"), LIMITS)
def test_a_limit_is_passed_by_what_is_set_now(
    tmp_path: Path, setting: str, before: float, after: float, resource: str, level: str
) -> None:
    files = dict.fromkeys(("VATWATCH_DISK_SOFT_MB", "VATWATCH_DISK_HARD_MB"))
    given = {setting: before, **WITH[setting], "VATWATCH_RESOURCE_INTERVAL": 3600}
    with reloading(tmp_path, environment=files, **given) as (one, _feeds):
        until(lambda: resources(one).levels, "the first look")
        assert resources(one).levels[resource] != level
        one.take_over(**{setting: after})
        until(lambda: resources(one).levels[resource] == level, f"{setting} takes effect")


@takes_effect("VATWATCH_RESOURCE_INTERVAL")
def test_resources_are_measured_as_often_as_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, VATWATCH_RESOURCE_INTERVAL=3600) as (one, _feeds):
        one.take_over(VATWATCH_RESOURCE_INTERVAL=0.05)
        handled = one.running.node("resource_monitor").handled
        until(lambda: one.running.node("resource_monitor").handled > handled + 10, "ten looks")


@takes_effect("VATWATCH_CLEANUP_INTERVAL")
def test_files_are_cleaned_up_as_often_as_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, VATWATCH_CLEANUP_INTERVAL=36_000) as (one, _feeds):
        one.take_over(VATWATCH_CLEANUP_INTERVAL=0.1)
        for number in range(2):
            stale = tmp_path / "home" / f"old-{number}.tmp"
            stale.write_text("x")
            os.utime(stale, (time.time() - 10 * 86_400,) * 2)
            until(lambda: not stale.exists(), "it is deleted")  # noqa: B023


@takes_effect("VATWATCH_MEMORY_REPLACE_WORKER")
def test_a_worker_that_is_over_the_limit_already_is_replaced_once_that_is_wanted(
    tmp_path: Path,
) -> None:
    asked: list[str] = []
    given = {"VATWATCH_MEMORY_HARD_MB": 1, "VATWATCH_MEMORY_SOFT_MB": 1}
    one = Reloading(
        tmp_path, **given, VATWATCH_RESOURCE_INTERVAL=0.05, VATWATCH_MEMORY_REPLACE_WORKER=False
    )
    with FeedServer() as feeds:
        one.change(VATSIM_API_URL=feeds.url)
        left_to_the_file: dict[str, object] = dict.fromkeys((*one.settings, "VATSIM_POLL_INTERVAL"))
        settings = settings_for(tmp_path, DATABASE_URL="postgresql:///x?host=/nowhere",
                                **left_to_the_file)  # fmt: skip
        use: list[Callable[..., None]] = []
        spec = declare(settings, replace_worker=asked.append, use=lambda s, o: use[0](s, o))
        tree = Tree(spec)
        use.append(lambda s, o: tree.use_spec(
            declare(s, o, replace_worker=asked.append, use=lambda *a: use[0](*a))))  # fmt: skip
        one.running = Running(tree, settings, feeds, NOWHERE)
        tree.start()
        try:
            until(lambda: resources(one).levels.get("memory") == "hard", "it is over the limit")
            looks = one.running.node("resource_monitor").handled
            until(lambda: one.running.node("resource_monitor").handled > looks + 10)
            assert asked == []
            one.take_over(VATWATCH_MEMORY_REPLACE_WORKER=True)
            until(lambda: asked, "the worker is replaced")
        finally:
            tree.stop(PATIENCE_S)
