"""What a tree shows of itself: frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vatwatch.supervision.circuit_breaker import BreakerInfo
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.public_lane import PUBLIC_CAPACITY
from vatwatch.supervision.vocabulary import (
    FailureReason,
    MailboxPolicy,
    Restart,
    State,
    Strategy,
)


@dataclass(frozen=True, slots=True)
class FailureInfo:
    """The last failure of a node. The texts hold no secrets (`failures.py`)."""

    reason: FailureReason
    error_type: str
    error_text: str
    monotonic_s: float
    """When it was, by the clock of the tree."""
    at: datetime
    traceback: str


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """A mailbox's normal lane, then its public lane. Counts are since the tree was created."""

    depth: int
    high_water: int
    capacity: int
    policy: MailboxPolicy
    dropped: int
    refused: int
    """Messages that were refused because there was no room, best-effort ones included."""
    public_depth: int
    """Waiting asks from outside the tree (HTTP)."""
    public_capacity: int
    public_refused: int
    dropped_on_standby: int = 0
    """Tells that were dropped because the actor is on standby."""

    @classmethod
    def of(cls, mailbox: Mailbox, dropped_on_standby: int) -> MailboxInfo:
        """What is known of a mailbox now."""
        return cls(
            mailbox.depth,
            mailbox.high_water,
            mailbox.capacity,
            mailbox.policy,
            mailbox.dropped,
            mailbox.refused,
            mailbox.public_depth,
            PUBLIC_CAPACITY,
            mailbox.public_refused,
            dropped_on_standby,
        )


@dataclass(frozen=True, slots=True)
class LatencyInfo:
    """How long handlers ran. The percentiles are upper bounds, less than twice too high."""

    p50_s: float
    p99_s: float
    max_s: float
    sum_s: float
    counts: tuple[int, ...]
    """How many took less than 1 µs, less than 2, 4, 8 and so on: each count without those before
    it, up to the last one that is not zero. Those of several processes can be added."""

    def below(self, bits: int) -> int:
        """How many took less than 2^`bits` µs."""
        return sum(self.counts[: bits + 1])


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node of the tree and what is below it."""

    name: str
    path: str
    kind: Literal["supervisor", "worker"]
    strategy: Strategy | None
    restart: Restart
    state: State
    uptime_s: float
    """Seconds since the last start; 0 if it does not run."""
    restarts_total: int
    restarts_in_window: int
    """Restarts within its supervisor's period; at most one more than the intensity."""
    breaker: BreakerInfo | None
    """None if its supervisor counts its failures."""
    mailbox: MailboxInfo | None
    """A worker's."""
    handling: str | None
    """The type of the message in hand."""
    busy_s: float
    """How long it has been handling the message in hand, in seconds; 0 if there is none."""
    handled: int
    failures: int
    asks_failed: int
    last_failure: FailureInfo | None
    latency: LatencyInfo | None
    """None while nothing has been handled."""
    children: tuple[NodeInfo, ...]
    hand_overs_discarded: int = 0
    """How often an incarnation started without the state that was handed over (`hand_over.py`)."""
    retry_in_s: float | None = None
    """Seconds until it is started, while it is `restarting` or `suspended`; 0: as soon as its
    supervisor gets to it. None in every other state."""
    retry_at: datetime | None = None
    """The same as a point in time."""
    last_start_at: datetime | None = None
    """When its latest incarnation had started, by the wall clock; None before the first."""
    last_start_s: float | None = None
    """How long that start took, in seconds."""

    def walk(self) -> Iterator[NodeInfo]:
        """This node and all below it, from top to bottom."""
        yield self
        for child in self.children:
            yield from child.walk()


class LatencyCounts:
    """Handler times, counted in buckets of powers of two of a microsecond: cheap, never grows."""

    __slots__ = ("counts", "max_s", "sum_s")

    def __init__(self) -> None:
        # counts[k]: times below 2^k µs and not below 2^(k-1) µs. 2^63 µs is more than any time.
        self.counts = [0] * 64
        self.max_s = 0.0
        self.sum_s = 0.0

    def add(self, elapsed_s: float) -> None:
        """Count one handler's time."""
        self.counts[int(elapsed_s * 1e6).bit_length()] += 1
        self.sum_s += elapsed_s
        if elapsed_s > self.max_s:
            self.max_s = elapsed_s

    @property
    def handled(self) -> int:
        """How many times were counted."""
        return sum(self.counts)

    def info(self) -> LatencyInfo | None:
        """The percentiles, or None when nothing was counted."""
        handled = self.handled
        if not handled:
            return None
        return LatencyInfo(
            self._quantile_s(0.5 * handled),
            self._quantile_s(0.99 * handled),
            self.max_s,
            self.sum_s,
            tuple(self.counts[: max(bits for bits, count in enumerate(self.counts) if count) + 1]),
        )

    def _quantile_s(self, wanted: float) -> float:
        seen = 0
        for bits, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                return min(self.max_s, 2.0**bits / 1e6)
        return self.max_s
