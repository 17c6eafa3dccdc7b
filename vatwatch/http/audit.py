"""The audit log: a line for each attempt to change something: who, from where, and the outcome.

With a valid key each attempt has a line, which is on the disk before the answer goes
out. Requests without a key cost at most a line in `QUIET_S`, which tells how many there were:
anybody can send them, and the disk is what the journal lives on.
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
"""In the place of a key's fingerprint: there was no key, or a wrong one."""
# Attempts without a valid key: one line in this time, the others are counted.
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
        """Write the line of an attempt; without a valid key it may only be counted."""
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
        # What cannot be written is counted and told; what was asked for may mend the disk.
        writer.put_and_wait(files.file(self._path), f"{line}\n".encode())


def printable(text: str) -> str:
    """The text on one line, with what is not printable escaped, and bounded."""
    cut = text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
