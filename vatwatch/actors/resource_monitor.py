"""Resource monitor: measures what the process uses, and frees resources in a fixed order. It also
cleans up files (the archive, old logs) on a schedule.

The order is in `monitoring.resources.LADDERS`; docs/operating-health.md says it in words.

Receives  MeasureResources, CleanUpDue, Delivered, SettingsChanged
Asks      health_monitor GetReports, for what waits in the journal
Sends     EvictHistory to event_bus; EvictArchive, KeepArchive, CleanJournal to journal;
          ServiceReport
Subscribed to ERROR_OCCURRED: where a resource is the cause, it measures at once
Holds     the levels, the steps in force, how late the hub was; how the disk fills (handed over)
Restart   costs the levels: it begins at normal, and undoes what may have been in force
"""

from __future__ import annotations

import ctypes
import gc
import logging
import resource as limits_of_process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TypeAlias, assert_never

import psutil

from vatwatch.actors.machine import MEGABYTE, limits_here
from vatwatch.actors.service import Service
from vatwatch.config.logs import LogSettings
from vatwatch.config.resources import ResourceSettings
from vatwatch.config.settings import Settings
from vatwatch.errors import SupervisionError
from vatwatch.events.event import Event
from vatwatch.events.payloads import ServicePayload
from vatwatch.logs.files import rotate_large
from vatwatch.messages import (
    CleanJournal,
    Delivered,
    EvictArchive,
    EvictHistory,
    GetReports,
    KeepArchive,
    SettingsChanged,
)
from vatwatch.messages.status import JournalStatus, ResourceStatus
from vatwatch.monitoring.errors import Category
from vatwatch.monitoring.filling import Filling
from vatwatch.monitoring.health import Health
from vatwatch.monitoring.resources import (
    LASTING,
    REPLACE_EVERY,
    UNITS,
    Level,
    Mitigation,
    Orders,
    Resource,
    ResourceState,
    may_replace,
)
from vatwatch.storage.home_files import ORPHAN_S, copy_and_cut_log, free_bytes, remove_stale
from vatwatch.supervision import HubWatch, NativePool, Tell, Timer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MeasureResources(Tell):
    """Measure everything, and act on it."""


@dataclass(frozen=True, slots=True)
class CleanUpDue(Tell):
    """Remove files that are no longer needed."""


Received: TypeAlias = Delivered | MeasureResources | CleanUpDue | SettingsChanged

ASK_TIMEOUT_S = 2.0
# Events that the event bus may keep while memory is short.
SHORT_HISTORY = 100
FIRST_CLEANUP_S = 60.0
# Every start uses a whole core for some seconds; until then the reading is shown but not judged.
CPU_SETTLES_S = 30.0
# When the worker was replaced last, so that its successor knows.
REPLACED = "worker-replaced"


