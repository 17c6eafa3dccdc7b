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
    **kwargs: Any,
) -> ChildSpec:
    """A worker: `actor_class(*args, **kwargs)`, made anew at each start.

    `shutdown_s`: from the order to stop to being killed; `start_s`: how long `on_start` may take;
    `handler_deadline_s`: a handler that runs longer hangs (None: never); `breaker`: opens when the
    child fails more often than its supervisor's intensity allows (None: the supervisor fails then).
    Of its policy the timeouts and trials matter here; the intensity stands for the thresholds.
    `drain_on_stop`: an ordered stop comes after what is queued, not only after the message in hand.
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
) -> SupervisorSpec:
    """A supervisor.

    More than `intensity` failures of one child in `period_s` open that child's breaker. Failures of
    children without a breaker are counted together: more than `intensity`, and the supervisor
    fails, which is then its own supervisor's matter.

    `shutdown_s` None: as long as its children take, each of which has a limit of its own.
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
    )


def _check_name(name: str) -> None:
    if not name or "/" in name:
        raise ValueError(f"a name is not empty and has no slash: {name!r}")
