"""What was fetched: a copy of every entry that the journal of any node ever held."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent

from vatwatch.storage.journal_entry import SUFFIX, read_header

LOOK_S = 0.1


@dataclass(slots=True)
class Ledger:
    """The copies, in a directory for each node; those of a service that is alone in none."""

    home: Path
    """VATWATCH_HOME."""
    copies: Path
    seen: set[Path] = field(default_factory=set)
    """Below `copies`."""
    set_aside: set[Path] = field(default_factory=set)
    """Entries in quarantine at the end."""
    _watcher: Any = None

    def start(self) -> None:
        """Look again and again until `stop`."""
        self.copies.mkdir(parents=True, exist_ok=True)
        self._watcher = gevent.spawn(self._watch)

    def stop(self) -> None:
        """Look a last time."""
        self._watcher.kill()
        self._look()
        # What was set aside, and said to be, is not to be in the database. An undisturbed run has
        # no clock of its own to doubt these by.
        self.set_aside = {
            node / path.name
            for node, journal in self._journals()
            for path in journal.glob(f"quarantine/*{SUFFIX}")
        }
        for name in self.set_aside & self.seen:
            (self.copies / name).unlink()

    def fetched(self) -> int:
        """How many updates were fetched."""
        return len({update for update, _ in self._by_fetch()}) + len(self.set_aside)

    def in_order(self, stored: Sequence[tuple[datetime, datetime]]) -> list[Path]:
        """The copies in the order in which they were stored: directories, in each of which they
        are stored as they come.

        Two nodes may have fetched the same update, with the radios of different moments: the copy
        is that of the one that was stored.

        Args:
            stored: of each snapshot its update, and when it was fetched
        """
        fetched = self._by_fetch()
        of_update = {update: path for (update, _), path in fetched.items()}
        groups: list[list[Path]] = [[]]
        latest: datetime | None = None
        for update, at in stored:
            path = fetched.get((update, at)) or of_update.get(update)
            if path is None:
                continue  # the database has what was never fetched: its rows will differ
            if latest is not None and update < latest:
                groups.append([])
            latest = update
            groups[-1].append(path)
        groups.append([of_update[one] for one in of_update.keys() - {one for one, _ in stored}])
        return [self._together(number, paths) for number, paths in enumerate(groups) if paths]

    def _together(self, number: int, paths: list[Path]) -> Path:
        place = self.copies.with_name(f"{self.copies.name}-{number}")
        place.mkdir()
        for path in paths:
            # Of two nodes, entries may have the same name.
            os.link(path, place / f"{path.parent.name}-{path.name}")
        return place

    def _by_fetch(self) -> dict[tuple[datetime, datetime], Path]:
        """The copies by their update, and when it was fetched. An entry that was handed over is
        there twice, with the same content."""
        found = {}
        for name in sorted(self.seen - self.set_aside):
            header = read_header(self.copies / name)
            found[header.update_timestamp, header.fetched_at] = self.copies / name
        return found

    def _journals(self) -> list[tuple[Path, Path]]:
        every = [self.home / "journal", *self.home.glob("*/journal")]
        return [(journal.parent.relative_to(self.home), journal) for journal in every]

    def _watch(self) -> None:
        while True:
            self._look()
            gevent.sleep(LOOK_S)

    def _look(self) -> None:
        for node, journal in self._journals():
            (self.copies / node).mkdir(exist_ok=True)
            for folder, _, names in os.walk(journal):
                if Path(folder).name == "quarantine":
                    continue
                for name in names:
                    # An entry moves from one folder to another; a link keeps it whatever happens.
                    if name.endswith(SUFFIX) and node / name not in self.seen:
                        with suppress(FileNotFoundError):
                            os.link(Path(folder) / name, self.copies / node / name)
                            self.seen.add(node / name)
