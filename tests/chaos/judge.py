"""What clients may get while workers are killed, and what they got."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from time import monotonic

from tests.chaos.deaths import Deaths

# A client waits for so long; all workers may be on their way up again.
PATIENCE_S = 60.0
# So many are told in full.
TOLD = 30


class Line:
    """A connection to the service."""

    def __init__(self, port: int) -> None:
        """Raises OSError: nobody takes it, which is a fault of the service."""
        self.opened = monotonic()
        self.http = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self.http.connect()
        # A second connection would hide that the first one was cut.
        self.http.auto_open = 0
        # Of an answer that is the last one the connection has no socket any more.
        self.socket = self.http.sock
        self.port = int(self.socket.getsockname()[1])
        self.answered = 0

    @property
    def is_open(self) -> bool:
        """Whether another question may be asked."""
        return self.http.sock is not None

    def close(self) -> None:
        """Close it."""
        self.http.close()
        self.socket.close()


@dataclass(slots=True)
class Judge:
    """Judges what clients get, and counts it."""

    deaths: Deaths
    answers: Counter[str] = field(default_factory=Counter)
    """By status; and connections that were cut, by why they may be."""
    blamed: int = 0
    faults: list[str] = field(default_factory=list)
    """The first ones."""
    oldest_s: float = 0.0
    """The longest age of a live state that a client saw."""
    slowest_s: float = 0.0
    """How long an answer took at most."""

    def blame(self, what: str, why: object) -> None:
        """Something that may not be."""
        self.blamed += 1
        if len(self.faults) < TOLD:
            self.faults.append(f"{what}: {why}")

    def status(self, path: str, status: int, headers: HTTPMessage, *, tagged: bool = False) -> None:
        """A whole answer. `tagged`: it was asked by If-None-Match."""
        self.answers[str(status)] += 1
        later = status in (429, 503) and (headers.get("Retry-After") or "").isdecimal()
        if not (200 <= status < 300 or later or (status == 304 and tagged)):
            self.blame(path, f"{status}, Retry-After: {headers.get('Retry-After')}")

    def cut(self, path: str, line: Line, error: Exception, *, begun: bool) -> None:
        """A connection was cut before the answer was whole. `begun`: its head had come."""
        if self.deaths.has_killed(line.port, line.opened):
            self.answers["cut by a kill"] += 1
        elif line.answered and not begun and not isinstance(error, TimeoutError):
            # Of a connection that is kept open any side may close it at any moment.
            self.answers["closed while nothing was asked"] += 1
        else:
            age_s = monotonic() - line.opened
            self.blame(path, f"{error!r} after {age_s:.1f} s and {line.answered} answers")

    def stream_ended(self, line: Line, error: Exception | None) -> None:
        """A stream has ended. `error`: None if it ended as a whole answer does."""
        if self.deaths.has_killed(line.port, line.opened):
            self.answers["stream cut by a kill"] += 1
        elif self.deaths.has_let_go(line.port, line.opened):
            self.answers["stream ended in order"] += 1
        else:
            self.blame("/api/stream", f"ended by {error!r} after {monotonic() - line.opened:.1f} s")
