"""Keeps the time of the last poll in a file, so that restarts do not make us poll too often."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from vatwatch.storage.small_file import SmallFile


class _Poll(Struct, frozen=True):
    at: Annotated[datetime, Meta(tz=True)]
    may_repeat: bool = False
    """The poll is not known to have ended, so it may be repeated at once, like a failed request."""


class LastPoll:
    """One small file. It is a courtesy to VATSIM, so a failing disk is ignored."""

    def __init__(self, path: Path) -> None:
        self._file = SmallFile(path, _Poll)

    def began(self, at: datetime) -> None:
        """Note that a poll begins. Only the first of two that did not end may be repeated at
        once."""
        before = self._file.read()
        self._file.write(_Poll(at, may_repeat=before is None or not before.may_repeat))

    def ended(self, at: datetime) -> None:
        """Note that the poll that began then has ended."""
        self._file.write(_Poll(at))

    def next_due(
        self, now: datetime, interval_s: float, of_others: datetime | None = None
    ) -> datetime:
        """The first moment after a restart at which the feed may be polled.

        `of_others`: when another node has fetched what is stored last.
        """
        last = self._file.read()
        known = [of_others] if of_others is not None else []
        if last is not None and not last.may_repeat:
            known.append(last.at)
        if not known:
            return now
        interval = timedelta(seconds=interval_s)
        # Later than now plus an interval only if a clock was set back, or another one is ahead.
        return min(max(now, max(known) + interval), now + interval)
