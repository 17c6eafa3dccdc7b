"""The audit log: a line for each attempt to change something: the key, the address, the outcome.

Each attempt with a valid key has a line, which is on the disk before the answer is sent. Requests
without a key cause at most one line in `QUIET_S`, which says how many there were: any client can
send them, and they must not fill the disk that the journal needs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time

from vatwatch.logs.context import current_request_id
from vatwatch.logs.files import files
from vatwatch.logs.formats import json_line, moment
from vatwatch.logs.writer import writer
from vatwatch.redaction import redact

log = logging.getLogger(__name__)

NOBODY = "nobody"
"""Used instead of a key's fingerprint if there was no key, or a wrong one."""
# Attempts without a valid key get one line in this time; the others are counted.
QUIET_S = 10.0
# A path may have 4,094 bytes (gunicorn's bound of a request line); the rest is cut.
MOST_CHARS = 300


class AuditLog:
    """A file, and the log of the service."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = monotonic) -> None:
        """Without a `path` the lines go only to the log."""
        self._path = path
        self._clock = clock
        self._told_at: float | None = None
        self._unsaid = 0
        self.refused = 0
        """Requests without a valid key so far."""

    def attempt(self, who: str, client: str, action: str, outcome: str) -> None:
        """Write the line of an attempt. Without a valid key it may only be counted."""
        if who != NOBODY:
            self._write(who, client, action, outcome)
            return
        self.refused += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < QUIET_S:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} more since the last such line)" if self._unsaid else ""
        self._told_at, self._unsaid = now, 0
        self._write(who, client, action, outcome + more)

    def _write(self, who: str, client: str, action: str, outcome: str) -> None:
        client, action = printable(redact(client)), printable(redact(action))
        log.info("key %s from %s: %s: %s", who, client, action, outcome)
        if self._path is None:
            return
        request_id = current_request_id()
        if files.is_json:
            line = json_line(
                {
                    "time": moment(time()),
                    "key": who,
                    "client": client,
                    "action": action,
                    "outcome": outcome,
                    "request_id": request_id,
                }
            )
        else:
            named = f" [request_id={request_id}]" if request_id else ""
            line = f"{moment(time())} key {who} from {client}{named}: {action}: {outcome}"
        # A line that cannot be written is counted and reported; the request goes on, since it may
        # be the one that fixes the disk.
        writer.put_and_wait(files.file(self._path), f"{line}\n".encode())


def printable(text: str) -> str:
    """The text on one line, bounded, with unprintable characters escaped."""
    cut = text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
