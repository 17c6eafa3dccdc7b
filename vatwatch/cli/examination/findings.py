"""What the doctor says: a state, one sentence, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class FindingState(Enum):
    """Only a fault keeps vatwatch from working as it should; a warning may be meant."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """`check` names what was looked at, `advice` says what to do; empty if there is nothing."""

    check: str
    state: FindingState
    text: str
    advice: str = ""


Examine: TypeAlias = Callable[[], Iterator[DoctorFinding]]
"""Looks at one subject, in a native thread."""


def ok(check: str, text: str) -> DoctorFinding:
    """As it should be."""
    return DoctorFinding(check, FindingState.OK, text)


def warning(check: str, text: str, advice: str) -> DoctorFinding:
    """It works, and may not go on so, or may not be meant."""
    return DoctorFinding(check, FindingState.WARNING, text, advice)


def fault(check: str, text: str, advice: str) -> DoctorFinding:
    """It does not work as it should."""
    return DoctorFinding(check, FindingState.FAULT, text, advice)
