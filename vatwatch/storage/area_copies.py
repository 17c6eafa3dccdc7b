"""The last good copies of the operator's files of areas, so that every start has the same areas.

In the directory are the contents, each under its digest, and a list of them. Contents are written
first and the list is renamed into its place last, all of it fsynced: whoever reads, and whenever
the machine dies, has the one list with all of its contents or the other. Everything here blocks.
"""

from __future__ import annotations

import gzip
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from vatwatch.config.area_copies import LIST_NAME, SUFFIX, place_digest
from vatwatch.storage.fsync import sync
from vatwatch.storage.home_files import ASIDE_SUFFIX
from vatwatch.traffic.areas.given_file import AreaSetting, GivenPlace, read_given
from vatwatch.traffic.areas.known_areas import KnownAreas, ReadFile, known_areas

log = logging.getLogger(__name__)

# Another process may delete a content between our reading of the list and of the content.
TRIES = 3


class AreaCopy(Struct, frozen=True):
    """A line of the list."""

    setting: AreaSetting
    place: str
    """Digest of what the operator named: an address may have a password."""
    name: str
    digest: str
    """Of the content; also the begin of its file's name."""
    taken_at: datetime
    validators: dict[str, str] = {}
    """The headers of conditional requests (RFC 9110, section 13)."""


class GoodFile(NamedTuple):
    """A file that can be used, and its content for the copy."""

    copy: AreaCopy
    packed: bytes
    """With gzip."""
    file: ReadFile


class _List(Struct, frozen=True):
    copies: tuple[AreaCopy, ...]


def packed(data: bytes) -> bytes:
    """A content as it is kept; the same for the same content."""
    return gzip.compress(data, 1, mtime=0)


class AreaCopies:
    """The directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, places: Sequence[GivenPlace]) -> list[GoodFile]:
        """The copies of what these places had, in the order of the places.

        One that is damaged or gone is left out and logged. Never raises OSError.
        """
        for _ in range(TRIES):
            copies = self._list()
            found = [*self._good(copies, places)]
            if copies == self._list():
                break
        return found

    def known(self, places: Sequence[GivenPlace]) -> KnownAreas:
        """The same, put together."""
        return known_areas([good.file for good in self.read(places)])

    def write(self, good: Sequence[GoodFile]) -> None:
        """Replace the list and its contents. Raises OSError; then the list before is still there,
        whole."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for one in good:
            path = self._path(one.copy.digest)
            if not path.exists() or path.stat().st_size != len(one.packed):
                _write(path, one.packed)
        sync(self.directory)
        copies = tuple(one.copy for one in good)
        _write(self.directory / LIST_NAME, msgspec.json.format(msgspec.json.encode(_List(copies))))
        sync(self.directory)
        self._remove_others({self._path(copy.digest).name for copy in copies})

    def _list(self) -> tuple[AreaCopy, ...]:
        try:
            data = (self.directory / LIST_NAME).read_bytes()
            return msgspec.json.decode(data, type=_List).copies
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("The list of the copies of areas cannot be read: %s", error)
            return ()

    def _good(self, copies: Sequence[AreaCopy], places: Sequence[GivenPlace]) -> Iterator[GoodFile]:
        for place in places:
            wanted = place.setting, place_digest(place.given)
            for copy in copies:
                if (copy.setting, copy.place) != wanted:
                    continue
                try:
                    data = self._path(copy.digest).read_bytes()
                    file = read_given(data, copy.name, copy.setting)
                except (OSError, ValueError) as error:
                    log.warning("The copy of %s cannot be used: %s", copy.name, error)
                    continue
                if file.digest == copy.digest:
                    yield GoodFile(copy, data, file)
                else:
                    log.warning("The copy of %s is not what was written.", copy.name)

    def _path(self, digest: str) -> Path:
        return self.directory / f"{digest}{SUFFIX}"

    def _remove_others(self, names: set[str]) -> None:
        with suppress(OSError):
            for path in list(self.directory.iterdir()):
                if path.suffix in (SUFFIX, ASIDE_SUFFIX) and path.name not in names:
                    path.unlink()


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(path.name + ASIDE_SUFFIX)
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
