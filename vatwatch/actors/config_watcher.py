"""Config watcher: reads the settings again when they change, and gives them to everybody.

Receives  LookAtFiles, ReloadSettings, ReloadOrdered, GetSettings
Sends     SettingsChanged to each actor whose settings can be reloaded, Publish (CONFIG_RELOADED,
          CONFIG_REJECTED) to event_bus, ServiceReport
Holds     the settings in force, what was wrong with the latest that were refused, and how the files
          were at the last look
Restart   costs nothing: the spec has the settings in force, the files are read at once, and
          everybody is told again

Settings are taken over whole or not at all. First the tree's own declaration is renewed, so that
actors that restart get the new ones; then each running actor is told. Nothing gives way in between,
so no actor can start with the old ones and miss the new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, assert_never

import gevent

from vatwatch.actors.service import Service
from vatwatch.actors.traffic_options import read_options
from vatwatch.config.hot_reload import ReloadPlan, SettingChange, plan_reload
from vatwatch.config.settings import Reading, Settings, describe
from vatwatch.errors import ConfigurationError
from vatwatch.events.payloads import ConfigPayload
from vatwatch.messages import (
    GetSettings,
    ReloadOrdered,
    ReloadOutcome,
    ReloadSettings,
    SettingsChanged,
    SettingsInForce,
)
from vatwatch.messages.config_watcher import ToConfigWatcher
from vatwatch.messages.status import ConfigStatus
from vatwatch.monitoring.health import Health
from vatwatch.redaction import hide, storable
from vatwatch.storage.watched_files import Look, look_at
from vatwatch.supervision import NativePool, Tell, Timer
from vatwatch.traffic.pipeline import Options

log = logging.getLogger(__name__)

# The actors with settings that can be reloaded. The embedded PostgreSQL has none.
READERS = (
    "event_bus",
    "error_manager",
    "areas",
    "journal",
    "store",
    "cache",
    "history",
    "keys",
    "sessions",
    "subscriptions",
    "processor",
    "fetcher",
    "health_monitor",
    "resource_monitor",
    "alerter",
)


# How long a file must stay unchanged while it is read: an editor empties it and fills it again.
SETTLE_S = 0.1
READ_TRIES = 20

Findings: TypeAlias = tuple[Reading, Options | None, tuple[str, ...]]
"""The settings that were read, their traffic options (None if a fault prevents them), and all
faults."""


@dataclass(frozen=True, slots=True)
class LookAtFiles(Tell):
    """See whether one of the files has changed."""


Received: TypeAlias = LookAtFiles | ToConfigWatcher


class ConfigWatcherActor(Service):
    """Decides which settings are in force."""

    def __init__(
        self, settings: Settings, options: Options, use: Callable[[Settings, Options], None]
    ) -> None:
        """`use(settings, options)` puts settings into force for everything but the running
        actors: the specs of the tree, the log, the HTTP API. It must not wait."""
        super().__init__()
        self._settings = settings
        self._options = options
        self._use = use
        self._pool = NativePool(1, "config")
        self._seen: Look = {}
        """How the files were when they were last read."""
        self._changing: Look | None = None
        """How the files were at the last look, if they differ from the above: they may be half
        written."""
        self._needs_restart: tuple[SettingChange, ...] = ()
        self._warnings = settings.warnings
        self._faults: tuple[str, ...] = ()
        self._changed_at: datetime | None = None
        self._rejected_at: datetime | None = None
        self._reloads = self._rejections = 0
        self._next_look: Timer | None = None

    def on_start(self) -> None:
        if self._settings.version:
            self._tell_everybody()  # the previous incarnation may not have got to it
        # The files may have changed since they were read for the start.
        self._next_look = self.after(0, LookAtFiles())
        self._report()

    def on_stop(self) -> None:
        self._pool.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._pool.close()

    def on_receive(self, message: Received) -> Any:
        match message:
            case LookAtFiles():
                self._look()
                self._look_again_later()
            case ReloadSettings():
                return self._reload("request")
            case ReloadOrdered():
                self._reload("signal")
            case GetSettings():
                return self._in_force()
            case _:
                assert_never(message)
        return None

    def _look_again_later(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = self.after(self._settings.general.config_interval_s, LookAtFiles())

    # --- the files ---------------------------------------------------------------------------

    def _files(self) -> tuple[Path, ...]:
        boundary = self._settings.traffic.boundary
        files = self._settings.origin.files
        return files if boundary is None else (*files, boundary)

    def _look(self) -> None:
        """Read the files if they have changed and are the same at two looks in a row."""
        now = self._pool.run(look_at, self._files())
        if now == self._seen:
            self._changing = None
        elif self._seen and now != self._changing:
            self._changing = now
        else:
            self._reload("files")

    def _saw(self, look: Look) -> None:
        self._seen, self._changing = look, None

    # --- reading them ------------------------------------------------------------------------

    def _reload(self, trigger: str) -> ReloadOutcome:
        """Read all sources again. If nothing is wrong with them, put them into force."""
        reading, options, faults = self._read()
        if trigger == "files":
            faults = (*self._disappeared(), *faults)
        hide(reading.secrets())  # before the change is logged or published
        if reading.settings is None or options is None or faults:
            return self._reject(faults, trigger)
        plan = plan_reload(self._settings, reading.settings)
        waited_for, self._needs_restart = self._needs_restart, plan.needs_restart
        for warning in reading.warnings:
            if warning not in self._warnings:
                log.warning("%s.", warning)
        self._warnings = reading.warnings
        if self._faults:
            log.info("The settings can be read again.")
            self._faults = ()
        if plan.changed or _boundary_of(options) != _boundary_of(self._options):
            self._take_over(plan, options, trigger)
        elif trigger != "files" and not plan.needs_restart:
            log.info("The settings were read again: nothing has changed.")
        for change in plan.needs_restart:
            if change not in waited_for or trigger != "files":
                log.warning("%s is set to another value, which takes a restart.", change.name)
        self._report()
        return self._outcome(plan.changed)

    def _read(self) -> Findings:
        """The settings, read while no file changes: an editor may be writing one."""
        for _ in range(READ_TRIES):
            self._saw(self._pool.run(look_at, self._files()))
            gevent.sleep(SETTLE_S)
            found = self._pool.run(_read_again, self._settings)
            if self._pool.run(look_at, self._files()) == self._seen:
                break
        return found  # if they keep changing, the next look reads them

    def _disappeared(self) -> Iterator[str]:
        """Refuse if a file is gone: one deleted by mistake must not reset everything to its
        default."""
        in_use = set(self._settings.sources.values())
        for file in self._settings.origin.files:
            if file.name in in_use and self._seen[file] is None:
                yield f"{file}: is gone; to go on without its settings, order a reload"

    def _take_over(self, plan: ReloadPlan, options: Options, trigger: str) -> None:
        self._settings, self._options = plan.settings, options
        self._look_again_later()  # the interval may be another one
        self._use(plan.settings, options)
        self._tell_everybody()
        self._reloads += 1
        self._changed_at = datetime.now(UTC)
        names = ", ".join(change.name for change in plan.changed)
        log.info("The settings have changed: %s.", names or "the boundary's file")
        payload = ConfigPayload(
            trigger=trigger,
            version=plan.settings.version,
            changed=_names(plan.changed),
            needs_restart=_names(plan.needs_restart),
        )
        self.publish("CONFIG_RELOADED", payload)

    def _tell_everybody(self) -> None:
        message = SettingsChanged(self._settings, self._options)
        for name in READERS:
            self.address(name).offer(message)

    def _reject(self, faults: tuple[str, ...], trigger: str) -> ReloadOutcome:
        faults = tuple(storable(fault) for fault in faults)
        self._rejected_at = datetime.now(UTC)
        self._rejections += 1
        if faults != self._faults:
            self._faults = faults
            error = ConfigurationError("; ".join(faults))
            log.warning("The changed settings are refused, and nothing is changed: %s.", error)
            self.report_failure("reload settings", error)
        payload = ConfigPayload(trigger=trigger, version=self._settings.version, faults=faults)
        self.publish("CONFIG_REJECTED", payload)
        self._report()
        return self._outcome(())

    # --- what is known -----------------------------------------------------------------------

    def _outcome(self, changed: tuple[SettingChange, ...]) -> ReloadOutcome:
        return ReloadOutcome(
            version=self._settings.version,
            changed=changed,
            needs_restart=self._needs_restart,
            warnings=tuple(storable(warning) for warning in self._warnings),
            faults=self._faults,
        )

    def _in_force(self) -> SettingsInForce:
        return SettingsInForce(
            version=self._settings.version,
            settings=tuple(describe(self._settings)),
            needs_restart=self._needs_restart,
            warnings=tuple(storable(warning) for warning in self._warnings),
            faults=self._faults,
            changed_at=self._changed_at,
            rejected_at=self._rejected_at,
        )

    def _report(self) -> None:
        status = ConfigStatus(
            version=self._settings.version,
            reloads=self._reloads,
            rejections=self._rejections,
            faults=self._faults,
            needs_restart=_names(self._needs_restart),
            changed_at=self._changed_at,
            rejected_at=self._rejected_at,
        )
        if self._faults:
            reason = f"the changed settings are refused: {'; '.join(self._faults)}"
            self.report(Health.DEGRADED, reason, status)
        else:
            self.report(Health.HEALTHY, "", status)


def _read_again(settings: Settings) -> Findings:
    """Read the sources and the boundary file, with all their faults. Runs in a native thread."""
    reading = settings.origin.read_again()
    faults = list(reading.faults)
    options = None
    if "traffic" in reading.sections and "contacts" in reading.sections:
        try:
            options = read_options(reading.sections["traffic"], reading.sections["contacts"])
        except ConfigurationError as error:
            faults.append(str(error))
    return reading, options, tuple(faults)


def _boundary_of(options: Options) -> str:
    """The content of the boundary file; empty without one."""
    boundary = options.filters.boundary
    return "" if boundary is None else boundary.digest


def _names(changes: tuple[SettingChange, ...]) -> tuple[str, ...]:
    return tuple(change.name for change in changes)
