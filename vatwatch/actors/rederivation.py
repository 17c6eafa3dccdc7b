"""Derives again what late snapshots have touched, for the store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import psycopg2
from msgspec.structs import replace

from vatwatch.actors.collectors_database import CollectorsDatabase
from vatwatch.errors import StorageError
from vatwatch.messages import MarksChanged
from vatwatch.messages.status import RulesStatus
from vatwatch.storage.derive_again import AT_ONCE, derive_marked, read_marks, rules_since
from vatwatch.supervision import Actor, NativePool, Tell, Timer
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.marks import NO_MARKS
from vatwatch.traffic.network_state import Rules
from vatwatch.traffic.thresholds import RULES_VERSION

# Between two looks. Nobody waits for it: until then the row says that it is to be derived again.
LOOK_S = 60.0
# From a late snapshot to the next look: a replay brings many, one after the other.
SOON_S = 2.0


class Rederivation:
    """When the next look is, what is marked, and by which rules the history is."""

    def __init__(
        self,
        store: Actor,
        due: Tell,
        read_areas: Callable[[], KnownAreas],
        *,
        every_s: float = LOOK_S,
    ) -> None:
        """
        Args:
            store: it tells itself `due` when `step` is to be called, at the latest after `every_s`
            due: as above
            read_areas: reads those in use from the disk
            every_s: as above
        """
        self._store = store
        self._due = due
        self._read_areas = read_areas
        self.areas: KnownAreas | None = None
        """Those in use; None: not told yet."""
        self._every_s = every_s
        self._next: Timer | None = None
        self._is_soon = False
        self._newest: datetime | None = None
        self._marks = NO_MARKS
        self.rules = RulesStatus(RULES_VERSION)
        self.derived = 0
        """How many flights and sessions, and the ATIS of how many stations, were derived again."""

    def start(self) -> None:
        """Look now."""
        self._look_in(0)

    def stored(self, time: datetime) -> None:
        """The snapshot of `time` was written. If it came late, answers are to say so soon."""
        if self._newest is None or time > self._newest:
            self._newest = time
        elif not self._is_soon:
            self._look_in(SOON_S)

    def tell_marks(self) -> None:
        """Tell the cache of whom it is to say that they will be derived again."""
        self._store.address("cache").offer(MarksChanged(self._marks))

    def step(self, database: CollectorsDatabase, rules: Rules) -> None:
        """Derive a few, so that no snapshot waits long for it."""
        derived = 0
        rules = replace(rules, areas=self._known_areas())
        # It is reported where it failed, and the rows stay marked.
        with suppress(StorageError, psycopg2.Error):
            derived = database.run(lambda conn: derive_marked(conn, rules))
            since = database.run(rules_since)
            self.rules = RulesStatus(RULES_VERSION, since)
            self._marks = database.run(read_marks)
            self.tell_marks()
        self.derived += derived
        self._look_in(0 if derived >= AT_ONCE else self._every_s)

    def _known_areas(self) -> KnownAreas:
        """Those that the store was told of; one that has restarted may have to read them."""
        if self.areas is None:
            pool = NativePool(1, "areas of the store")
            try:
                self.areas = pool.run(self._read_areas)
            finally:
                pool.close()
        return self.areas

    def _look_in(self, seconds: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._store.after(seconds, self._due)
        self._is_soon = seconds <= SOON_S
