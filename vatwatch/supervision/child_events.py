"""What a supervisor hears: the events that it decides about (`decision.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Begin:
    """The supervisor starts. Its predecessor's state comes with the group."""

    first: bool
    """Whether it has never run."""
    ordered: frozenset[int] = frozenset()
    """Children whose restart was ordered, and not carried out by the predecessor."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A child has ended, without having been told to by this supervisor."""

    child: int
    normal: bool
    """Whether it stopped by itself."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TimeCome:
    """The time of `due_at` has come, or a timer says so."""

    child: int


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """Somebody wants this child restarted, in order, with those that go with it."""

    child: int


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
    """Whether an incarnation runs that has to be stopped."""
    for_good: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """`Stop` is over. Also said of a child that was killed and does not die."""

    child: int


ChildEvent: TypeAlias = (
    Begin
    | Ended
    | TimeCome
    | RestartRequested
    | Finish
    | Started
    | NotStarted
    | StartInterrupted
    | Stopped
)
