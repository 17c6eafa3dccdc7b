"""Breakers that were told open, until it is told that they have closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from vatwatch.actors.error_findings import breaker_path
from vatwatch.actors.told_failures import ToldFailure, ToldFailures
from vatwatch.events.payloads import RecoveryPayload
from vatwatch.monitoring.health import DOWN_S
from vatwatch.supervision import BreakerChanged, BreakerInfo, BreakerState, NodeInfo, State


class OpenedBreakers:
    """By their names. A new process begins with closed breakers: of those that the one before has
    told open, the first success tells that they have closed."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the file for the next process; None: there is none."""
        self._file = ToldFailures(path)
        self._opened: dict[str, ToldFailure] = {}
        self._carried: set[str] = set()

    def load(self) -> None:
        """Go on with those of the process, or the error manager, before this one."""
        self._opened = {told.name: told for told in self._file.load()}
        self._carried = {*self._opened}

    @property
    def waits_for_proof(self) -> bool:
        """Whether one was open that has not changed since, and may work: see `proven`."""
        return bool(self._carried)

    def since(self, name: str) -> datetime | None:
        """When it opened; None if nobody knows."""
        told = self._opened.get(name)
        return None if told is None else told.since

    def open(self, notice: BreakerChanged, now: datetime) -> None:
        """It has opened. One that was told open before has never closed in between."""
        self._opened.setdefault(notice.name, ToldFailure(notice.name, now, notice.reason))
        self._carried.discard(notice.name)
        self._write()

    def close(self, name: str, path: str, now: datetime) -> RecoveryPayload:
        """It has closed again; what is to be told. `path`: see `error_findings.breaker_path`."""
        self._carried.discard(name)
        told = self._opened.pop(name, None)
        self._write()
        if told is None:
            return RecoveryPayload(path, "breaker")
        duration_s = round((now - told.since).total_seconds(), 3)
        return RecoveryPayload(path, "breaker", told.reason, duration_s)

    def proven(
        self,
        breakers: Iterable[BreakerInfo],
        node: Callable[[str], NodeInfo | None],
        now: datetime,
    ) -> Iterator[RecoveryPayload]:
        """Of those that were open before this process, those behind which all is well: what is to
        be told of each, once. `node(name)`: a service of the tree."""
        for breaker in breakers:
            if breaker.name in self._carried and _works(breaker, node):
                yield self.close(breaker.name, breaker_path(breaker), now)

    def _write(self) -> None:
        self._file.keep(self._opened.values())


def _works(breaker: BreakerInfo, node: Callable[[str], NodeInfo | None]) -> bool:
    if breaker.state is not BreakerState.CLOSED:
        return False
    if breaker.kind != "child":
        return breaker.successes > 0
    service = node(breaker.name.rpartition("/")[2])
    return service is not None and service.state is State.RUNNING and service.uptime_s >= DOWN_S
