"""The events that a supervisor receives and decides about (`decision.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Begin:
    """The supervisor starts. Its predecessor's state comes with the group."""

    first: bool
    """Whether the supervisor has never run before."""
    ordered: frozenset[int] = frozenset()
    """Children whose restart was ordered, and not carried out by the predecessor."""
    unwanted: frozenset[int] = frozenset()
    """Children that are not wanted now; all others are."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A child has ended without an order of this supervisor."""

    child: int
    normal: bool
    """Whether it stopped by itself."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TimeCome:
    """A timer says that the time `due_at` has come."""

    child: int


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """Restart of this child was ordered, with the siblings that its strategy takes along."""

    child: int


@dataclass(frozen=True, slots=True)
class WantsChanged:
    """This child is wanted from now on, or is not."""

    child: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """The supervisor was told to stop."""

    for_good: bool


@dataclass(frozen=True, slots=True)
class Started:
    """`Start` went well."""

    child: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    """`Start` failed: the constructor or `on_start` raised, it took too long, or the predecessor
    does not die."""

    child: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StartInterrupted:
    """`Start` was broken off, as the supervisor was told to stop."""

    child: int
    runs: bool
    """Whether an incarnation runs and has to be stopped."""
    for_good: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """`Stop` is done. Also sent for a child that was killed and does not die."""

    child: int


ChildEvent: TypeAlias = (
    Begin
    | Ended
    | TimeCome
    | RestartRequested
    | WantsChanged
    | Finish
    | Started
    | NotStarted
    | StartInterrupted
    | Stopped
)
