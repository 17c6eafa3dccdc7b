"""Decodes and compares snapshots for the processor in a native thread, and keeps counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from vatwatch.messages import SnapshotJournaled
from vatwatch.storage.small_file import SmallFile
from vatwatch.storage.work_note import WorkNote
from vatwatch.supervision import NativePool
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.conditions import Usual
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import (
    ComparedSnapshot,
    DecodedSnapshot,
    Options,
    compare,
    decode_snapshot,
)

log = logging.getLogger(__name__)


T = TypeVar("T")


class SnapshotReader:
    """The processor's slow work: some tens of milliseconds for 2,000 pilots."""

    def __init__(
        self,
        options: Options,
        journal: Path | None,
        usual: Path | None,
        areas: Callable[[], KnownAreas],
    ) -> None:
        """
        Args:
            options: rules, filters, and whether names are kept
            journal: its directory, for the note of which entry the process is working on, so that
                the next process knows if this one dies of it (`work_note`; None: there is no note,
                and a snapshot that ends the process is not counted)
            usual: the file that tells the next process how many pilots are usual (None: there is
                none, and that process begins without)
            areas: reads those in use from the disk
        """
        self.options = options
        self._read_areas = areas
        self._note = None if journal is None else WorkNote(journal)
        self._usual = None if usual is None else SmallFile(usual, Usual)
        self._pool = NativePool(1, "processor")
        self.processed = 0
        """Snapshots that were decoded, one that came twice counted twice."""
        self.quarantined_records = 0
        self.lost_values: Counter[str] = Counter()
        """Values of good records that could not be read, by `kind.field`."""
        self.plan_texts_unreadable: Counter[str] = Counter()
        """Texts of new plans that mean nothing that can be told, by field."""
        self.let_through: dict[str, dict[str, int]] = {}
        self.kept_out: dict[str, dict[str, int]] = {}
        """Counts of the newest snapshot: kept out, by filter and kind of record, and let
        through."""

    def decode(self, entry: SnapshotJournaled) -> DecodedSnapshot:
        """Decode, validate and filter an entry.

        Raises:
            FeedError: the whole entry is unusable, and stays so
            SupervisionError: the thread is closed, or hangs
            Exception: a bug that this snapshot shows; nothing is changed by it
        """
        decoded = self._run(entry, decode_snapshot, entry.data, entry.transceivers, self.options)
        self.processed += 1
        self.quarantined_records += decoded.set_aside
        self.lost_values.update(decoded.lost)
        self.let_through = decoded.counts.let_through
        self.kept_out = decoded.counts.kept_out
        log.debug("Filters let through %s and kept out %s", self.let_through, self.kept_out)
        return decoded

    def compare(
        self, entry: SnapshotJournaled, before: NetworkState, decoded: DecodedSnapshot
    ) -> ComparedSnapshot:
        """Compare a decoded entry with the state before it. Raises as `decode`, but no FeedError.

        `before` must be of an earlier time than the snapshot, or empty.
        """
        compared = self._run(entry, compare, before, decoded, self.options.rules)
        changes = compared.changes
        for filed in (*changes.flights.plans_opened, *changes.prefiles.opened):
            self.plan_texts_unreadable.update(filed.parsed.unreadable)
        return compared

    def change_options(self, options: Options) -> None:
        """Use these from the next snapshot on, with the areas that are in use."""
        self.options = _with_areas(options, self.options.rules.areas)

    def change_areas(self, areas: KnownAreas) -> bool:
        """Use these from the next snapshot on. Returns whether they are others."""
        if areas == self.options.rules.areas:
            return False
        self.options = _with_areas(self.options, areas)
        return True

    def read_areas(self) -> None:
        """Use the areas that are on the disk."""
        self.change_areas(self._pool.run(self._read_areas))

    def usual_before(self) -> Usual | None:
        """What the process before this one found usual; None if nobody knows."""
        return None if self._usual is None else self._pool.run(self._usual.read)

    def keep_usual(self, usual: Usual) -> None:
        """Leave it to the next process."""
        if self._usual is not None:
            self._pool.run(self._usual.write, usual)

    def close(self) -> None:
        """End the thread."""
        self._pool.close()

    def _run(self, entry: SnapshotJournaled, work: Callable[..., T], *args: object) -> T:
        if self._note is None:
            return self._pool.run(work, *args)
        done: T = self._pool.run(self._note.during, entry.entry_id, work, *args)
        return done


def _with_areas(options: Options, areas: KnownAreas) -> Options:
    return replace(options, rules=replace(options.rules, areas=areas))
