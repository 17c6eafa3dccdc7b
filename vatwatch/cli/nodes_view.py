"""Several nodes in a few lines: who collects, who is behind, who is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from vatwatch.cli.spans import span
from vatwatch.cluster.node import ClusterNode, collector_of

# Followers are a second behind at most, unless something is wrong.
BEHIND_S = 5.0


def nodes_fact(nodes: Sequence[ClusterNode]) -> Iterator[tuple[str, str]]:
    """One line, if there are several."""
    if len(nodes) < 2:
        return
    collector = collector_of(nodes)
    who = "nobody collects" if collector is None else f"{collector.node} collects"
    yield "nodes", f"{sum(one.alive for one in nodes)} of {len(nodes)} are alive; {who}"


def node_troubles(nodes: Sequence[ClusterNode], now: datetime) -> list[str]:
    """A line for each that is gone, serves nothing, or is behind."""
    if len(nodes) < 2:
        return []
    return [f"{one.node} {trouble}" for one in nodes if (trouble := _trouble(one, now))]


def _trouble(node: ClusterNode, now: datetime) -> str:
    if not node.alive:
        ago = span(max(0.0, (now - node.seen_at).total_seconds()))
        return f"(process {node.pid} on {node.host}) has said nothing for {ago}"
    if node.lag_s is None:
        return "serves nothing yet"
    return f"is {span(node.lag_s)} behind" if node.lag_s > BEHIND_S else ""
