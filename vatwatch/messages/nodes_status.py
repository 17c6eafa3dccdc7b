"""Status of this node among the others."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class NodesStatus(Struct, frozen=True):
    """This node among the others. `last_error` is why Redis cannot be asked; empty if it can."""

    COUNTERS: ClassVar = ("passed_on", "answered")

    node: str = ""
    others: int = 0
    gone: int = 0  # of the others: they have said nothing for seconds
    passed_on: int = 0  # requests that another node was asked to answer
    answered: int = 0  # requests of other nodes that were answered here
    last_error: str = ""
