"""A small file with one value, for the next process. It is a convenience, so nothing here raises.

It is neither fsynced nor renamed: what a kill or a full disk leaves of it is read as no value.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class SmallFile(Generic[T]):
    """One file. Its methods block."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        """`kind`: what msgspec makes of the JSON in it."""
        self._path = path
        self._decoder = msgspec.json.Decoder(kind)

    def read(self) -> T | None:
        """The value that was written last; None if there is none that can be read."""
        try:
            return self._decoder.decode(self._path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, value: T) -> None:
        """Put this value in the place of the one before, if the disk takes it."""
        with suppress(OSError):
            self._path.write_bytes(msgspec.json.encode(value))
