"""Server-sent events, read from bytes as they come (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

# The snapshot of the busiest evening is 6 MB; what does not end is no message of ours.
MOST_CHARACTERS = 128 * 1024 * 1024
# A "\r" at the end may be the first half of an end of line.
END_OF_LINE = re.compile(r"\r\n|\n|\r(?!\Z)")


class MessageTooLong(ValueError):
    """A line or a message that does not end."""


@dataclass(frozen=True, slots=True)
class ServerSent:
    """A message as it was sent. Without `data` it only moves the place in the stream."""

    event: str
    data: str | None
    last_id: str
    """The latest `id` that was sent, with this message or before it."""


class ServerSentParser:
    """Of one connection."""

    def __init__(self, last_id: str = "", most_characters: int = MOST_CHARACTERS) -> None:
        """`last_id`: that of the connection before, which a message without an `id` has, too."""
        self.retry_ms: int | None = None
        """How long to wait before coming back, as the service wants it."""
        self._last_id = last_id
        self._most = most_characters
        # As the standard has it: a mark at the beginning is skipped, bad bytes are replaced.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._pieces: list[str] = []
        self._held = 0
        self._event = ""
        self._data: list[str] = []

    def feed(self, content: bytes) -> Iterator[ServerSent]:
        """The messages that end within these bytes.

        Raises:
            MessageTooLong: more is to be kept than may be
        """
        text = self._decoder.decode(content)
        if END_OF_LINE.search(text) is None and not self._ends_in_return():
            self._keep(text)  # megabytes come in pieces, and are joined once
            return
        *lines, rest = END_OF_LINE.split("".join([*self._pieces, text]))
        self._pieces, self._held = [], sum(map(len, self._data))
        for line in lines:
            message = self._take(line)
            if message is not None:
                yield message
        self._keep(rest)

    def _ends_in_return(self) -> bool:
        return bool(self._pieces) and self._pieces[-1].endswith("\r")

    def _keep(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._hold(text)

    def _hold(self, text: str) -> None:
        self._held += len(text)
        if self._held > self._most:
            raise MessageTooLong(f"a message has more than {self._most} characters")

    def _take(self, line: str) -> ServerSent | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
                self._hold(value)
            case "id" if "\0" not in value:
                self._last_id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.retry_ms = int(value)
            case _:  # a comment, which begins with ":", or a field that nobody knows
                pass
        return None

    def _end(self) -> ServerSent:
        data = "\n".join(self._data) if self._data else None
        message = ServerSent(self._event or "message", data, self._last_id)
        self._event, self._data, self._held = "", [], 0
        return message
