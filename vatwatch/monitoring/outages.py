"""Outages: what an operator is told of something outside that fails for a while. Pure.

A line when it begins, a line for each other cause that is found meanwhile, a line when it is over;
and none for what was said already, however often it is tried.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

OutageStage: TypeAlias = Literal["begins", "changes", "goes on", "ends", "none"]


@dataclass(frozen=True, slots=True)
class Outage:
    """One that lasts. `causes` are those that were told."""

    since: datetime
    cause: str
    causes: AbstractSet[str]


def look(before: Outage | None, cause: str, now: datetime) -> tuple[Outage | None, OutageStage]:
    """After a try: `cause` says why it failed, and is empty if it did not.

    The outage that lasts now, and what is to be told.
    """
    if not cause:
        return None, "none" if before is None else "ends"
    if before is None:
        return Outage(now, cause, frozenset({cause})), "begins"
    news: OutageStage = "goes on" if cause in before.causes else "changes"
    return Outage(before.since, cause, before.causes | {cause}), news


def lasted(seconds: float) -> str:
    """A time as people say it: `12 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
