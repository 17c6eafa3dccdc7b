"""The database for what only the node that collects may write: snapshots, and what follows from
them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from vatwatch.errors import NotCollector
from vatwatch.messages import Role
from vatwatch.storage.collector_epoch import in_epoch
from vatwatch.supervision import Actor

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from vatwatch.actors.database import Database

Result = TypeVar("Result")


class CollectorsDatabase:
    """Runs work in transactions that hold the epoch of this node's role."""

    def __init__(self, database: Database, role: Callable[[], Role | None]) -> None:
        """`role`: what this node is now; None: it is alone with an embedded database."""
        self._database = database
        self.role = role

    def run(self, work: Callable[[connection], Result]) -> Result:
        """Do `work` in a transaction, as `Database.run` does.

        Raises:
            NotCollector: this node does not collect, or not any more; nothing was done
        """
        role = self.role()
        if role is None:
            return self._database.run(work)
        if role.epoch is None or not role.may_write():
            raise NotCollector(role.why_not or "the lease of the collector is over")
        return self._database.run(in_epoch(role.epoch, work))


def role_of(actor: Actor, *, led: bool) -> Callable[[], Role | None]:
    """What tells the role of this node, for an actor; `led`: there is a leadership."""
    leadership = actor.address("leadership")

    def role() -> Role | None:
        if not led:
            return None
        return leadership.shared(Role) or Role("", why_not="the leadership is being restarted")

    return role
