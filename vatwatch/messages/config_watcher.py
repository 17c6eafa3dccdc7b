"""To the config watcher: read the settings again, and say what is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from vatwatch.config.hot_reload import SettingChange
from vatwatch.config.settings import Described
from vatwatch.supervision import Ask, BestEffort


@dataclass(frozen=True, slots=True)
class ReloadOutcome:
    """The result of a reload. With `faults` nothing was changed."""

    version: int
    """How often the settings in force were changed since the start of the process."""
    changed: tuple[SettingChange, ...] = ()
    needs_restart: tuple[SettingChange, ...] = ()
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """The settings with their sources, secrets masked, and how the reloads went so far."""

    version: int
    settings: tuple[Described, ...]
    needs_restart: tuple[SettingChange, ...]
    """Changed settings that take effect at the next start."""
    warnings: tuple[str, ...]
    faults: tuple[str, ...]
    """The faults of the present files; empty: they are in force."""
    changed_at: datetime | None  # wall clock
    rejected_at: datetime | None  # wall clock


@dataclass(frozen=True, slots=True)
class ReloadSettings(Ask[ReloadOutcome]):
    """http → config_watcher: read the settings again, and use what has changed."""


@dataclass(frozen=True, slots=True)
class ReloadOrdered(BestEffort):
    """server → config_watcher: the same, after a signal, which has no answer."""


@dataclass(frozen=True, slots=True)
class GetSettings(Ask[SettingsInForce]):
    """http → config_watcher: what is in force, and where it comes from?"""


ToConfigWatcher: TypeAlias = ReloadSettings | ReloadOrdered | GetSettings
