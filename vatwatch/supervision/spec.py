"""Child specs: the tree as data, with OTP's words and meanings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vatwatch.supervision.backoff import Backoff
from vatwatch.supervision.breaker import BreakerPolicy
from vatwatch.supervision.vocabulary import (
    MailboxOnFailure,
    MailboxPolicy,
    OnFailedMessage,
    Restart,
    Startable,
    Strategy,
)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A worker; made by `worker()`."""

    name: str
    actor_class: Callable[..., Startable]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    restart: Restart = Restart.PERMANENT
    shutdown_s: float = 5.0
    start_s: float = 30.0
    handler_deadline_s: float | None = 60.0
    mailbox: int = 1000
    policy: MailboxPolicy = MailboxPolicy.BLOCK
    on_failed_message: OnFailedMessage = OnFailedMessage.DEAD_LETTER
    mailbox_on_failure: MailboxOnFailure = MailboxOnFailure.KEEP
    breaker: BreakerPolicy | None = None
    drain_on_stop: bool = False
    standby: bool = False

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.mailbox < 1:
            raise ValueError(f"{self.name}: a mailbox holds at least one message")
        if self.shutdown_s < 0 or self.start_s <= 0:
            raise ValueError(f"{self.name}: shutdown_s >= 0 and start_s > 0")
        if self.handler_deadline_s is not None and self.handler_deadline_s <= 0:
            raise ValueError(f"{self.name}: handler_deadline_s > 0, or None")


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """A supervisor and its children, in the order of their start; made by `supervisor()`."""

    name: str
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 5
    period_s: float = 30.0
    backoff: Backoff = field(default_factory=Backoff)
    shutdown_s: float | None = None
    children: tuple[ChildSpec | SupervisorSpec, ...] = ()
    restart: Restart = Restart.PERMANENT
    breaker: BreakerPolicy | None = None
    standby: bool = False

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.intensity < 0 or self.period_s <= 0:
            raise ValueError(f"{self.name}: intensity >= 0 and period_s > 0")


_DEFAULT_BREAKER = BreakerPolicy()

AnySpec: TypeAlias = ChildSpec | SupervisorSpec


def worker(
    name: str,
    actor_class: Callable[..., Startable],
    *args: Any,
    restart: Restart = Restart.PERMANENT,
    shutdown_s: float = 5.0,
    start_s: float = 30.0,
    handler_deadline_s: float | None = 60.0,
    mailbox: int = 1000,
    policy: MailboxPolicy = MailboxPolicy.BLOCK,
    on_failed_message: OnFailedMessage = OnFailedMessage.DEAD_LETTER,
    mailbox_on_failure: MailboxOnFailure = MailboxOnFailure.KEEP,
    breaker: BreakerPolicy | None = _DEFAULT_BREAKER,
    drain_on_stop: bool = False,
    standby: bool = False,
    **kwargs: Any,
) -> ChildSpec:
    """A worker. `restart` and `shutdown_s` mean what they mean in OTP's child specs.

    Args:
        name: unique in the tree, without a slash; others reach it by this name
        actor_class: called as `actor_class(*args, **kwargs)` at each start, so the arguments are
            shared by all incarnations: give values, nothing that an actor changes
        restart: when it is started again after it has ended
        shutdown_s: from the order to stop to being killed
        start_s: how long `on_start` may take; longer is a failed start
        handler_deadline_s: a handler that runs longer hangs, and its actor is killed; None: never
        mailbox: messages that may wait
        policy: what a full mailbox does with a message
        on_failed_message: what happens to a tell whose handling failed
        mailbox_on_failure: what happens to the messages behind it
        breaker: opens when the child fails more often than its supervisor's intensity allows; then
            the child is suspended, and tried again when the timeout is over. Of the policy only
            timeouts and trials matter here: the intensity stands for the thresholds. None: the
            supervisor fails then, as in OTP
        drain_on_stop: an ordered stop waits for all queued messages, not only for the message in
            hand
        standby: it is declared, and not started until it is wanted (`Tree.want`). While it is on
            standby, tells to it are dropped and counted, and asks fail at once

    Raises:
        ValueError: a name or a number that cannot be
    """
    return ChildSpec(
        name,
        actor_class,
        args,
        kwargs,
        restart,
        shutdown_s,
        start_s,
        handler_deadline_s,
        mailbox,
        policy,
        on_failed_message,
        mailbox_on_failure,
        breaker,
        drain_on_stop,
        standby,
    )


def supervisor(
    name: str,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    *,
    intensity: int = 5,
    period_s: float = 30.0,
    backoff: Backoff | None = None,
    shutdown_s: float | None = None,
    children: Sequence[AnySpec] = (),
    restart: Restart = Restart.PERMANENT,
    breaker: BreakerPolicy | None = None,
    standby: bool = False,
) -> SupervisorSpec:
    """A supervisor and its children, which start in this order and stop in reverse.

    More than `intensity` failures of one child in `period_s` open that child's breaker. Failures of
    children without a breaker are counted together, as in OTP: after more than `intensity` of them
    the supervisor itself fails, and its own supervisor decides. OTP's default is 1 in 5 s, for
    children that hardly ever fail; 5 in 30 s tolerates a few bad messages in a row. Intensities
    multiply on the way up, so a root should allow fewer failures in a longer period.

    Args:
        name: unique in the tree, without a slash
        strategy: which children are restarted when one fails
        intensity: failures within `period_s` that are tolerated
        period_s: in seconds; after a child has run for so long, its backoff is short again and its
            hand-over is trusted again
        backoff: delay before a failed child is restarted; None: 0.05 s at first, 10 s at most
        shutdown_s: None: as long as its children take, each of which has its own limit
        children: the specs of its children
        restart: when the supervisor itself is started again
        breaker: as for a worker; None: if it fails too often, its own supervisor fails
        standby: as for a worker, with all below it

    Raises:
        ValueError: a name or a number that cannot be
    """
    return SupervisorSpec(
        name,
        strategy,
        intensity,
        period_s,
        Backoff() if backoff is None else backoff,
        shutdown_s,
        tuple(children),
        restart,
        breaker,
        standby,
    )


def _check_name(name: str) -> None:
    if not name or "/" in name:
        raise ValueError(f"a name is not empty and has no slash: {name!r}")
