"""Want: whether a node is to run. It outlives the node's supervisors."""

from __future__ import annotations


class Want:
    """Of one node. `Tree.want` changes it, and the supervisor above looks at it."""

    __slots__ = ("_let_go", "wanted")

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        """Now; a node below one that is not wanted does not run either."""
        self._let_go = False

    def change(self, *, wanted: bool) -> bool:
        """Returns whether that is news for the supervisor."""
        if self.wanted is wanted:
            return False
        self.wanted = wanted
        self._let_go = self._let_go or not wanted
        return True

    def take_let_go(self) -> bool:
        """Whether it was not wanted at any time since this was called last, even for a moment."""
        let_go, self._let_go = self._let_go, False
        return let_go
