"""What the runtime tells its observers (`Observers.observe`): facts, in the past tense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.supervision.breaker import BreakerState
from vatwatch.supervision.message import Tell
from vatwatch.supervision.vocabulary import DeadLetterReason, FailureReason, RemedyName


@dataclass(frozen=True, slots=True, kw_only=True)
class OfError:
    """The fields that all notices of errors have; see `failures.describe_error`."""

    error_type: str
    error_kinds: tuple[str, ...]
    error_text: str
    traceback: str
    correlation_id: str = ""
    """The correlation id of the message that was being handled (`message.Tell`)."""


@dataclass(frozen=True, slots=True)
class ChildStarted:
    """A child runs: its `on_start` has returned."""

    path: str


@dataclass(frozen=True, slots=True)
class ChildStopped:
    """A child has stopped, by order or (transient, temporary) by itself."""

    path: str
    killed: bool
    """It did not stop within its `shutdown_s`."""


@dataclass(frozen=True, slots=True)
class ChildOnStandby:
    """A worker is off until it is wanted: itself, or a supervisor above it."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFailed(OfError):
    """A child failed. The next notice says what its supervisor does about it."""

    path: str
    message_type: str | None
    """The type of the message that it was handling."""
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class ChildRestarting:
    """A failed child will be restarted in `delay_s`, with the siblings that its strategy takes
    along."""

    path: str
    attempt: int
    """Earlier failures in a row, without a healthy period between them."""
    delay_s: float


@dataclass(frozen=True, slots=True)
class Escalated:
    """A supervisor gave up: more failures than its restart intensity allows."""

    path: str
    intensity: int
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFailed(OfError):
    """Handling an ask raised; the asker has the error, the actor lives."""

    path: str
    message_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashHookFailed(OfError):
    """`on_crash`, `on_failure` or `hand_over` raised, or took too long.

    It has no other effect than that a hand-over is lost (`HandOverDiscarded`).
    """

    path: str


@dataclass(frozen=True, slots=True)
class HandOverDiscarded:
    """A hand-over was thrown away (`hand_over.py`).

    Either the successor failed, too, or the actor could not hand it over (`CrashHookFailed` says
    why).
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHandled(OfError):
    """A call failed, and its remedies were tried (`recovery.py`)."""

    path: str
    operation: str
    tried: tuple[RemedyName, ...]
    """The remedies in order, the deciding one last; empty if there was nothing to try."""
    recovered: bool
    """Whether the caller could continue."""
    elapsed_s: float
    """Duration of the call, however it ended."""


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A breaker changed its state; `retry_in_s` is for an open one."""

    name: str
    kind: str
    before: BreakerState
    after: BreakerState
    reason: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """Nobody will handle this message. (An ask is never a dead letter: its asker is told.)"""

    path: str
    message: Tell
    reason: DeadLetterReason


Notice: TypeAlias = (
    ChildStarted
    | ChildStopped
    | ChildOnStandby
    | ChildFailed
    | ChildRestarting
    | Escalated
    | AskFailed
    | CrashHookFailed
    | HandOverDiscarded
    | FailureHandled
    | BreakerChanged
    | DeadLettered
)
