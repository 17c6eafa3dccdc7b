"""What the health monitor knows and hands over, and of failures a copy for the next process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vatwatch.actors.told_failures import ToldFailure, ToldFailures
from vatwatch.messages import ServiceReport
from vatwatch.monitoring.health import DOWN_S, Failing, HealthRegistry, Observation


@dataclass(slots=True)
class Records:
    """What the health monitor knows, and hands over to its successor."""

    registry: HealthRegistry = field(default_factory=HealthRegistry)
    reports: dict[str, ServiceReport] = field(default_factory=dict)
    outside: dict[str, Observation] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def just_began(self) -> bool:
        """Whether services look well that only have not tried yet to do what they could not."""
        return (datetime.now(UTC) - self.began).total_seconds() < DOWN_S


class FailureFile:
    """The copy of what is failing."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the file; None: there is none."""
        self._told = ToldFailures(path)

    def records(self) -> Records:
        """Records to begin with: the failures of the process before this one go on."""
        records = Records()
        records.registry.carry(
            {
                told.name: Failing(told.since, told.reason, told.at_start, told.down)
                for told in self._told.load()
            }
        )
        return records

    def write(self, registry: HealthRegistry) -> None:
        """Keep what is failing now."""
        self._told.keep(
            ToldFailure(name, failing.since, failing.reason, failing.at_start, failing.down)
            for name, failing in registry.failing().items()
        )
