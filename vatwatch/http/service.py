"""What the resources know of the rest: the names of the actors, and the tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from vatwatch.http.access import Access
from vatwatch.supervision import Ask, Tree

R = TypeVar("R")

# A person is waiting; longer than a healthy service ever takes.
ASK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """The service of this process."""

    tree: Tree
    started_at: datetime
    access: Access
    faults_allowed: bool = False

    def ask(self, name: str, message: Ask[R], *, timeout_s: float = ASK_TIMEOUT_S) -> R:
        """Ask an actor. Its errors become problem documents (`problems`)."""
        return self.tree.directory.address(name).ask(message, timeout_s=timeout_s)
