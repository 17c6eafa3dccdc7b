"""The cluster: the processes that share one database and one Redis, each a node of it. Pure.

One collects, the others follow. (The nodes of the supervision tree are something else.)
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from msgspec import Struct

from vatwatch import __version__
from vatwatch.monitoring.health import Health


class ClusterRole(Enum):
    """What a node does."""

    COLLECTOR = "collector"
    """It fetches, derives and stores. At most one does."""
    FOLLOWER = "follower"
    """It serves what the collector tells, and waits to take its place."""


class ClusterNode(Struct, frozen=True):
    """One node, as it says of itself."""

    node: str
    """Its name: that of its home."""
    role: ClusterRole
    epoch: int | None
    """The number of the latest change of the collector that it knows of; the collector's own is
    the highest. None: it has an embedded database, and no other can collect there."""
    version: str
    """Of vatwatch."""
    health: Health
    lag_s: float | None
    """How far what it serves is behind the collector; None: it serves nothing yet."""
    update_timestamp: datetime | None
    """The snapshot that it serves."""
    host: str
    service: int
    """The process on that host whose worker it is, and which has the signals of an operator."""
    pid: int
    started_at: datetime
    seen_at: datetime
    """When it said this."""
    alive: bool = True
    """Whether it has said something in the last seconds. If not, all this is what was."""


def collector_of(nodes: Sequence[ClusterNode]) -> ClusterNode | None:
    """The node that collects. After a fail-over the one before may not know yet that it does not:
    the higher epoch counts."""
    collectors = [one for one in nodes if one.alive and one.role is ClusterRole.COLLECTOR]
    return max(collectors, key=lambda one: one.epoch or 0, default=None)


def speaker_of(nodes: Sequence[ClusterNode]) -> ClusterNode:
    """The node that speaks for all, so that nobody is told of the same twice: the collector, or
    while there is none the first of those that are alive. One of them must be."""
    alive = [one for one in nodes if one.alive]
    return collector_of(nodes) or min(alive, key=lambda one: one.node)


def this_process(
    name: str, *, role: ClusterRole, started_at: datetime, now: datetime, health: Health
) -> ClusterNode:
    """This process as a node that knows of no snapshot and of no epoch yet."""
    return ClusterNode(
        node=name,
        role=role,
        epoch=None,
        version=__version__,
        health=health,
        lag_s=None,
        update_timestamp=None,
        host=socket.gethostname(),
        service=os.getppid(),
        pid=os.getpid(),
        started_at=started_at,
        seen_at=now,
    )
