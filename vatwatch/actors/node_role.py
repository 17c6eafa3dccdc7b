"""What an actor knows of the role of its node, among several that share a database and a Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.messages import Role

if TYPE_CHECKING:
    from vatwatch.actors.service import Service


class NodeRole:
    """One node collects, the others follow it. A node that is alone collects. All incarnations of
    an actor share it (`Actor.lasting`)."""

    def __init__(self) -> None:
        self._told: bool | None = None
        self._of_several = False

    def begin(self, *, several_nodes: bool) -> None:
        """At the start of each incarnation. One of several follows until it is told to collect."""
        self._of_several = self._of_several or several_nodes

    def use(self, *, collects: bool) -> bool:
        """What it was told. Returns whether anything changes."""
        before = self.collects, self.publishes
        self._told, self._of_several = collects, True
        return before != (self.collects, self.publishes)

    @property
    def collects(self) -> bool:
        """Whether this node writes to Redis; the others only read there."""
        return not self._of_several if self._told is None else self._told

    @property
    def publishes(self) -> bool:
        """Whether others may follow what this node serves."""
        return self.collects and self._of_several


def leads(actor: Service) -> bool:
    """Whether the node of this actor holds the collector's lock at this moment."""
    role = actor.address("leadership").shared(Role)
    return role is not None and role.may_write()
