"""The audit log: a line for each attempt to change something: who, from where, and the outcome.

Whoever shows a valid key has a line for each attempt. Requests without one cost at most a line in
`QUIET_S`, which tells how many there were: anybody can send them, and the disk is what the journal
lives on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

log = logging.getLogger("vatwatch.audit")

NOBODY = "nobody"
"""In the place of a key's fingerprint: there was no key, or a wrong one."""
QUIET_S = 10.0
# A path may have 4,094 bytes (gunicorn's bound of a request line); nobody reads so far.
MOST_CHARS = 300


class AuditLog:
    """A file, and the log of the service."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = monotonic) -> None:
        """Without a `path` the lines go to the log alone."""
        self._path = path
        self._clock = clock
        self._told_at: float | None = None
        self._unsaid = 0
        self.refused = 0
        """Requests without a valid key so far."""

    def attempt(self, who: str, client: str, action: str, outcome: str) -> None:
        """Write the line of an attempt, or count it: see the module."""
        line = f"key {who} from {printable(client)}: {printable(action)}: {outcome}"
        if who != NOBODY:
            self._write(line)
            return
        self.refused += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < QUIET_S:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} more since the last such line)" if self._unsaid else ""
        self._told_at, self._unsaid = now, 0
        self._write(line + more)

    def _write(self, line: str) -> None:
        log.info(line)
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")
        except OSError as error:
            # What was asked for may be what mends the disk.
            log.warning("The audit log cannot be written: %s", error)


def printable(text: str) -> str:
    """The text on one line, with what is not printable escaped, and bounded."""
    cut = text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
