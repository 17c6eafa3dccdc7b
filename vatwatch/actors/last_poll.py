"""Keeps the time of the last poll in a file, so that restarts do not make us poll too often."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct


class _Poll(Struct, frozen=True):
    at: datetime
    may_repeat: bool = False
    """The poll is not known to have ended, so it may be repeated at once, like a failed request."""


class LastPoll:
    """One small file. It is a courtesy to VATSIM, so a failing disk is ignored."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def began(self, at: datetime) -> None:
        """Note that a poll begins. Only the first of two that did not end may be repeated at
        once."""
        before = self._read()
        self._write(_Poll(at, may_repeat=before is None or not before.may_repeat))

    def ended(self, at: datetime) -> None:
        """Note that the poll that began then has ended."""
        self._write(_Poll(at))

    def next_due(self, now: datetime, interval_s: float) -> datetime:
        """The first moment after a restart at which the feed may be polled."""
        last = self._read()
        if last is None or last.may_repeat:
            return now
        interval = timedelta(seconds=interval_s)
        # Later than now plus an interval only if our clock was set back.
        return min(max(now, last.at + interval), now + interval)

    def _read(self) -> _Poll | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Poll)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _write(self, poll: _Poll) -> None:
        try:
            self._path.write_bytes(msgspec.json.encode(poll))
        except OSError:
            return
