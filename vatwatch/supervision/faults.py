"""Fault injection: part of the product, for tests and for an operator on a staging system.

A fault is applied to the next messages of a named actor (`crash`, `hang`, `slow`, `drop`,
`corrupt`), or to the next calls to a dependency behind a breaker of that name (`fail`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import gevent

from vatwatch.errors import InjectedFault


class FaultKind(Enum):
    """What an injected fault does."""

    CRASH = "crash"
    """The actor fails before it handles the message."""
    HANG = "hang"
    """The actor waits, for `seconds` or until it is killed as hung."""
    SLOW = "slow"
    """The message is handled `seconds` later."""
    DROP = "drop"
    """The message becomes a dead letter; timers' messages are exempt."""
    CORRUPT = "corrupt"
    """The message's bytes are cut and corrupted; without bytes its first field is lost."""
    FAIL = "fail"
    """The call to the dependency fails."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One order: skip `skip` messages (or calls), then apply to the next `count`."""

    kind: FaultKind
    target: str
    """The name of an actor, or for `fail` that of a dependency's breaker."""
    count: int = 1
    skip: int = 0
    seconds: float | None = None
    message_type: str | None = None
    """Only messages of this type count; None: all."""
    id: int = 0
    """Given by `Faults.inject`."""

    def __post_init__(self) -> None:
        if self.count < 1 or self.skip < 0:
            raise ValueError("count is at least 1, and skip at least 0")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError("seconds is above 0, or not given")
        if self.kind is FaultKind.SLOW and self.seconds is None:
            raise ValueError("slow needs seconds")
        if self.kind is FaultKind.FAIL and self.message_type is not None:
            raise ValueError("fail is about calls: it has no message_type")


Tap: TypeAlias = Callable[[Any, bool], Any]
"""Called with each message of an actor, and whether it is of its own timer (`Faults.apply`)."""


class Dropped(Exception):
    """Not an error: the message must become a dead letter."""


class Faults:
    """The faults of one tree. They cost nothing while there are none."""

    def __init__(self) -> None:
        self.injected = 0
        """Messages and calls to which a fault was applied so far."""
        self._ids = count(1)
        self._orders: list[Fault] = []
        self._taps: dict[str, Callable[[Tap | None], None]] = {}

    def inject(self, fault: Fault) -> Fault:
        """Order a fault. Returns the order with its id.

        Raises:
            ValueError: there is no such actor
        """
        if fault.kind is not FaultKind.FAIL and fault.target not in self._taps:
            known = ", ".join(sorted(self._taps))
            raise ValueError(f"no actor is named {fault.target!r}: there are {known}")
        order = replace(fault, id=next(self._ids))
        self._orders.append(order)
        self._open_taps()
        return order

    def active(self) -> tuple[Fault, ...]:
        """The orders that are not used up."""
        return tuple(self._orders)

    def clear(self, fault_id: int | None = None) -> int:
        """Cancel one order, or all. Returns how many were cancelled."""
        before = len(self._orders)
        self._orders = [o for o in self._orders if fault_id is not None and o.id != fault_id]
        self._open_taps()
        return before - len(self._orders)

    def connect(self, name: str, tap: Callable[[Tap | None], None]) -> None:
        """For the runtime: sets the function that is called with each message of an actor."""
        self._taps[name] = tap

    def fails(self, dependency: str) -> bool:
        """For circuit breakers: whether this call must fail."""
        return self._take(dependency, None, own=False) is not None

    def apply(self, name: str, message: Any, own: bool = False) -> Any:
        """For the runtime: apply the faults to a message and return it. `own`: it is from the
        actor's own timer.

        Raises:
            Dropped: it must become a dead letter
            InjectedFault: the actor must fail
        """
        fault = self._take(name, message, own=own)
        if fault is None:
            return message
        match fault.kind:
            case FaultKind.CRASH:
                raise InjectedFault(f"{name}: crashed by injection")
            case FaultKind.HANG | FaultKind.SLOW:
                # Without seconds: longer than any deadline; the actor is killed.
                gevent.sleep(fault.seconds or 86_400)
                return message
            case FaultKind.DROP:
                raise Dropped
            case FaultKind.CORRUPT:
                return corrupted(message)
            case FaultKind.FAIL:
                raise AssertionError("an order for calls, not for messages")

    def _take(self, target: str, message: Any, *, own: bool) -> Fault | None:
        """Find the fault for this message, or for this call (None), and count it down. None if
        there is no fault."""
        for index, order in enumerate(self._orders):
            if order.target != target or (order.kind is FaultKind.FAIL) != (message is None):
                continue
            if own and order.kind is FaultKind.DROP:
                continue
            if order.message_type not in (None, type(message).__name__):
                continue
            if order.skip:
                self._orders[index] = replace(order, skip=order.skip - 1)
                continue
            self.injected += 1
            if order.count > 1:
                self._orders[index] = replace(order, count=order.count - 1)
            else:
                del self._orders[index]
                self._open_taps()
            return order
        return None

    def _open_taps(self) -> None:
        wanted = {order.target for order in self._orders if order.kind is not FaultKind.FAIL}
        for name, tap in self._taps.items():
            tap(partial(self.apply, name) if name in wanted else None)


def corrupted(message: Any) -> Any:
    """A corrupted copy of the message."""
    # Only our own messages, not those of pykka's proxies.
    fields = dataclasses.fields(message) if dataclasses.is_dataclass(message) else ()
    spoilt = {
        field.name: _spoil(value)
        for field in fields
        if isinstance(value := getattr(message, field.name), bytes)
    }
    if not spoilt and fields:
        spoilt = {fields[0].name: None}  # type: ignore[dict-item]
    if not spoilt:
        raise InjectedFault(f"{type(message).__name__} has nothing that could be spoilt")
    return dataclasses.replace(message, **spoilt)


def _spoil(data: bytes) -> bytes:
    return bytes(255 - byte for byte in data[:16]) + data[16 : len(data) // 2]
