"""The orders that a supervisor decides on (`decision.py`) and carries out (`supervisors.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.supervision.breaker import Breaker


@dataclass(frozen=True, slots=True)
class Start:
    """Start the child. The outcome is `Started`, `NotStarted` or `StartInterrupted`."""

    child: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the child. The outcome is `Stopped`."""

    child: int
    for_good: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Report that the child has failed."""

    child: int


@dataclass(frozen=True, slots=True)
class TellStopped:
    """Report that the child has stopped by itself, which its spec allows."""

    child: int


@dataclass(frozen=True, slots=True)
class Release:
    """Decide about the message that the dead child had in hand: the successor may retry it."""

    child: int
    retry: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The child's messages will not be handled any more."""

    child: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Suspend:
    """Its breaker has opened: refuse messages."""

    child: int
    breaker: Breaker
    reason: str


@dataclass(frozen=True, slots=True)
class Try:
    """Its breaker is half open: the next messages are trials."""

    child: int
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Reset:
    """Its breaker is closed by order, for this reason."""

    child: int
    breaker: Breaker
    reason: str


@dataclass(frozen=True, slots=True)
class StandBy:
    """Nobody runs here or below until it is wanted: refuse messages, and forget its past."""

    child: int


@dataclass(frozen=True, slots=True)
class StandReady:
    """It is wanted, and will be started: take messages again."""

    child: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Report that the child is restarted in `delay_s`."""

    child: int
    attempt: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Escalate:
    """Report that there were too many failures; all children are stopped next."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """All children have stopped: fail."""


@dataclass(frozen=True, slots=True)
class RefuseToStart:
    """All children have stopped: fail to start, for the reason that the last child gave."""


OrderAtOnce: TypeAlias = (
    Report | TellStopped | Release | Close | Suspend | Try | Reset | StandBy | StandReady | Delay
)
Order: TypeAlias = Start | Stop | OrderAtOnce | Escalate | GiveUp | RefuseToStart
