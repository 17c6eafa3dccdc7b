"""Resources: compares readings with limits, and decides what to do, in a fixed order. Pure.

Each limit has a hysteresis: a level is left only when the reading is better than the limit by a
share of it, so a reading that varies around a limit changes nothing.

A ladder is the sequence of steps for one resource. At the soft limit its soft steps are taken, one
at each look, so that each has time to take effect. At the hard limit all soft steps are taken at
once, then the hard ones, one at each look. Back at normal all are undone, the last first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

# A reading must improve by a tenth of the limit, or one that varies around it would be reported
# again and again.
HYSTERESIS = 0.1


class Level(Enum):
    """The level of a reading: below both limits, past the soft one, past the hard one."""

    NORMAL = "normal"
    SOFT = "soft"
    HARD = "hard"


class Resource(Enum):
    """The watched resources. `UNITS` has the unit of each."""

    MEMORY = "memory"
    CPU = "cpu"
    DESCRIPTORS = "descriptors"
    DISK = "disk"
    JOURNAL = "journal"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits of a reading. `falls`: a low reading is bad (free space), not a high one."""

    soft: float
    hard: float
    falls: bool = False
    hysteresis: float = HYSTERESIS

    def __post_init__(self) -> None:
        in_order = self.hard <= self.soft if self.falls else self.soft <= self.hard
        if not in_order or not 0 <= self.hysteresis < 1:
            raise ValueError("the soft limit is reached before the hard one; 0 <= hysteresis < 1")

    def level(self, before: Level, reading: float) -> Level:
        """The new level for this reading, given the previous level."""
        if self._past(reading, self.hard, stays=before is Level.HARD):
            return Level.HARD
        if self._past(reading, self.soft, stays=before is not Level.NORMAL):
            return Level.SOFT
        return Level.NORMAL

    def _past(self, reading: float, limit: float, *, stays: bool) -> bool:
        margin = self.hysteresis if stays else 0.0
        if self.falls:
            return reading <= limit * (1 + margin)
        return reading >= limit * (1 - margin)


UNITS: Mapping[Resource, str] = {
    Resource.MEMORY: "MiB of resident memory",
    Resource.CPU: "% of one core",
    Resource.DESCRIPTORS: "% of those allowed",
    Resource.DISK: "MiB free",
    Resource.JOURNAL: "% of its bound, waiting for the database",
    Resource.HUB: "ms late, the worst of the last minute",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine's (or container's) memory in MiB, and the size of the disk of `home` in MiB."""

    memory_mb: float
    disk_mb: float


def limits_for(
    machine: Machine,
    *,
    memory_mb: tuple[float | None, float | None] = (None, None),
    disk_mb: tuple[float | None, float | None] = (None, None),
    hub_ms: tuple[float, float] = (500.0, 5000.0),
) -> dict[Resource, Limits]:
    """The limits (soft, hard); those that are not set are computed from the machine.

    Memory: a half, and three quarters. Disk: 2 GiB and 512 MiB free; on a small disk a tenth and a
    fortieth of it. If only one is set, the other is moved so that they are in order. The limits of
    the processor, the file descriptors and the journal are not settings.
    """
    memory = _pair(*memory_mb, machine.memory_mb / 2, machine.memory_mb * 3 / 4, falls=False)
    disk = _pair(
        *disk_mb, min(2048.0, machine.disk_mb / 10), min(512.0, machine.disk_mb / 40), falls=True
    )
    return {
        Resource.MEMORY: memory,
        Resource.CPU: Limits(90.0, 400.0),
        Resource.DESCRIPTORS: Limits(80.0, 95.0),
        Resource.DISK: disk,
        Resource.JOURNAL: Limits(50.0, 90.0),
        Resource.HUB: Limits(*hub_ms),
    }


def _pair(
    soft: float | None, hard: float | None, soft_else: float, hard_else: float, *, falls: bool
) -> Limits:
    if soft is None:
        soft = soft_else
        if hard is not None:
            soft = max(soft, hard) if falls else min(soft, hard)
    if hard is None:
        hard = min(soft, hard_else) if falls else max(soft, hard_else)
    return Limits(soft, hard, falls)


# If the memory is full again sooner than this, replacing the worker does not help.
REPLACE_EVERY = timedelta(minutes=30)


def may_replace(last: datetime | None, now: datetime) -> bool:
    """Whether the worker may be replaced, given the time of the last replacement.

    Both are wall-clock times. A time in the future means that the clock was set back, and is
    ignored."""
    return last is None or not last <= now < last + REPLACE_EVERY


class Mitigation(Enum):
    """The steps that can be taken about a resource past its limit.

    Steps in `LASTING` stay in force until they are undone; the others are done once each time.
    """

    SHORTEN_HISTORY = "fewer events are kept in memory"
    COLLECT_GARBAGE = "garbage is collected, free memory is returned to the system"
    REPLACE_WORKER = "the worker is replaced, in order"
    DROP_OLD_ARCHIVE = "the oldest archived snapshots are deleted"
    DROP_ARCHIVE = "the journal's archive is deleted but for its newest entry"
    KEEP_NO_ARCHIVE = "stored snapshots are no longer archived"


LASTING = frozenset({Mitigation.SHORTEN_HISTORY, Mitigation.KEEP_NO_ARCHIVE})


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps for one resource, in order."""

    soft: tuple[Mitigation, ...] = ()
    hard: tuple[Mitigation, ...] = ()

    def next_step(self, level: Level, taken: int) -> int:
        """How many steps are in force after this look, given the number before it."""
        match level:
            case Level.NORMAL:
                return 0
            case Level.SOFT:
                # Steps taken at the hard limit last until the level is normal.
                return max(taken, min(taken + 1, len(self.soft)))
            case Level.HARD:
                if taken < len(self.soft):
                    return len(self.soft)
                return min(taken + 1, len(self.soft) + len(self.hard))

    def steps(self, taken: int) -> tuple[Mitigation, ...]:
        """The first `count` steps, in order."""
        return (*self.soft, *self.hard)[:taken]


