"""What an incarnation needs of the actor that it runs, and of the place in the tree that it is at.

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
    """The actor, as far as its incarnation needs to know it."""

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
        """From here on it is dead to pykka."""

    def _stop_ordered(self) -> None:
        """It was told to stop, and may be waiting for something."""


class Node(Protocol):
    """The actor's place in the tree (`ChildNode`), as far as its incarnation needs to know it."""

    tap: Tap | None
    on_trial: bool
    asks_failed: int

    @property
    def path(self) -> str:
        """Where it is in the tree."""

    @property
    def spec(self) -> AnySpec:
        """What was declared."""

    @property
    def runtime(self) -> Runtime:
        """What the tree shares."""

    @property
    def mailbox(self) -> Mailbox:
        """What the actor reads; it was its predecessor's."""

    @property
    def latency(self) -> LatencyCounts:
        """How long the messages take."""

    def trial_succeeded(self) -> None:
        """A message was handled while each is a trial."""

    def undeliverable(self, envelope: Envelope, reason: DeadLetterReason) -> None:
        """Nobody will handle this message."""
