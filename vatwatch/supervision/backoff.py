"""Backoff: when to try again. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Every sensible cap is reached by then. Without this bound the float would overflow.
_MAX_EXPONENT = 60


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: a delay drawn from [0, min(cap, base·2^attempt)].

    Full jitter spreads children that failed together (the name and the rule are from "Exponential
    Backoff And Jitter" in the AWS Architecture Blog). The first delay is at most `base_s` seconds.
    """

    base_s: float = 0.05
    cap_s: float = 10.0

    def __post_init__(self) -> None:
        if self.base_s < 0 or self.cap_s < self.base_s:
            raise ValueError(f"0 <= base_s <= cap_s, not {self.base_s} and {self.cap_s}")

    @classmethod
    def none(cls) -> Backoff:
        """No delay at all: for tests and benchmarks."""
        return cls(0.0, 0.0)

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """The delay in seconds before attempt 0, 1, …; `random` draws from [0, 1)."""
        return random() * min(self.cap_s, self.base_s * 2.0 ** min(attempt, _MAX_EXPONENT))
