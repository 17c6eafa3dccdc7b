"""Told failures: what was told as failed and not yet as recovered, with a copy in a file.

Who tells of a recovery must know of the failure, though the process that told of it was killed. The
file is written whole at each change: a handful of short lines, without fsync.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.json import Decoder

from vatwatch.storage.outbox import Outbox


class ToldFailure(Struct, frozen=True):
    """Of one part, dependency or breaker."""

    name: str
    since: Annotated[datetime, Meta(tz=True)]
    reason: str
    at_start: bool = False
    down: bool = True
    """See `monitoring.health.Failing`; a breaker has neither."""


_LINES = Decoder(ToldFailure)


class ToldFailures:
    """The file. A disk that is full or broken costs recoveries after a kill, and nothing else."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the file; None: there is none."""
        self._outbox = None if path is None else Outbox(path, _LINES)
        self._kept: tuple[ToldFailure, ...] = ()

    def load(self) -> tuple[ToldFailure, ...]:
        """What the process before this one has left."""
        if self._outbox is not None:
            self._kept = tuple(self._outbox.load())
        return self._kept

    def keep(self, failures: Iterable[ToldFailure]) -> None:
        """These are all there are now. Never raises."""
        now = tuple(failures)
        if self._outbox is not None and now != self._kept:
            self._kept = now
            self._outbox.rewrite(now)
