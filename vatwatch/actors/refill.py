"""Refill: what a fail-over of the database has lost is stored again, from the journal's archive.

Receives  CompareSnapshots, DatabaseReturned
Asks      journal ArchivedEntries, StoreAgain
Sends     ServiceReport
Holds     which server it has compared with; one connection of its own
Restart   costs one more comparison

A replica without synchronous commit is seconds behind when it takes over, and a backup hours. So
whenever the server is another one, or on another timeline, and at the start, the newest snapshots
of the archive are looked for in it. Those that it lacks wait for the database again, and are stored
like any others that come late (decision 0004). Among several nodes each one does this for its own
archive: those that do not collect hand them over.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, assert_never

import psycopg2

from vatwatch.actors.database import Database, expect_schema, open_database
from vatwatch.actors.deadlines import JOURNAL_TIMEOUT_S
from vatwatch.actors.service import Service
from vatwatch.counting import counted
from vatwatch.errors import JournalError, StorageError, SupervisionError
from vatwatch.messages import ArchivedEntries, ArchivedEntry, DatabaseReturned, StoreAgain
from vatwatch.messages.refill import ToRefill
from vatwatch.messages.refill_status import RefillStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.lost_snapshots import ServerIdentity, lost_among, server_identity
from vatwatch.supervision import Tell
from vatwatch.supervision.failures import text_of

if TYPE_CHECKING:
    from vatwatch.config.breaker import BreakerSettings
    from vatwatch.config.database import DatabaseSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompareSnapshots(Tell):
    """If the server is another one than at the last look, compare it with the archive."""


Received: TypeAlias = ToRefill | CompareSnapshots

# Between two looks. What is lost has to be there before anybody asks for it, not at once.
LOOK_S = 5.0
# Entries that are compared at a time, half an hour's: of most fail-overs the first ones are enough.
CHUNK = 120
# Of each chunk, to be read from the disk and looked for.
CHUNK_S = 30.0


class RefillActor(Service):
    """Compares the archive with the database, and has stored again what that has lost."""

    _database: Database

    def __init__(self, settings: DatabaseSettings, breaker: BreakerSettings) -> None:
        super().__init__()
        self._settings, self._breaker = settings, breaker
        self._compared: ServerIdentity | None = None
        self._compared_at: datetime | None = None
        self._found = 0
        self._last_error = ""

    def on_start(self) -> None:
        self._database = open_database(
            self, self._settings, self._breaker, connections=1, prepare=expect_schema
        )
        self.after(LOOK_S, CompareSnapshots())
        self._report()

    def on_stop(self) -> None:
        self._database.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._database.close()

    def on_receive(self, message: Received) -> None:
        match message:
            case CompareSnapshots():
                self._look()
                self.after(LOOK_S, CompareSnapshots())
            case DatabaseReturned():
                self._database.reset()
                self._look()
            case _:
                assert_never(message)
        self._report()

    def _look(self) -> None:
        try:
            server = self._database.run(server_identity)
            if server != self._compared:
                self._compare(server)
        except (StorageError, JournalError, SupervisionError, psycopg2.Error) as error:
            self._last_error = text_of(error)
        else:
            self._last_error = ""

    def _compare(self, server: ServerIdentity) -> None:
        """Look for what is missing, and have it stored. What there is no room for waits for the
        next look."""
        missing = [each for chunk in self._lost() for each in chunk]
        moved = 0
        if missing:
            # The oldest first: most come in their order then.
            ids = tuple(sorted(each.entry_id for each in missing))
            moved = self.address("journal").ask(StoreAgain(ids), timeout_s=JOURNAL_TIMEOUT_S)
            self._found += moved
            log.warning(
                "The database lacks %s that it had (timeline %d). %s from the archive.",
                counted(len(missing), "snapshot"),
                server.timeline,
                counted(moved, "is stored again", "are stored again"),
            )
        if moved == len(missing):
            self._compared, self._compared_at = server, datetime.now(UTC)

    def _lost(self) -> Iterator[list[ArchivedEntry]]:
        """The archived entries that the database lacks, in chunks, the newest first.

        What is lost was written last. So the first chunk of which nothing is missing ends it.
        """
        before_id: int | None = None
        while True:
            self.take_longer(CHUNK_S)
            question = ArchivedEntries(before_id, CHUNK)
            chunk = self.address("journal").ask(question, timeout_s=JOURNAL_TIMEOUT_S)
            times = [each.update_timestamp for each in chunk]
            lost = self._database.run(partial(lost_among, stored=times))
            if not lost:
                return
            yield [each for each in chunk if each.update_timestamp in lost]
            before_id = chunk[-1].entry_id

    def _report(self) -> None:
        timeline = None if self._compared is None else self._compared.timeline
        status = RefillStatus(self._found, self._compared_at, timeline, self._last_error)
        health = Health.DEGRADED if self._last_error else Health.HEALTHY
        self.report(health, self._last_error, status)
