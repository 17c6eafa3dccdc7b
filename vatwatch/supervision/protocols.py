"""What an incarnation needs from the actor that it runs, and from its node in the tree.

So `incarnation.py` imports neither `actor.py` nor `child_node.py`, which both import it.
"""

from __future__ import annotations

from threading import Event
from types import TracebackType
from typing import Any, Protocol

from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.faults import Tap
from vatwatch.supervision.introspection import LatencyCounts
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.runtime import Runtime
from vatwatch.supervision.spec import AnySpec
from vatwatch.supervision.vocabulary import DeadLetterReason, ExitReason, Startable


class Runnable(Startable, Protocol):
    """The part of an actor that its incarnation uses."""

    ended_by: ExitReason | None
    actor_stopped: Event
    """Pykka's: set when the actor has ended."""

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        """See `Actor`."""

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Pykka's hook."""

    def hand_over(self) -> object:
        """See `Actor`."""

    def on_probe(self) -> Any:
        """See `Actor`."""

    def _handle_receive(self, message: Any) -> Any:
        """Pykka's: `on_receive`, or what a proxy asks for."""

    def _retire(self) -> None:
        """From here on pykka treats it as dead."""

    def _stop_ordered(self) -> None:
        """It was ordered to stop, and may be waiting for something."""


class Node(Protocol):
    """The part of the actor's node (`ChildNode`) that its incarnation uses."""

    tap: Tap | None
    on_trial: bool
    asks_failed: int

    @property
    def path(self) -> str:
        """Its place in the tree."""

    @property
    def spec(self) -> AnySpec:
        """What was declared."""

    @property
    def runtime(self) -> Runtime:
        """The runtime that all nodes of the tree share."""

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox that the actor reads; its predecessor read it, too."""

    @property
    def latency(self) -> LatencyCounts:
        """How long the messages take."""

    def trial_succeeded(self) -> None:
        """A message was handled while each is a trial."""

    def undeliverable(self, envelope: Envelope, reason: DeadLetterReason) -> None:
        """The message is undeliverable."""
