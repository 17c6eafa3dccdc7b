"""Outbox: a file for what is on its way to the database or to a handler, one JSON line each.

Accepted records are appended, so they survive a kill of the process before the database has them.
There is no fsync: a machine that loses power may lose the last of them. When nothing is on its way
the file is emptied. An ordered stop rewrites it with all that is left. Each line is independent:
one that was cut off is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from vatwatch.events.dead_letters import DeadLetter
from vatwatch.events.event import EventRow
from vatwatch.monitoring.errors import ErrorRecord

log = logging.getLogger(__name__)


class EventLine(Struct, frozen=True, tag="event"):
    """This event may not be in the table."""

    event: EventRow


class LetterLine(Struct, frozen=True, tag="letter"):
    """This dead letter may not be in the table."""

    letter: DeadLetter


class DeliveryLine(Struct, frozen=True, tag="delivery"):
    """This event was not handled by this handler yet."""

    handler: str
    event: EventRow
    attempts: int
    redelivery: bool = False


BusLine: TypeAlias = EventLine | LetterLine | DeliveryLine
BUS_LINES: Decoder[BusLine] = Decoder(BusLine)
ERROR_LINES: Decoder[ErrorRecord] = Decoder(ErrorRecord)

L = TypeVar("L")


class Outbox(Generic[L]):
    """The file. If the disk is full or broken, only the copy is missing; `error` says why."""

    def __init__(self, path: Path, lines: Decoder[L]) -> None:
        self._path = path
        self._lines = lines
        self._file: IO[bytes] | None = None
        self.error = ""
        self.torn = 0
        """Lines that could not be read."""

    def load(self) -> list[L]:
        """The lines that the last process left, oldest first; `torn` counts unreadable ones."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            self.error = str(error)
            return []
        return [*self._decoded(lines)]

    def append(self, *lines: L) -> None:
        """Append lines. Never raises: a failure is in `error`, until a later try succeeds."""
        self._try(lambda: self._write(_encoded(lines)))

    def rewrite(self, lines: Iterable[L]) -> None:
        """Replace the whole file by these lines, by a rename. Never raises; see `error`."""
        data = _encoded(lines)
        self.close()
        self._try(lambda: self._replace(data))

    def close(self) -> None:
        """Close the file; the next `append` opens it again."""
        if self._file is not None:
            file, self._file = self._file, None
            self._try(file.close)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
        self._file.write(data)

    def _replace(self, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_bytes(data)
        new.replace(self._path)

    def _decoded(self, lines: Iterable[bytes]) -> Iterator[L]:
        for line in lines:
            try:
                yield self._lines.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.torn += 1

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except OSError as error:
            if not self.error:
                log.warning(
                    "%s cannot be written: %s. What is on its way is in memory alone, and is lost "
                    "if the process is killed before the database has it.",
                    self._path,
                    error.strerror or type(error).__name__,
                )
            self.error = str(error)
        else:
            if self.error:
                log.info("%s can be written again.", self._path)
            self.error = ""


def _encoded(lines: Iterable[object]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
