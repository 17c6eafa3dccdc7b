"""Tells the parts of a tree which role its node has, among several that share a database."""

from __future__ import annotations

from vatwatch.messages import UseRole
from vatwatch.supervision import Tree

# The cache before the stream: what the one has is news to the other.
TOLD = ("follower", "event_bus", "cache", "stream")


def tell_role(tree: Tree, *, collects: bool) -> None:
    """This node collects from now on, or follows the one that does. Never waits; may be told again
    at any time."""
    for name in TOLD:
        tree.directory.address(name).tell(UseRole(collects))
