"""What this machine has, and the limits of the process on it."""

from __future__ import annotations

from pathlib import Path

import psutil

from vatwatch.config.resources import ResourceSettings
from vatwatch.errors import ConfigurationError
from vatwatch.monitoring.resources import Limits, Machine, Resource, limits_for
from vatwatch.storage.home_files import disk_bytes

MEGABYTE = 1024 * 1024


def limits_here(settings: ResourceSettings, home: Path) -> dict[Resource, Limits]:
    """The limits in force, with what is not set taken from this machine.

    Raises:
        ConfigurationError: there is no disk for `home`
    """
    return limits_for(
        Machine(memory_mb(), disk_mb(home)),
        memory_mb=(settings.memory_soft_mb, settings.memory_hard_mb),
        disk_mb=(settings.disk_soft_mb, settings.disk_hard_mb),
        hub_ms=(settings.hub_soft_ms, settings.hub_hard_ms),
    )


def memory_mb() -> float:
    """The memory of the machine, or of its container (cgroup version 2 or 1)."""
    total = float(psutil.virtual_memory().total)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, float(Path(path).read_text()))
        except (OSError, ValueError):
            continue  # no such file, or "max"
    return total / MEGABYTE


def disk_mb(home: Path) -> float:
    """The size of the disk that `home` is on, or will be. Raises ConfigurationError if there is
    none."""
    for place in (home, *home.absolute().parents):
        if place.is_dir():
            return disk_bytes(place) / MEGABYTE
    raise ConfigurationError(f"VATWATCH_HOME={home}: there is no such disk")
