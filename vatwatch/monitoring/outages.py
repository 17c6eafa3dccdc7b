"""Outages: what is logged about a dependency that fails for a while. Pure.

One line when it begins, one for each new cause, one when it is over, and none for a cause that was
logged already.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

OutageStage: TypeAlias = Literal["begins", "changes", "goes on", "ends", "none"]


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage that lasts. `causes` are those that were logged."""

    since: datetime
    cause: str
    causes: AbstractSet[str]


def look(before: Outage | None, cause: str, now: datetime) -> tuple[Outage | None, OutageStage]:
    """Judge a try: `cause` says why it failed, and is empty if it succeeded.

    Returns the outage that lasts now, and what must be logged.
    """
    if not cause:
        return None, "none" if before is None else "ends"
    if before is None:
        return Outage(now, cause, frozenset({cause})), "begins"
    news: OutageStage = "goes on" if cause in before.causes else "changes"
    return Outage(before.since, cause, before.causes | {cause}), news


def lasted(seconds: float) -> str:
    """A duration for people: `12 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
