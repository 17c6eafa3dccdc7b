"""Derives again what late snapshots have touched, for the store."""

from __future__ import annotations

from contextlib import suppress

import psycopg2

from vatwatch.actors.database import Database
from vatwatch.errors import StorageError
from vatwatch.messages.status import RulesStatus
from vatwatch.storage.derive_again import AT_ONCE, derive_marked, rules_since
from vatwatch.supervision import Actor, Tell
from vatwatch.traffic.network_state import Rules
from vatwatch.traffic.thresholds import RULES_VERSION

# Between two looks. Nobody waits for it: until then the row says that it is to be derived again.
LOOK_S = 60.0


class Rederivation:
    """When the next look is, and by which rules the history is."""

    def __init__(self, store: Actor, due: Tell, *, every_s: float = LOOK_S) -> None:
        """`store` tells itself `due` when `step` is to be called, at the latest after `every_s`."""
        self._store = store
        self._due = due
        self._every_s = every_s
        self.rules = RulesStatus(RULES_VERSION)
        self.derived = 0
        """How many flights and sessions, and the ATIS of how many stations, were derived again."""

    def start(self) -> None:
        """Look now."""
        self._store.after(0, self._due)

    def step(self, database: Database, rules: Rules) -> None:
        """Derive a few, so that no snapshot waits long for it."""
        derived = 0
        # It is reported where it failed, and the rows stay marked.
        with suppress(StorageError, psycopg2.Error):
            derived = database.run(lambda conn: derive_marked(conn, rules))
            since = database.run(rules_since)
            self.rules = RulesStatus(RULES_VERSION, since)
        self.derived += derived
        self._store.after(0 if derived >= AT_ONCE else self._every_s, self._due)
