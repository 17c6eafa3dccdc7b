"""Tells the parts of a tree which role its node has, among several that share a database."""

from __future__ import annotations

from vatwatch.messages import UseRole
from vatwatch.supervision import Tree

# Without Redis there is no follower.
TOLD = ("follower", "event_bus", "cache", "stream")


def tell_role(tree: Tree, *, collects: bool) -> None:
    """This node collects from now on, or follows the one that does. Never waits; may be told again
    at any time."""
    for name in TOLD:
        if tree.directory.find(name) is not None:
            tree.directory.address(name).tell(UseRole(collects))
