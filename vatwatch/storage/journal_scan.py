"""Scans a journal's directory at the start.

A strange name, a folder that cannot be listed, something in the archive that is not a file: each is
skipped and counted. Only `pending/` must be readable as a whole: a hidden entry would be taken for
a stored one. So everything with an entry's name there counts as an entry, even a folder, a pipe or
a device: reading it fails and quarantines it with a reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vatwatch.storage.home_files import ASIDE_SUFFIX
from vatwatch.storage.journal_entry import MOST_ID, SUFFIX, EntryInfo, id_in
from vatwatch.storage.journal_shelf import Shelf

# A file with the last id that was given. Written only when no entry's file shows it any more.
HIGH_WATER = "high-water"
# Ids that are skipped if a folder cannot be listed, since it may hold the latest id: half a year of
# updates, and more entries than any journal has room for.
LEAP = 1_000_000


@dataclass(slots=True)
class Scan:
    """The result of a scan: entries by folder, and what is needed to give new ids."""

    pending: Shelf = field(default_factory=Shelf)
    archive: Shelf = field(default_factory=Shelf)
    quarantined: Shelf = field(default_factory=Shelf)
    doubles: list[EntryInfo] = field(default_factory=list)
    """Files in `pending/` with the id of another entry, or with one that leaves no room for later
    ids."""
    last_id: int = 0
    """No id up to this one may be given again."""
    torn: int = 0
    """How many half-written files were deleted."""
    unusable: int = 0
    """How many files and folders were skipped."""
    hidden: bool = False
    """Whether a part that could not be read may contain later ids."""


def scan(directory: Path) -> Scan:
    """Look through the journal's folders, once, at the start. Deletes half-written files.

    Raises:
        OSError: `pending/` cannot be listed; other folders only make the scan `hidden`
    """
    found = Scan()
    with os.scandir(directory / "pending") as listing:
        names = sorted(each.name for each in listing)
    for folder, shelf in (("archive", found.archive), ("quarantine", found.quarantined)):
        for path in _files(directory / folder, found):
            info = _entry_at(path, found, only_files=shelf is found.archive)
            if info is not None and info.id > MOST_ID:
                found.unusable += 1
            elif info is not None:
                shelf.add(info)
    for name in names:
        _look_at_pending(directory / "pending" / name, found)
    found.last_id = _last_id(found, names, directory / HIGH_WATER)
    return found


def _look_at_pending(path: Path, found: Scan) -> None:
    if path.name.endswith(ASIDE_SUFFIX):
        with suppress(OSError):  # a folder, or it cannot be removed: it harms nobody
            path.unlink()
            found.torn += 1
        return
    info = _entry_at(path, found)
    if info is None:
        return
    archived = found.archive.get(info.id)
    is_taken = info.id in found.pending or (archived and archived.path.name != path.name)
    if is_taken or info.id > MOST_ID:
        found.doubles.append(info)
    else:
        found.pending.add(info)


def _files(folder: Path, found: Scan) -> Iterator[Path]:
    def hidden(_error: OSError) -> None:
        found.hidden = True
        found.unusable += 1

    for parent, _, files in os.walk(folder, onerror=hidden):
        for file in sorted(files):
            yield Path(parent) / file


def _entry_at(path: Path, found: Scan, *, only_files: bool = False) -> EntryInfo | None:
    """The entry of a file; None if its name is not an entry's, it is gone, or it is not a file."""
    entry_id = id_in(path.name)
    if entry_id is None:
        found.unusable += path.name.endswith(SUFFIX)
        return None
    found.hidden |= entry_id > MOST_ID  # it may have had the latest id
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return EntryInfo(entry_id, path, 0)  # reading it will show what it is
    is_file = stat.S_ISREG(status.st_mode)
    if only_files and not is_file:
        found.unusable += 1
        return None
    return EntryInfo(entry_id, path, status.st_size if is_file else 0)


def _last_id(found: Scan, names: list[str], high_water: Path) -> int:
    seen = [0]
    try:
        told = int(high_water.read_bytes())
        if told > MOST_ID:
            found.hidden = True
        else:
            seen.append(told)
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        found.hidden = True
    newest = (found.archive.last(), found.quarantined.last())
    seen += [info.id for info in newest if info is not None]
    # By their names, so that a folder with an entry's name does no harm.
    seen += [entry_id for name in names if (entry_id := id_in(name) or 0) <= MOST_ID]
    return max(seen) + LEAP * found.hidden
