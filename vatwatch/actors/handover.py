"""Handover: snapshots that a node has fetched and not stored go to the node that collects now.

Receives  UseRole, MoveSnapshots, DatabaseReturned
Asks      journal NextPending, GetHeld, ReleaseHeld, AppendSnapshot
Sends     BatchStored to journal, ServiceReport
Holds     nothing; one connection of its own
Restart   costs nothing: what was begun is done again, and changes nothing the second time

A node that collected, and was killed or cut off, has snapshots in its journal that only it has. As
a follower it puts them into a table; the collector takes them from there into its own journal, and
stores them like any others that come late (decision 0004).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, assert_never

import psycopg2

from vatwatch.actors.database import Database, expect_schema, open_database
from vatwatch.actors.deadlines import JOURNAL_TIMEOUT_S
from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.service import Service
from vatwatch.errors import JournalError, StorageError, SupervisionError
from vatwatch.messages import (
    AppendSnapshot,
    BatchStored,
    DatabaseReturned,
    GetHeld,
    NextPending,
    ReleaseHeld,
    UseRole,
)
from vatwatch.messages.handover import ToHandover
from vatwatch.messages.handover_status import HandoverStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.handed_snapshots import (
    HandedSnapshot,
    fitting,
    hand_in,
    oldest_handed,
    taken,
)
from vatwatch.supervision import Tell
from vatwatch.supervision.failures import text_of

if TYPE_CHECKING:
    from vatwatch.config.breaker import BreakerSettings
    from vatwatch.config.database import DatabaseSettings


@dataclass(frozen=True, slots=True)
class MoveSnapshots(Tell):
    """Hand over, or take, what there is."""


Received: TypeAlias = ToHandover | MoveSnapshots

# Between two looks. What is handed over has waited for its node to come back anyway.
LOOK_S = 2.0
# Of each snapshot, to be written here or there.
MOVE_S = 30.0


class HandoverActor(Service):
    """Moves them, one after the other, the oldest first."""

    _database: Database

    def __init__(self, settings: DatabaseSettings, breaker: BreakerSettings, *, node: str) -> None:
        """`node`: the name of this node."""
        super().__init__()
        self._settings, self._breaker = settings, breaker
        self._called = node
        self._handed = self._taken = 0
        self._last_error = ""

    def on_start(self) -> None:
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=True)
        self._database = open_database(
            self, self._settings, self._breaker, connections=1, prepare=expect_schema
        )
        # Not at once: this node may be about to collect.
        self.after(LOOK_S, MoveSnapshots())
        self._report()

    def on_stop(self) -> None:
        self._database.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._database.close()

    def on_receive(self, message: Received) -> None:
        match message:
            case UseRole(collects):
                self._role.use(collects=collects)
            case MoveSnapshots():
                self._move_all()
                self.after(LOOK_S, MoveSnapshots())
            case DatabaseReturned():
                self._database.reset()
            case _:
                assert_never(message)
        self._report()

    def _move_all(self) -> None:
        try:
            if not self._role.collects:
                self._release_held()
            while self._take_one() if self._role.collects else self._hand_one():
                self.take_longer(MOVE_S)
        except (StorageError, JournalError, SupervisionError, psycopg2.Error) as error:
            self._last_error = text_of(error)
        else:
            self._last_error = ""

    def _release_held(self) -> None:
        """Let those be handed over, too, whose clock this node was not sure of when it collected.
        Its fetcher would decide that with the next updates, which others have fetched."""
        journal = self.address("journal")
        held = journal.ask(GetHeld(), timeout_s=JOURNAL_TIMEOUT_S)
        if held:
            sure = self._database.run(partial(fitting, held=held))
            times = tuple(moment.time for moment in sure)
            journal.ask(ReleaseHeld(times), timeout_s=JOURNAL_TIMEOUT_S)

    def _hand_one(self) -> bool:
        """Hand over the oldest pending entry. Returns whether there was one."""
        entry = self.address("journal").ask(NextPending(0), timeout_s=JOURNAL_TIMEOUT_S)
        if entry is None:
            return False
        one = HandedSnapshot(
            self._called,
            entry.entry_id,
            entry.update_timestamp,
            entry.fetched_at,
            entry.source,
            entry.data,
            entry.transceivers,
        )
        self._database.run(lambda conn: hand_in(conn, one))
        self._handed += 1
        self.address("journal").tell(
            BatchStored(entry.entry_id, entry.update_timestamp, duplicate=False)
        )
        return True

    def _take_one(self) -> bool:
        """Take the oldest that another node has handed over. Returns whether there was one."""
        one = self._database.run(oldest_handed)
        if one is None:
            return False
        self.address("journal").ask(
            AppendSnapshot(
                one.update_timestamp,
                one.fetched_at,
                one.data,
                one.transceivers,
                one.source,
                is_late=True,
            ),
            timeout_s=JOURNAL_TIMEOUT_S,
        )
        self._database.run(lambda conn: taken(conn, one))
        self._taken += 1
        return True

    def _report(self) -> None:
        status = HandoverStatus(self._handed, self._taken, self._last_error)
        health = Health.DEGRADED if self._last_error else Health.HEALTHY
        self.report(health, self._last_error, status)
