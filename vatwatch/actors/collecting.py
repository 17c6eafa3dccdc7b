"""Whether this node fetches: a decision of the leadership that is more patient than the lock.

Who leads fetches. But who fetches goes on while nobody can say who leads: the database is away, and
the journal keeps what is fetched. Of several nodes that find the database away from the start, one
does (`NodesView.speaks`). A node stops when another one has taken its place. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vatwatch.cluster.node import ClusterRole
from vatwatch.messages import NodesView

# A node queues behind its own session for as long as the server keeps that: 1.5 s
# (`storage.collector_lock.SESSION_S`). Who queues longer queues behind another node.
QUEUED_S = 3.0
# So long a node among others waits for the database, before it fetches without: another one may
# find it.
ALONE_S = 3.0


class LockStanding(Enum):
    """Where a node stands with the lock."""

    LEADS = "leads"
    QUEUES = "queues"
    """The database says that another session has the lock."""
    TRIES = "tries"
    """It is not known yet."""
    AWAY = "away"
    """The database cannot be asked."""
    REFUSED = "refused"
    """It has a schema that this version cannot use."""


@dataclass(slots=True)
class Collecting:
    """What was decided last, and since when the node stands as it does. Outlives the actor."""

    collects: bool = False
    standing: LockStanding = LockStanding.TRIES
    since_s: float | None = None
    epoch: int = 0
    """The latest that was its own."""

    def decide(
        self, standing: LockStanding, epoch: int | None, nodes: NodesView | None, now_s: float
    ) -> bool:
        """Whether the node fetches now.

        Args:
            standing: with the lock
            epoch: its own, if it leads
            nodes: what is known of the others; None: it is alone
            now_s: seconds of a clock that does not go back
        """
        if self.since_s is None or standing is not self.standing:
            self.standing, self.since_s = standing, now_s
        stood_s = now_s - self.since_s
        match standing:
            case LockStanding.LEADS:
                self.epoch = epoch or self.epoch
                self.collects = True
            case LockStanding.TRIES:
                pass
            case LockStanding.REFUSED:
                self.collects = False
            case LockStanding.QUEUES:
                if stood_s > QUEUED_S or self._is_replaced(nodes):
                    self.collects = False
            case LockStanding.AWAY:
                if self._is_replaced(nodes):
                    self.collects = False
                elif nodes is None or (stood_s > ALONE_S and nodes.speaks):
                    self.collects = True
        return self.collects

    def queued_s(self, now_s: float) -> float:
        """How long it has queued for the lock, without fetching."""
        if self.collects or self.standing is not LockStanding.QUEUES or self.since_s is None:
            return 0.0
        return now_s - self.since_s

    def _is_replaced(self, nodes: NodesView | None) -> bool:
        if nodes is None:
            return False
        return any(
            one.alive and one.role is ClusterRole.COLLECTOR and (one.epoch or 0) > self.epoch
            for one in nodes.others
        )
