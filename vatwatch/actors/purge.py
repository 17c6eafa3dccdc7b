"""Deletes rows that are older than their retention, for the store."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg2

from vatwatch.actors.collectors_database import CollectorsDatabase
from vatwatch.errors import StorageError
from vatwatch.storage.retention import BATCH, Retention
from vatwatch.supervision import Actor, Tell, Timer


class Purge:
    """Which rows are deleted after what time, and when the next look is."""

    def __init__(
        self, store: Actor, due: Tell, retentions: Sequence[Retention], *, every_s: float
    ) -> None:
        """
        Args:
            store: tells itself `due` when `step` is to be called
            due: as above
            retentions: if empty, nothing is deleted here, whatever its age
            every_s: between two looks
        """
        self._store = store
        self._due = due
        self._retentions = retentions
        self._every_s = every_s
        self._timer: Timer | None = None

    @property
    def deletes(self) -> bool:
        """Whether anything is ever deleted."""
        return bool(self._retentions)

    def start(self) -> None:
        """Look now."""
        self._look_in(0)

    def change(self, retentions: Sequence[Retention]) -> None:
        """Use other retentions from now on."""
        if retentions != self._retentions:
            self._retentions = retentions
            self._look_in(0)

    def step(self, database: CollectorsDatabase) -> None:
        """Delete some thousands of rows at a time, so that no snapshot waits long for it."""
        more = False
        try:
            for retention in self._retentions:
                more |= database.run(retention.purge) >= BATCH
        except (StorageError, psycopg2.Error):
            pass  # it is reported where it failed, and the rows can be deleted later
        self._look_in(0 if more else self._every_s)

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._store.after(seconds, self._due)
