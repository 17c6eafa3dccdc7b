"""Updates whose clock is in doubt (`feed/clock.py`): durable, but not handed out.

They are journal entries in the folder `held/`, and count towards its bound. One is later released,
which makes it the newest pending entry, or dropped into quarantine. Each is a single rename, so
after a crash it is in exactly one place. There are few of them: the decision about a clock needs
three.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from vatwatch.errors import JournalCorrupt
from vatwatch.feed.clock import Moment
from vatwatch.storage.home_files import ASIDE_SUFFIX
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import EntryInfo, id_in, read_header
from vatwatch.storage.journal_quarantine import SetAside
from vatwatch.storage.journal_shelf import Shelf

FOLDER = "held"


class HeldEntries:
    """The entries of `held/`. Call its methods where the journal's are called, one at a time."""

    def __init__(self, directory: Path, journal: Journal) -> None:
        """`directory` is the journal's."""
        self._folder = directory / FOLDER
        self._journal = journal
        self._shelf = Shelf()
        self._moments: dict[int, Moment] = {}

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def size_bytes(self) -> int:
        """Bytes of all held files together."""
        return self._shelf.size_bytes

    def open(self) -> None:
        """Read the folder, after the journal is opened. Unreadable files go to quarantine.

        If the folder cannot be read, its entries are ignored.
        """
        self._shelf, self._moments = Shelf(), {}
        paths: list[Path] = []
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            paths = sorted(self._folder.iterdir())
        for path in paths:
            if path.suffix == ASIDE_SUFFIX:
                with suppress(OSError):  # a folder, or it cannot be removed: it does no harm
                    path.unlink()
            entry_id = id_in(path.name)
            if entry_id is None:
                continue
            self._journal.skip_ids(entry_id)
            try:
                info = EntryInfo(entry_id, path, path.stat().st_size)
                moment = _moment_of(path)
            except (JournalCorrupt, OSError) as error:
                info = EntryInfo(entry_id, path, 0)
                self._journal.put_aside(info, f"it was held, and cannot be read: {error}")
                continue
            self._add(info, moment)
        self._count()

    def moments(self) -> tuple[Moment, ...]:
        """The clocks of the held updates, in the order in which they were fetched."""
        return tuple(self._moments[info.id] for info in self._shelf)

    def hold(
        self,
        *,
        update_timestamp: datetime,
        fetched_at: datetime,
        data: bytes,
        transceivers: bytes | None,
        source: str,
    ) -> bool:
        """Keep an update. Returns False if an update of that time is kept already, in any folder.

        Raises:
            JournalFull, OSError: as `Journal.append`
        """
        if self._find(update_timestamp) is not None or self._journal.has(update_timestamp):
            return False
        info = self._journal.write(
            FOLDER,
            update_timestamp=update_timestamp,
            fetched_at=fetched_at,
            data=data,
            transceivers=transceivers,
            source=source,
        )
        self._add(info, Moment(update_timestamp, fetched_at))
        self._count()
        return True

    def release(self, update_timestamp: datetime) -> EntryInfo | None:
        """Make it the newest pending entry. Returns None if it is not held (any more).

        Raises:
            JournalFull, OSError: as `Journal.admit`; it is still held
        """
        info = self._find(update_timestamp)
        if info is None:
            return None
        moment = self._remove(info)
        try:
            return self._journal.admit(info)
        except FileNotFoundError:
            return None  # somebody has deleted it
        except Exception:
            self._add(info, moment)
            raise
        finally:
            self._count()

    def drop(self, update_timestamp: datetime, reason: str) -> SetAside | None:
        """Put it into quarantine. Returns the result; None if it is not held (any more)."""
        info = self._find(update_timestamp)
        if info is None:
            return None
        self._remove(info)
        self._count()
        return self._journal.put_aside(info, reason)

    def _find(self, update_timestamp: datetime) -> EntryInfo | None:
        for info in self._shelf:
            if self._moments[info.id].time == update_timestamp:
                return info
        return None

    def _add(self, info: EntryInfo, moment: Moment) -> None:
        self._shelf.add(info)
        self._moments[info.id] = moment

    def _remove(self, info: EntryInfo) -> Moment:
        self._shelf.remove(info.id)
        return self._moments.pop(info.id)

    def _count(self) -> None:
        self._journal.held_bytes = self._shelf.size_bytes


def _moment_of(path: Path) -> Moment:
    """Raises JournalCorrupt, OSError."""
    header = read_header(path)
    moment = Moment(header.update_timestamp, header.fetched_at)
    if not moment.is_possible:
        raise JournalCorrupt(f"{path.name}: its times are not within the feed's years")
    return moment
