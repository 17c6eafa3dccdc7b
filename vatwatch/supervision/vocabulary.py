"""The words that all of supervision shares: OTP's, and those of the runtime.

It imports no other module of supervision, so each of them may import it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal, Protocol, TypeAlias


class Restart(Enum):
    """When a child that has ended is started again."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """After a failure; not when it stopped by itself."""
    TEMPORARY = "temporary"
    """Never, not even when a sibling's failure stopped it."""


class Strategy(Enum):
    """Which children are restarted when one of them fails."""

    ONE_FOR_ONE = "one_for_one"
    """The failed child alone."""
    ONE_FOR_ALL = "one_for_all"
    """All: the others are stopped, and all are started again."""
    REST_FOR_ONE = "rest_for_one"
    """The failed child and those started after it."""


class State(Enum):
    """What a node of the tree is doing."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    """It has ended and will be started again."""
    STOPPING = "stopping"
    SUSPENDED = "suspended"
    """It failed too often. Its breaker is open, and it is not started until that allows a trial."""
    STOPPED = "stopped"
    """Not started yet, or stopped for good."""
    STANDBY = "standby"
    """Not wanted now (`Tree.want`), or below a supervisor that is not: it is started when it is
    wanted."""
    FAILED = "failed"
    """Ended by a failure; it will not be started again."""


class MailboxPolicy(Enum):
    """What a full mailbox does with one more message."""

    BLOCK = "block"
    """The sender waits: for a tell `block_s`, then `MailboxFull` is raised; for an ask its timeout.
    The actor itself, and a callback in the hub, cannot wait: they get `MailboxFull` at once."""
    DROP_OLDEST = "drop_oldest"
    """The oldest message becomes a dead letter; if it is an ask, its asker gets `MailboxFull`."""
    REFUSE = "refuse"
    """`MailboxFull` at once."""


class OnFailedMessage(Enum):
    """What happens to a tell whose handling failed."""

    DEAD_LETTER = "dead_letter"
    RETRY = "retry"
    """The successor gets it first. If the supervisor gives up it becomes a dead letter, so that a
    poisonous message does not come back forever."""


class MailboxOnFailure(Enum):
    """What happens to queued messages when the actor fails or is restarted with a sibling."""

    KEEP = "keep"
    DEAD_LETTER = "dead_letter"


FailureReason: TypeAlias = Literal["crash", "hang", "start", "exit"]
"""`exit`: a permanent child stopped by itself, with no error."""

ExitReason: TypeAlias = FailureReason | Literal["shutdown"]
"""`shutdown`: by order, also if it had to be killed because it did not stop in time; `exit`: it
stopped by itself."""

RemedyName: TypeAlias = Literal["retry", "breaker", "fallback", "degrade", "quarantine"]
"""What can be tried within a call; `restart` is the supervisors', and reported by their notices.
`quarantine`: what caused the failure is quarantined, so that the rest can go on."""

DeadLetterReason: TypeAlias = Literal[
    "unknown", "stopped", "suspended", "in hand", "backlog", "overflow", "injected"
]
"""`unknown`: no such name; `stopped`: the receiver is stopped for good; `suspended`: its breaker is
open; `in hand`: its handling failed; `backlog`: queued at a failure, and the child spec does not
keep the mailbox; `overflow`: the oldest of a full mailbox; `injected`: dropped by fault injection.
(A full mailbox that blocks or refuses raises in the sender, which still has the message.)"""

UndeliverableReason: TypeAlias = DeadLetterReason | Literal["standby"]
"""`standby`: the receiver is on standby. The message is dropped and counted, and is no dead letter:
the receiver is off on purpose."""

BreakerKind: TypeAlias = Literal["child", "dependency", "handler", "webhook"]
"""What a breaker is around: a supervisor's child, something outside, or an event subscriber."""


class Startable(Protocol):
    """The part of an `Actor` that a child spec needs."""

    def on_start(self) -> None:
        """Reach a stable state before the first message."""

    def on_stop(self) -> None:
        """Release resources after the last message."""

    def on_receive(self, message: Any) -> Any:
        """Handle a message."""
