"""Resources: readings against limits, and what is done about them, in a stated order. Pure.

Each limit has a hysteresis: a level that was entered is left only when the reading is better than
the limit by a share of it, so that a reading that trembles about a limit changes nothing.

A ladder is the order in which steps are taken about one resource. At the soft limit its soft steps
are taken, one at each look, so that each has the time to show; at the hard limit all soft ones at
once, and then its hard steps, one at each look. Back at normal all are undone, the last first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

# A reading must come back by a tenth of the limit, or one that trembles around it would be told
# again and again.
HYSTERESIS = 0.1


class Level(Enum):
    """Where a reading stands: below both limits, past the soft one, past the hard one."""

    NORMAL = "normal"
    SOFT = "soft"
    HARD = "hard"


class Resource(Enum):
    """What is watched. `UNITS` says in what each is measured."""

    MEMORY = "memory"
    CPU = "cpu"
    DESCRIPTORS = "descriptors"
    DISK = "disk"
    JOURNAL = "journal"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits of a reading. `falls`: little of it is bad (free space), not much."""

    soft: float
    hard: float
    falls: bool = False
    hysteresis: float = HYSTERESIS

    def __post_init__(self) -> None:
        in_order = self.hard <= self.soft if self.falls else self.soft <= self.hard
        if not in_order or not 0 <= self.hysteresis < 1:
            raise ValueError("the soft limit is reached before the hard one; 0 <= hysteresis < 1")

    def level(self, before: Level, reading: float) -> Level:
        """The level at this reading, coming from that level."""
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
    """What this machine, or its container, has: MiB of memory, MiB of the disk of `home`."""

    memory_mb: float
    disk_mb: float


def limits_for(
    machine: Machine,
    *,
    memory_mb: tuple[float | None, float | None] = (None, None),
    disk_mb: tuple[float | None, float | None] = (None, None),
    hub_ms: tuple[float, float] = (500.0, 5000.0),
) -> dict[Resource, Limits]:
    """The limits (soft, hard), with what is not given taken from the machine.

    Of memory: a half, and three quarters. Of the disk: 2 GiB free and 512 MiB, on a small one a
    tenth of it and a fortieth. One that is given moves the other where it would be out of order.
    No setting changes those of the processor, of descriptors, and of the journal.
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


# A worker whose memory is full again sooner is not helped by being replaced.
REPLACE_EVERY = timedelta(minutes=30)


def may_replace(last: datetime | None, now: datetime) -> bool:
    """Whether the worker may be replaced, if it was replaced last at that time. Both by the wall
    clock; one that lies ahead is of a clock that was set back, and says nothing."""
    return last is None or not last <= now < last + REPLACE_EVERY


class Mitigation(Enum):
    """What can be done about a resource past its limit.

    Those in `LASTING` stay in force until they are undone; the others are done once each time.
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
    """The steps about one resource, in their order."""

    soft: tuple[Mitigation, ...] = ()
    hard: tuple[Mitigation, ...] = ()

    def next_step(self, level: Level, taken: int) -> int:
        """How many steps are in force after this look, if so many were before it."""
        match level:
            case Level.NORMAL:
                return 0
            case Level.SOFT:
                # What was taken at the hard limit lasts until all is well.
                return max(taken, min(taken + 1, len(self.soft)))
            case Level.HARD:
                if taken < len(self.soft):
                    return len(self.soft)
                return min(taken + 1, len(self.soft) + len(self.hard))

    def steps(self, taken: int) -> tuple[Mitigation, ...]:
        """The first so many, in order."""
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
    """What is to be done after a look: `undo` first, the last that was taken before the others."""

    do: tuple[Mitigation, ...]
    """In order. Lasting ones are repeated each time: the actor that obeys may have restarted."""
    undo: tuple[Mitigation, ...]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """Where every resource stands, and how many steps of its ladder are in force."""

    levels: Mapping[Resource, Level]
    taken: Mapping[Resource, int]

    @classmethod
    def begin(cls) -> ResourceState:
        """Nothing has been seen, and nothing done."""
        return cls(dict.fromkeys(Resource, Level.NORMAL), dict.fromkeys(Resource, 0))

    def steps(self) -> tuple[Mitigation, ...]:
        """What is in force, each once, in order."""
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
        """One look. A resource without a limit or a reading is as it was."""
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
