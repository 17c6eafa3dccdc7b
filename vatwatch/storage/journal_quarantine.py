"""The quarantine: unusable entries, each with its reason in a text file beside it.

Its entries are stored nowhere else, so they are deleted last when the journal needs room.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vatwatch.storage.journal_entry import EntryInfo
from vatwatch.storage.journal_files import delete_file
from vatwatch.storage.journal_shelf import Shelf

REASON_SUFFIX = ".reason.txt"


@dataclass(frozen=True, slots=True)
class SetAside:
    """The result of quarantining an entry."""

    name: str
    path: Path | None
    """Its path in quarantine; None: it could not be moved there."""
    why_not: str = ""

    @property
    def fate(self) -> str:
        """The result in words, for a log line."""
        if self.path is not None:
            return f"it is in quarantine: {self.path}"
        return (
            f"it cannot be moved to the quarantine ({self.why_not}), and is passed over until the "
            "next start"
        )


class QuarantinedEntries:
    """The folder `quarantine/` of one journal. Its methods block."""

    def __init__(self, directory: Path, shelf: Shelf) -> None:
        """`directory` is the journal's; `shelf` holds what is in quarantine already."""
        self.shelf = shelf
        self.dropped = 0
        """Entries that were deleted to make room."""
        self.unusable = 0
        """Files that could not be moved here, or not be deleted."""
        self.folder = directory / "quarantine"

    def take(self, info: EntryInfo, reason: str) -> SetAside:
        """Move an entry's file here. If the disk refuses, the file stays where it is."""
        path = self.folder / info.path.name
        try:
            self.folder.mkdir(exist_ok=True)
            info.path.rename(path)
        except OSError as error:
            self.unusable += 1
            return SetAside(info.path.name, None, str(error))
        self.add(EntryInfo(info.id, path, info.size_bytes), reason)
        return SetAside(info.path.name, path)

    def add(self, info: EntryInfo, reason: str) -> None:
        """Count an entry whose file is in the folder, and write its reason beside it."""
        self.shelf.add(info)
        with suppress(OSError):  # on a full disk the entry is quarantined without its reason
            _reason_of(info).write_text(reason + "\n")

    def evict(self, size_bytes: int) -> int:
        """Delete at least so many bytes of the oldest entries. Returns how many bytes were
        deleted."""
        gone = self.shelf.evict(size_bytes, keep=0, delete=_delete)
        self.unusable += gone.undeleted
        self.dropped += gone.entries
        return gone.freed_bytes


def _delete(info: EntryInfo) -> bool:
    gone = delete_file(info.path)
    delete_file(_reason_of(info))
    return gone


def _reason_of(info: EntryInfo) -> Path:
    return info.path.with_suffix(REASON_SUFFIX)
