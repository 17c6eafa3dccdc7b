"""Settings: what the process may take. At a soft limit it sheds, at a hard one it degrades."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from vatwatch.config.section import Section, Switch, setting

# A worker that has just started takes some 115 MiB, 145 with 500 pilots (docs/operating.md): below
# this it would be over the limit from its first second on, however often it is replaced.
LEAST_MEMORY_MB = 200


class ResourceSettings(Section):
    """What the process may take. At a soft limit it sheds, at a hard one it degrades."""

    interval_s: PositiveFloat = setting(
        "VATWATCH_RESOURCE_INTERVAL",
        10.0,
        "Time between two readings of memory, disk and the rest.",
        unit="s",
        reload=True,
    )
    memory_soft_mb: PositiveFloat | None = setting(
        "VATWATCH_MEMORY_SOFT_MB",
        None,
        "Soft limit of resident memory; unset: half of the machine's or container's.",
        unit="MiB",
        reload=True,
        usual=(LEAST_MEMORY_MB, None),
    )
    memory_hard_mb: PositiveFloat | None = setting(
        "VATWATCH_MEMORY_HARD_MB",
        None,
        "Hard limit of resident memory; unset: three quarters of it.",
        unit="MiB",
        reload=True,
        usual=(LEAST_MEMORY_MB, None),
    )
    replace_worker: Switch = setting(
        "VATWATCH_MEMORY_REPLACE_WORKER",
        False,
        "Whether the worker is replaced, in order, when it stays over the hard limit of memory.",
        reload=True,
    )
    disk_soft_mb: float | None = setting(
        "VATWATCH_DISK_SOFT_MB",
        None,
        "Soft limit of free space under VATWATCH_HOME; unset: 2048, or a tenth of a small disk.",
        unit="MiB",
        ge=0,
        reload=True,
    )
    disk_hard_mb: float | None = setting(
        "VATWATCH_DISK_HARD_MB",
        None,
        "Hard limit of free space; unset: 512, or a fortieth of a small disk.",
        unit="MiB",
        ge=0,
        reload=True,
    )
    hub_soft_ms: PositiveFloat = setting(
        "VATWATCH_HUB_SOFT_MS",
        500.0,
        "Soft limit of the hub's delay: beyond it, it is reported.",
        unit="ms",
        reload=True,
    )
    hub_hard_ms: PositiveFloat = setting(
        "VATWATCH_HUB_HARD_MS",
        5000.0,
        "Hard limit of the hub's delay: beyond it, every request is slow.",
        unit="ms",
        reload=True,
    )
    hub_timeout_s: PositiveInt = setting(
        "VATWATCH_HUB_TIMEOUT",
        60,
        "A worker whose hub is blocked for longer is killed by the master, and replaced.",
        unit="s",
        usual=(10, 3600),
    )
    cleanup_interval_s: PositiveFloat = setting(
        "VATWATCH_CLEANUP_INTERVAL",
        3600.0,
        "Time between two clean-ups of files that are no longer used.",
        unit="s",
        reload=True,
    )
