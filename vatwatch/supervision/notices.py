"""What the runtime tells its observers (`Observers.observe`): facts, in the past tense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.supervision.breaker import BreakerState
from vatwatch.supervision.message import Tell
from vatwatch.supervision.vocabulary import DeadLetterReason, FailureReason, RemedyName


@dataclass(frozen=True, slots=True, kw_only=True)
class OfError:
    """What the notices of errors have in common; see `failures.describe_error`."""

    error_type: str
    error_kinds: tuple[str, ...]
    error_text: str
    traceback: str
    correlation_id: str = ""
    """Of the message that was being handled (`message.Tell`)."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFailed(OfError):
    """A child failed; what its supervisor does about it comes in the next notice."""

    path: str
    message_type: str | None
    """The type of the message that it was handling."""
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class ChildRestarting:
    """A failed child is going to be started again in `delay_s`, with those that go with it."""

    path: str
    attempt: int
    """Failures in a row before this one, without a healthy period between them."""
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

    Nothing follows from it, but that a hand-over is lost (`HandOverDiscarded`).
    """

    path: str


@dataclass(frozen=True, slots=True)
class HandOverDiscarded:
    """What an actor had handed to its successor was thrown away (`hand_over.py`).

    Because the successor failed, too, or because the actor could not hand it over
    (`CrashHookFailed` says why).
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHandled(OfError):
    """A call failed, and something was done about it where it failed (`recovery.py`)."""

    path: str
    operation: str
    tried: tuple[RemedyName, ...]
    """In their order, the deciding one last; empty if there was nothing to try."""
    recovered: bool
    """Whether the caller could go on."""
    elapsed_s: float
    """From the call's begin to its end, however it ended."""


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
