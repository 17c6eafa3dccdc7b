"""The form of a journal entry: its file's name, and what is in the file.

`<id>-<feed time>.vwj`, the id with at least twelve digits, the time in UTC to the second. A file is
three zstd frames, one behind the other, each with a checksum of its own: a line of JSON, the data
feed's body, the transceivers' body (if there was one), so `zstdcat` shows all of it.
"""

from __future__ import annotations

import io
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import zstandard
from msgspec import Meta, Struct

from vatwatch.errors import JournalCorrupt

SUFFIX = ".vwj"
FORMAT = 1
# Level 3 takes twice the time of level 1 and saves 5 % more; the database waits for it.
LEVEL = 1
# More than the length of the first frame; its longest part is the feed's address.
HEADER_BYTES = 64 * 1024

# Fifteen digits last for 475 million years at four updates a minute. A larger number is not ours,
# and would make every later name longer, up to the limit of the file system.
_NAME = re.compile(r"([0-9]{1,15})-([0-9]{8}T[0-9]{6}Z)\.vwj")
# New ids are counted up from those that are found, and must fit into such a name. So an id that
# leaves no room for later ones is not ours either; a tenth of the range is 47 million years.
MOST_ID = 10**14


@dataclass(frozen=True, slots=True)
class Entry:
    """One snapshot as it was fetched. `fetched_at` is the wall clock, the other time the feed's."""

    id: int
    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str


@dataclass(frozen=True, slots=True, order=True)
class EntryInfo:
    """Where an entry is, and how large its file."""

    id: int
    path: Path
    size_bytes: int

    @property
    def time(self) -> datetime | None:
        """The feed's time in the file's name; None if it is not a valid time."""
        try:
            return datetime.strptime(stamp_in(self.path), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            return None


class Header(Struct, frozen=True):
    """The first frame. `transceivers`: whether there is a third."""

    id: int
    update_timestamp: Annotated[datetime, Meta(tz=True)]
    fetched_at: Annotated[datetime, Meta(tz=True)]
    source: str
    transceivers: bool
    format: int = FORMAT


def name_of(entry_id: int, update_timestamp: datetime) -> str:
    """The file's name."""
    return stamped_name(entry_id, stamp_of(update_timestamp))


def stamped_name(entry_id: int, stamp: str) -> str:
    """The file's name, with the feed's time as a text (`stamp_of`)."""
    return f"{entry_id:012d}-{stamp}{SUFFIX}"


def stamp_of(update_timestamp: datetime) -> str:
    """The feed's time as it is written in a name, to the second: `20240229T235955Z`."""
    time = update_timestamp.astimezone(UTC)
    # %Y is not padded on all systems, and a name of another form would not be found again.
    return f"{time.year:04d}{time:%m%dT%H%M%SZ}"


def id_in(name: str) -> int | None:
    """The id of the entry whose file has this name; None if it is not the name of an entry."""
    found = _NAME.fullmatch(name)
    return int(found[1]) or None if found is not None else None


def stamp_in(path: Path) -> str:
    """The feed's time in an entry's name, as `stamp_of` writes it."""
    return path.name.removesuffix(SUFFIX).partition("-")[2]


def encode(header: Header, data: bytes, transceivers: bytes | None) -> bytes:
    """The content of an entry's file."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    frames = [msgspec.json.encode(header) + b"\n", data]
    if transceivers is not None:
        frames.append(transceivers)
    return b"".join(map(compressor.compress, frames))


def read_header(path: Path) -> Header:
    """The header of an entry's file, without the bodies. Raises JournalCorrupt, OSError."""
    begin = _read(path, HEADER_BYTES)
    try:
        line = zstandard.ZstdDecompressor().decompressobj().decompress(begin)
        return msgspec.json.decode(line, type=Header)
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalCorrupt(f"{path.name}: {error}") from error


def read_entry(path: Path) -> Entry:
    """The entry in a file. Raises JournalCorrupt, OSError."""
    frames: list[bytes] = []
    rest = _read(path)
    try:
        while rest:
            decompressor = zstandard.ZstdDecompressor().decompressobj()
            frames.append(decompressor.decompress(rest))
            if not decompressor.eof:
                raise JournalCorrupt(f"{path.name}: it ends too early")
            rest = decompressor.unused_data
        header = msgspec.json.decode(frames[0], type=Header)
        if header.format != FORMAT or len(frames) != 2 + header.transceivers:
            raise JournalCorrupt(f"{path.name}: not an entry of format {FORMAT}")
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
        raise JournalCorrupt(f"{path.name}: {error}") from error
    return Entry(
        header.id,
        header.update_timestamp,
        header.fetched_at,
        frames[1],
        frames[2] if header.transceivers else None,
        header.source,
    )


def _read(path: Path, size: int = -1) -> bytes:
    """The first bytes of a file, or all of them.

    Raises:
        JournalCorrupt: it is not a regular file: a pipe would never answer, a device has no end
        OSError: the disk's error
    """
    # By `io.open`, so that opening a pipe does not wait for a writer.
    with io.open(path, "rb", opener=_open_at_once) as file:  # noqa: UP020
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise JournalCorrupt(f"{path.name}: not a regular file")
        return file.read(size)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
