"""What a supervisor decides on: the orders that it then carries out (`supervisors.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.supervision.breaker import Breaker


@dataclass(frozen=True, slots=True)
class Start:
    """Start the child, and say how it went: `Started`, `NotStarted` or `StartInterrupted`."""

    child: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the child, and say when it is over: `Stopped`."""

    child: int
    for_good: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Tell that the child has failed."""

    child: int


@dataclass(frozen=True, slots=True)
class TellStopped:
    """Tell that the child has stopped by itself, as it may."""

    child: int


@dataclass(frozen=True, slots=True)
class Release:
    """Decide about the message that the dead child had in hand: the successor may retry it."""

    child: int
    retry: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Nobody will handle the child's messages any more."""

    child: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Suspend:
    """Its breaker has opened: nothing gets in."""

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
    """Its breaker is closed by order."""

    child: int
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Delay:
    """Tell that the child is started again in `delay_s`."""

    child: int
    attempt: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Escalate:
    """Tell that there were too many failures; all children are stopped next."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """All children have stopped: fail."""


@dataclass(frozen=True, slots=True)
class RefuseToStart:
    """All children have stopped: fail to start, for the reason that the last child gave."""


OrderAtOnce: TypeAlias = Report | TellStopped | Release | Close | Suspend | Try | Reset | Delay
Order: TypeAlias = Start | Stop | OrderAtOnce | Escalate | GiveUp | RefuseToStart