class ResourceMonitorActor(Service):
    """Compares the process with its limits, and takes the steps in their order."""

    def __init__(
        self,
        settings: ResourceSettings,
        log_settings: LogSettings,
        home: Path,
        *,
        replace_worker: Callable[[str], None] | None,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """`replace_worker(why)` ends this worker in order, if the settings allow that."""
        super().__init__()
        self._settings = settings
        self._log_settings = log_settings
        self._home = home
        self._limits = limits_here(settings, home)
        self._end_worker = replace_worker
        self._free = free
        self._process = psutil.Process()
        self._hub = HubWatch()
        # It renames the log and deletes what is left over.
        self._pool = NativePool(1, "resources", owns=f"resources of {home.absolute()}")
        self._measuring: Timer | None = None
        self._cleaning: Timer | None = None
        self._watched = ResourceState.begin()
        self._readings: dict[Resource, float] = {}
        self._times_blocked = 0
        self._replaced = False
        self._began_s = monotonic()
        self._cleaned = 0
        self._cleaned_at: datetime | None = None

    def on_start(self) -> None:
        self._filling = self.inherited(Filling) or Filling()
        self._process.cpu_percent()  # the first one only begins to measure
        self.spawn(self._hub.run)
        for step in LASTING:
            self._undo(step)
        self._measure_in(0)
        self._clean_up_in(min(FIRST_CLEANUP_S, self._settings.cleanup_interval_s))

    def on_stop(self) -> None:
        self._pool.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._pool.close()

    def hand_over(self) -> Filling:
        return self._filling

    def on_receive(self, message: Received) -> None:
        match message:
            case MeasureResources():
                self._measure()
            case Delivered(event):
                self._hear(event)
            case CleanUpDue():
                self._clean_up()
            case SettingsChanged():
                self._change(message.settings)
            case _:
                assert_never(message)

    def _measure_in(self, seconds: float) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
        self._measuring = self.after(seconds, MeasureResources())

    def _hear(self, event: Event) -> None:
        """Measure at once if a full disk or mailbox made something fail."""
        payload = event.payload
        if isinstance(payload, ServicePayload) and payload.category == Category.RESOURCE.value:
            self._measure_in(0)

    # --- limits ------------------------------------------------------------------------------

    def _measure(self) -> None:
        self._readings = self._read()
        before = self._watched
        judged = dict(self._readings)
        if monotonic() - self._began_s < CPU_SETTLES_S:
            del judged[Resource.CPU]
        self._watched, orders = before.observe(self._limits, judged)
        self._tell_operator(before, self._watched)
        self._follow(orders)
        self._tell_blocked()
        self._report()
        self._measure_in(self._settings.interval_s)

    @property
    def _replace_worker(self) -> Callable[[str], None] | None:
        """Ends this worker in order; None: that is not wanted."""
        return self._end_worker if self._settings.replace_worker else None

    def _change(self, settings: Settings) -> None:
        """Measure and clean up by other limits, at once."""
        self._settings, self._log_settings = settings.resources, settings.logs
        self._limits = limits_here(self._settings, self._home)
        self._measure_in(0)
        self._clean_up_in(min(FIRST_CLEANUP_S, self._settings.cleanup_interval_s))

    def _read(self) -> dict[Resource, float]:
        allowed, _ = limits_of_process.getrlimit(limits_of_process.RLIMIT_NOFILE)
        readings = {
            Resource.MEMORY: self._process.memory_info().rss / MEGABYTE,
            Resource.CPU: self._process.cpu_percent(),
            Resource.DESCRIPTORS: 100.0 * self._process.num_fds() / allowed,
            Resource.HUB: self._hub.lateness().max_s * 1000,
        }
        with suppress(OSError):  # the journal reports a disk that cannot be read
            free = self._pool.run(self._free, self._home)
            readings[Resource.DISK] = free / MEGABYTE
            self._filling = self._filling.with_reading(datetime.now(UTC), free / MEGABYTE)
        journal = self._journal()
        if journal is not None and journal.max_bytes:
            readings[Resource.JOURNAL] = 100.0 * journal.pending_bytes / journal.max_bytes
        return readings

    def _journal(self) -> JournalStatus | None:
        try:
            reports = self.address("health_monitor").ask(GetReports(), timeout_s=ASK_TIMEOUT_S)
        except SupervisionError:
            return None  # as at the last look: nothing changes
        report = reports.services.get("journal")
        return report.status if report and isinstance(report.status, JournalStatus) else None

    def _follow(self, orders: Orders) -> None:
        for step in orders.undo:
            self._undo(step)
        for step in orders.do:
            self._do(step)

    def _do(self, step: Mitigation) -> None:
        match step:
            case Mitigation.SHORTEN_HISTORY:
                self.address("event_bus").tell(EvictHistory(SHORT_HISTORY))
            case Mitigation.COLLECT_GARBAGE:
                gc.collect()
                self._pool.run(_give_back_memory)
            case Mitigation.REPLACE_WORKER:
                if self._replace_worker is not None and not self._replaced:
                    self._replaced = True
                    self._replace(self._replace_worker)
            case Mitigation.DROP_OLD_ARCHIVE:
                limits = self._limits[Resource.DISK]
                wanted = limits.soft * (1 + limits.hysteresis) - self._readings[Resource.DISK]
                if wanted > 0:
                    # One more, since it must be above the limit.
                    self.address("journal").tell(EvictArchive(int(wanted * MEGABYTE) + 1))
            case Mitigation.DROP_ARCHIVE:
                self.address("journal").tell(EvictArchive(None))
            case Mitigation.KEEP_NO_ARCHIVE:
                self.address("journal").tell(KeepArchive(False))
            case _:
                assert_never(step)

    def _replace(self, replace_worker: Callable[[str], None]) -> None:
        """Replace the worker, unless that was done a moment ago: then it does not help."""
        over = (
            f"memory is over VATWATCH_MEMORY_HARD_MB "
            f"({self._limits[Resource.MEMORY].hard:.0f} MiB): "
            f"it takes {self._readings[Resource.MEMORY]:.0f} MiB"
        )
        note, now = self._home / REPLACED, datetime.now(UTC)
        last = _read_time(note)
        if last is not None and not may_replace(last, now):
            log.warning(
                "%s. The worker was replaced for it at %s UTC already, which has not helped: it is "
                "replaced every %.0f minutes at most. Raise the limit, or find what takes it.",
                over,
                f"{last:%H:%M}",
                REPLACE_EVERY.total_seconds() / 60,
            )
            return
        try:
            note.write_text(now.isoformat())
        except OSError as error:
            log.warning("%s. The worker is not replaced, as %s: %s.", over, note.name, error)
            return
        replace_worker(over)

    def _undo(self, step: Mitigation) -> None:
        if step is Mitigation.SHORTEN_HISTORY:
            self.address("event_bus").tell(EvictHistory(None))
        elif step is Mitigation.KEEP_NO_ARCHIVE:
            self.address("journal").tell(KeepArchive(True))

    def _tell_operator(self, before: ResourceState, after: ResourceState) -> None:
        for resource, level in after.levels.items():
            if level is before.levels[resource]:
                continue
            if level is Level.NORMAL:
                log.info("%s; normal again", self._in_words(resource))
            else:
                log.warning("%s; past the %s limit", self._in_words(resource), level.value)
        for step in after.steps():
            if step not in before.steps() and self._is_taken(step):
                log.warning("To stay within the limits: %s", step.value)

    def _in_words(self, resource: Resource) -> str:
        reading, limits = self._readings[resource], self._limits[resource]
        if resource is Resource.HUB:
            return (
                f"the service reacts {reading / 1000:.1f} s late (the worst of the last minute; "
                f"limits {limits.soft / 1000:g} and {limits.hard / 1000:g} s)"
            )
        return f"{resource.value}: {reading:.0f} {UNITS[resource]}"

    def _tell_blocked(self) -> None:
        new = self._hub.times_blocked - self._times_blocked
        self._times_blocked = self._hub.times_blocked
        for blocked in self._hub.blocked[-new:] if new else ():
            if blocked.where:
                where = " > ".join(blocked.where[-3:])
                log.warning(
                    "The service did not react for %.1f s. It was at %s", blocked.seconds, where
                )
            else:
                log.warning(
                    "The service did not run for %.1f s: the machine was suspended or overloaded.",
                    blocked.seconds,
                )

    def _is_taken(self, step: Mitigation) -> bool:
        return step is not Mitigation.REPLACE_WORKER or self._replace_worker is not None

    # --- cleaning up -------------------------------------------------------------------------

    def _clean_up(self) -> None:
        self.address("journal").tell(CleanJournal())
        try:
            self._cleaned += self._pool.run(
                _clean_home,
                self._home,
                int(self._log_settings.max_mb * MEGABYTE),
                self._log_settings.files_kept,
            )
        except OSError as error:
            log.warning("Useless files could not be removed: %s", error)
        self._cleaned_at = datetime.now(UTC)
        self._clean_up_in(self._settings.cleanup_interval_s)

    def _clean_up_in(self, seconds: float) -> None:
        if self._cleaning is not None:
            self._cleaning.cancel()
        self._cleaning = self.after(seconds, CleanUpDue())

    # --- the report --------------------------------------------------------------------------

    def _report(self) -> None:
        lateness = self._hub.lateness()
        steps = tuple(step.value for step in self._watched.steps() if self._is_taken(step))
        status = ResourceStatus(
            readings={r.value: round(reading, 2) for r, reading in self._readings.items()},
            units={r.value: unit for r, unit in UNITS.items()},
            limits={
                r.value: {"soft": limits.soft, "hard": limits.hard}
                for r, limits in self._limits.items()
            },
            levels={r.value: level.value for r, level in self._watched.levels.items()},
            steps=steps,
            greenlets=self._hub.greenlets(),
            threads=self._process.num_threads(),
            hub_p50_ms=round(lateness.p50_s * 1000, 2),
            hub_p99_ms=round(lateness.p99_s * 1000, 2),
            times_blocked=self._hub.times_blocked,
            blocked=tuple(
                # Everybody may read it: the log alone has the stack.
                {"at": b.at, "seconds": round(b.seconds, 3), "where": b.function}
                for b in self._hub.blocked
            ),
            cleaned=self._cleaned,
            cleaned_at=self._cleaned_at,
            disk_full_at=self._filling.full_at(),
        )
        past = [r for r, level in self._watched.levels.items() if level is not Level.NORMAL]
        if not past:
            self.report(Health.HEALTHY, "", status)
            return
        hard = any(self._watched.levels[r] is Level.HARD for r in past)
        reasons = [f"{r.value} is past its {self._watched.levels[r].value} limit" for r in past]
        self.report(
            Health.UNHEALTHY if hard else Health.DEGRADED, "; ".join([*reasons, *steps]), status
        )


def _read_time(file: Path) -> datetime | None:
    """The time in a file; None if no time can be read."""
    try:
        return datetime.fromisoformat(file.read_text().strip()).astimezone(UTC)
    except (OSError, ValueError):
        return None


def _give_back_memory() -> None:
    """Have the C library return its free pages; only glibc can be asked for that."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _clean_home(home: Path, log_max_bytes: int, logs_kept: int) -> int:
    cleaned = remove_stale(home, after_s=ORPHAN_S)
    # Writers rotate their logs, too, but a lowered bound must also apply to logs that nothing
    # writes.
    cleaned += rotate_large(home, log_max_bytes, logs_kept)
    cleaned += copy_and_cut_log(home / "postgres" / "log", max_bytes=log_max_bytes)
    return cleaned
