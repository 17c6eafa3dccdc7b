"""To the nodes: what each says of itself, and requests that one passes on to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.cluster.node import ClusterNode, speaker_of
from vatwatch.cluster.passed_on import NodeAnswer, NodeRequest
from vatwatch.supervision import Ask, Tell


@dataclass(frozen=True, slots=True)
class NodesView:
    """What the actor shares: the latest look at all nodes, this one first."""

    own: ClusterNode
    others: tuple[ClusterNode, ...] = ()
    looked: bool = True
    """False until the first look: nobody knows yet who else is there."""

    @property
    def speaks(self) -> bool:
        """Whether this node is the one that tells people, so that they are told once."""
        return self.looked and speaker_of(self.all).node == self.own.node

    @property
    def all(self) -> tuple[ClusterNode, ...]:
        """All nodes, by name."""
        return tuple(sorted((self.own, *self.others), key=lambda one: one.node))


@dataclass(frozen=True, slots=True)
class AskNode(Ask[NodeAnswer]):
    """http → nodes: have another node answer this request.

    Fails with `NodeUnreachable` if it gives no answer within `timeout_s`.
    """

    node: str
    request: NodeRequest
    timeout_s: float


@dataclass(frozen=True, slots=True)
class TellReload(Tell):
    """server, http → nodes: have the settings read again on all other nodes, too.

    `everywhere`: also on those of this host, which a signal reaches by itself.
    """

    everywhere: bool = False


ToNodes: TypeAlias = AskNode | TellReload
