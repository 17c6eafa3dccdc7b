"""Times in which somebody was away, as PostgreSQL's tstzmultirange."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol


class _Away(Protocol):
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


def multirange(times: Iterable[_Away]) -> str:
    """The text of a multirange, without the ends of each time."""
    return "{" + ",".join(f"({one.start.isoformat()},{one.end.isoformat()})" for one in times) + "}"