LADDERS: Mapping[Resource, Ladder] = {
    Resource.MEMORY: Ladder(
        soft=(Mitigation.SHORTEN_HISTORY, Mitigation.COLLECT_GARBAGE),
        hard=(Mitigation.REPLACE_WORKER,),
    ),
    Resource.DISK: Ladder(
        soft=(Mitigation.DROP_OLD_ARCHIVE,),
        hard=(Mitigation.DROP_ARCHIVE, Mitigation.KEEP_NO_ARCHIVE),
    ),
    Resource.DESCRIPTORS: Ladder(soft=(Mitigation.COLLECT_GARBAGE,)),
    Resource.CPU: Ladder(),
    Resource.JOURNAL: Ladder(),
    Resource.HUB: Ladder(),
}


@dataclass(frozen=True, slots=True)
class Orders:
    """What must be done after a look: first `undo`, the last step first."""

    do: tuple[Mitigation, ...]
    """Steps to take, in order. Lasting ones are repeated each time, since their actor may have
    restarted."""
    undo: tuple[Mitigation, ...]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """The level of every resource, and how many steps of its ladder are in force."""

    levels: Mapping[Resource, Level]
    taken: Mapping[Resource, int]

    @classmethod
    def begin(cls) -> ResourceState:
        """The state before the first look."""
        return cls(dict.fromkeys(Resource, Level.NORMAL), dict.fromkeys(Resource, 0))

    def steps(self) -> tuple[Mitigation, ...]:
        """The steps in force, each once, in order."""
        return tuple(
            dict.fromkeys(
                step
                for resource in Resource
                for step in LADDERS[resource].steps(self.taken[resource])
            )
        )

    def observe(
        self, limits: Mapping[Resource, Limits], readings: Mapping[Resource, float]
    ) -> tuple[ResourceState, Orders]:
        """Judge one look. A resource without a limit or a reading stays as it was."""
        levels, taken = dict(self.levels), dict(self.taken)
        for resource, reading in readings.items():
            if resource in limits:
                level = limits[resource].level(self.levels[resource], reading)
                levels[resource] = level
                taken[resource] = LADDERS[resource].next_step(level, self.taken[resource])
        after = ResourceState(levels, taken)
        do = after.steps()
        undo = tuple(s for s in reversed(self.steps()) if s in LASTING and s not in do)
        return after, Orders(do, undo)
