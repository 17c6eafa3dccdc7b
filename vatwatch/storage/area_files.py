"""Reads the files and directories of areas that the operator has named. Everything here blocks."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from vatwatch.config.area_copies import place_digest
from vatwatch.storage.area_copies import AreaCopy, GoodFile, packed
from vatwatch.storage.watched_files import Look, look_at
from vatwatch.traffic.areas.given_file import (
    MOST_BYTES,
    GivenPlace,
    NotAreasError,
    content_digest,
    must_not_shrink,
    read_given,
    too_large,
    unpacked,
)

# A clone of SimAware's project has a file for each of some 1,500 approach units.
MOST_FILES = 5_000


class PlaceReading(NamedTuple):
    """What a place has now."""

    good: tuple[GoodFile, ...]
    """What is to be used; of what is broken, what was good before."""
    errors: tuple[str, ...] = ()
    skipped: int = 0
    """Files of a directory that have nothing of areas."""


def look_at_places(places: Sequence[GivenPlace]) -> Look:
    """The attributes of all files, to see whether one has changed. Does not raise."""
    found: dict[Path, object] = {}
    for place in places:
        path = Path(place.given)
        found[path] = None
        try:
            found.update(dict.fromkeys(_files(path)))
        except (OSError, ValueError):
            continue  # reading it tells why
    return look_at(found)


def read_place(place: GivenPlace, before: Sequence[GoodFile]) -> PlaceReading:
    """Read a file, or the files of a directory and those below it.

    A file that has gone from a directory is meant to be gone, if others are left. Does not raise.

    Args:
        place: no address
        before: what was good of it
    """
    path = Path(place.given)
    try:
        files = [*_files(path)]
    except (OSError, ValueError) as error:
        return PlaceReading(tuple(before), (f"{path.name or path} cannot be read: {why(error)}",))
    is_directory = files != [path]
    by_name = {good.copy.name: good for good in before}
    good: list[GoodFile] = []
    errors: list[str] = []
    skipped = 0
    for file in files:
        name = f"{path.name}/{file.relative_to(path)}" if is_directory else path.name
        known = by_name.get(name)
        try:
            good.append(_read_file(place, file, name, known))
        except NotAreasError as error:
            if is_directory and known is None:
                skipped += 1
                continue
            errors.append(str(error))
        except (OSError, ValueError) as error:
            text = str(error)
            errors.append(f"{name} cannot be read: {why(error)}" if name not in text else text)
        else:
            continue
        if known is not None:
            good.append(known)
    if not good:
        if not errors:
            errors.append(f"{path.name or path} has no file of areas")
        good = list(before)
    return PlaceReading(tuple(good), tuple(errors), skipped)


def take_body(
    place: GivenPlace,
    data: bytes,
    name: str,
    before: GoodFile | None,
    validators: Mapping[str, str] | None = None,
) -> GoodFile:
    """Check a content against what was good before.

    Raises:
        ValueError: it cannot be used, or not in the place of what was there (see `given_file`)
    """
    data = unpacked(data, name)
    digest = content_digest(data)
    headers = dict(validators or {})
    if before is not None and before.copy.digest == digest:
        return before._replace(copy=replace(before.copy, validators=headers))
    file = read_given(data, name, place.setting)
    if before is not None:
        must_not_shrink(file, before.file)
    copy = AreaCopy(
        place.setting, place_digest(place.given), name, digest, datetime.now(UTC), headers
    )
    return GoodFile(copy, packed(data), file)


def why(error: Exception) -> str:
    """The system's reason, without a path."""
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return str(error)


def _read_file(place: GivenPlace, path: Path, name: str, before: GoodFile | None) -> GoodFile:
    # Without waiting for a writer, if a pipe has its name.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{name} is not a file")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(too_large(name))
    return take_body(place, data, name, before)


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or those of a directory, in order; hidden ones are left out."""
    if not path.is_dir():
        path.stat()
        yield path
        return
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise error

    for directory, below, names in os.walk(path, onerror=refuse):
        below[:] = [name for name in below if not name.startswith(".")]
        found.extend(Path(directory) / name for name in names if not name.startswith("."))
        if len(found) > MOST_FILES:
            raise ValueError(f"it has more than {MOST_FILES:,} files")
    yield from sorted(found)
