"""What `vatwatch status` says of several nodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from vatwatch.cli.nodes_view import node_troubles, nodes_fact
from vatwatch.cluster.node import ClusterNode, ClusterRole
from vatwatch.monitoring.health import Health

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def node(name: str, **other: Any) -> ClusterNode:
    given = {
        "role": ClusterRole.FOLLOWER,
        "epoch": 3,
        "version": "0.1.0",
        "health": Health.HEALTHY,
        "lag_s": 0.2,
        "update_timestamp": NOW,
        "host": "tower",
        "service": 10,
        "pid": 11,
        "started_at": NOW,
        "seen_at": NOW,
    }
    return ClusterNode(node=name, **{**given, **other})


def test_a_service_that_is_alone_says_nothing_of_nodes() -> None:
    alone = [node("a", role=ClusterRole.COLLECTOR)]
    assert [*nodes_fact(alone)] == node_troubles(alone, NOW) == []


def test_who_collects_is_named_and_whoever_has_a_trouble() -> None:
    nodes = [
        node("a", role=ClusterRole.COLLECTOR, lag_s=0.0),
        node("b"),
        node("c", lag_s=75.0),
        node("d", lag_s=None),
        node("e", alive=False, seen_at=NOW - timedelta(minutes=17)),
    ]
    assert [*nodes_fact(nodes)] == [("nodes", "4 of 5 are alive; a collects")]
    assert node_troubles(nodes, NOW) == [
        "c is 1m behind",
        "d serves nothing yet",
        "e (process 11 on tower) has said nothing for 17m",
    ]


def test_that_nobody_collects_is_said() -> None:
    gone = node("a", role=ClusterRole.COLLECTOR, alive=False)
    assert [*nodes_fact([gone, node("b")])] == [("nodes", "1 of 2 are alive; nobody collects")]
