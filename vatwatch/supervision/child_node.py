"""ChildNode: a child's place in the tree. Mailbox and counts outlive the incarnations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from vatwatch.errors import ActorOnStandby, ActorSuspended, ActorUnavailable, MailboxFull
from vatwatch.supervision.breaker import BreakerState
from vatwatch.supervision.circuit_breaker import BreakerInfo, CircuitBreaker
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.failures import text_of
from vatwatch.supervision.faults import Tap
from vatwatch.supervision.hand_over import HandOver
from vatwatch.supervision.incarnation import Incarnation
from vatwatch.supervision.introspection import (
    FailureInfo,
    LatencyCounts,
    MailboxInfo,
    NodeInfo,
)
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.notices import HandOverDiscarded
from vatwatch.supervision.restart_intensity import RestartWindow
from vatwatch.supervision.runtime import Runtime
from vatwatch.supervision.spec import AnySpec, ChildSpec, SupervisorSpec
from vatwatch.supervision.vocabulary import (
    FailureReason,
    MailboxOnFailure,
    MailboxPolicy,
    OnFailedMessage,
    State,
    UndeliverableReason,
)
from vatwatch.supervision.want import Want

T = TypeVar("T")

_COMES_BACK_WITH_ITS_SUPERVISOR = (
    State.STARTING,
    State.RUNNING,
    State.STOPPING,
    State.RESTARTING,
)


class ChildNode:
    """A node of the tree. Only its supervisor changes its state."""

    def __init__(self, spec: AnySpec, runtime: Runtime, parent: ChildNode | None = None) -> None:
        self.spec = spec
        self.parent = parent
        self.runtime = runtime
        self.name = spec.name
        self.path: str = spec.name if parent is None else f"{parent.path}/{spec.name}"
        self.state = State.STOPPED
        self.incarnation: Incarnation | None = None
        self.started_at = 0.0
        self.last_start_at: datetime | None = None
        self._start_began = 0.0
        self.last_start_s: float | None = None
        self.starts = 0
        self.failures = 0
        self.asks_failed = 0
        self.last_failure: FailureInfo | None = None
        self.latency = LatencyCounts()
        self.tap: Tap | None = None
        """Set by fault injection: returns what becomes of each message."""
        self.on_trial = False
        """Whether each handled message is a trial for the breaker."""
        self.next_start_at: float | None = None
        """When it will be started, by the tree's clock; None if it will not."""
        self.restart_ordered = False
        """Whether an ordered restart has not been carried out yet."""
        self.want = Want(wanted=not spec.standby)
        self.dropped_on_standby = 0
        self.shared: object | None = None
        """What the incarnation shows to all who look (`Actor.share`)."""
        self.hand_over = HandOver()
        self.hand_overs_discarded = 0
        self._lasting: dict[Callable[[], Any], Any] = {}
        self._window = RestartWindow(0, 1.0)
        if parent is not None and isinstance(parent.spec, SupervisorSpec):
            self._window = RestartWindow(parent.spec.intensity, parent.spec.period_s)
        self.circuit_breaker = (
            None
            if spec.breaker is None
            else CircuitBreaker(
                self.path,
                spec.breaker,
                runtime.clock,
                kind="child",
                wall_clock=runtime.wall_clock,
                observe=runtime.observers.notify,
            )
        )
        if isinstance(spec, SupervisorSpec):
            # Only the urgent lane is used: only its children send messages to a supervisor.
            self.mailbox = Mailbox(1, MailboxPolicy.REFUSE, self.undeliverable)
            self.children = tuple(ChildNode(child, runtime, self) for child in spec.children)
        else:
            self.mailbox = Mailbox(spec.mailbox, spec.policy, self.undeliverable)
            self.children = ()
            runtime.faults.connect(spec.name, self._set_tap)
        if spec.standby:
            self.stand_by()

    def use_spec(self, spec: AnySpec) -> None:
        """Use this spec from now on, here and below: the same nodes with new values.

        Times and breaker policies hold at once, arguments from the next start on.
        """
        self.spec = spec
        if self.circuit_breaker is not None and spec.breaker is not None:
            self.circuit_breaker.use_policy(spec.breaker)
        if isinstance(spec, SupervisorSpec):
            for child, below in zip(self.children, spec.children, strict=True):
                child.use_spec(below)
                child._window = child._window.with_limits(spec.intensity, spec.period_s)

    @property
    def root(self) -> ChildNode:
        """The top of the tree."""
        return self if self.parent is None else self.parent.root

    @property
    def alive(self) -> bool:
        """Whether an actor runs here (it has started and not ended)."""
        return (
            self.incarnation is not None and self.incarnation.started and not self.incarnation.dead
        )

    @property
    def stood_by(self) -> ChildNode | None:
        """The nearest node that is not wanted, itself or above; None if it is to run."""
        if not self.want.wanted:
            return self
        return None if self.parent is None else self.parent.stood_by

    @property
    def breaker_retry_in_s(self) -> float:
        """Seconds until its breaker allows a trial; 0 if it has no breaker, or if that is not
        open."""
        return 0.0 if self.circuit_breaker is None else self.circuit_breaker.retry_in_s

    def walk(self) -> Iterator[ChildNode]:
        """This node and all below it, from top to bottom."""
        yield self
        for child in self.children:
            yield from child.walk()

    def starting(self) -> None:
        """A new incarnation is about to begin."""
        self.mailbox.reopen()
        self.shared = None
        self.state = State.STARTING
        self._start_began = self.runtime.clock()
        if self.starts:
            self._window = self._window.add(self.runtime.clock())
        self.starts += 1

    def running(self) -> None:
        """The new incarnation has started."""
        self.state = State.RUNNING
        self.started_at = self.runtime.clock()
        self.last_start_at = self.runtime.wall_clock()
        self.last_start_s = self.started_at - self._start_began
        self.hand_over = self.hand_over.taken()

    def failed(self, reason: FailureReason, error: BaseException | None, traceback: str) -> None:
        """Record a failure."""
        now = self.runtime.clock()
        self.failures += 1
        self.last_failure = FailureInfo(
            reason,
            "" if error is None else type(error).__name__,
            "stopped by itself" if error is None else text_of(error),
            now,
            self.runtime.wall_clock(),
            traceback,
        )

    def suspend(self) -> None:
        """Refuse messages until the breaker allows a trial."""
        self.on_trial = False
        self.mailbox.set_admission_check(lambda: False)

    def begin_trials(self) -> None:
        """Let the next messages in as trials; the breaker says how many."""
        assert self.circuit_breaker is not None
        self.on_trial = True
        self.mailbox.set_admission_check(self.circuit_breaker.allow)

    def trial_succeeded(self) -> None:
        """For the incarnation: a message was handled while each one is a trial."""
        assert self.circuit_breaker is not None
        self.circuit_breaker.succeeded()
        if self.circuit_breaker.state is BreakerState.CLOSED:
            self.end_trials()

    def end_trials(self) -> None:
        """Admit messages as usual: the breaker is closed."""
        self.on_trial = False
        self.mailbox.set_admission_check(None)

    def stand_by(self) -> None:
        """Nobody is to run here or below: refuse messages, and forget all that would delay or
        burden a start."""
        self.close(State.STANDBY)
        for node in self.walk():
            node._forget_past()

    def _forget_past(self) -> None:
        self.next_start_at = None
        self.hand_over = HandOver()
        self._window = replace(self._window, restarts=())
        if self.incarnation is not None:
            # It was killed, and does not die yet: what it leaves is for nobody.
            self.incarnation.stop_for_good = True
        if self.circuit_breaker is not None:
            self.circuit_breaker.reset("it is on standby")
            self.end_trials()

    def stand_ready(self) -> None:
        """It will be started, with those below that are wanted: take messages again."""
        self.mailbox.reopen()
        for child in self.children:
            if child.want.wanted:
                child.state = State.RESTARTING if child.starts else State.STOPPED
                child.stand_ready()

    def incarnation_over(self, *, may_retry: bool) -> None:
        """For the supervisor: the incarnation has ended; handle what it left.

        Args:
            may_retry: whether the successor may get the message in hand again, if the spec allows
                it
        """
        ended, self.incarnation = self.incarnation, None
        assert ended is not None
        assert ended.exit is not None
        self._keep_hand_over(ended)
        if isinstance(self.spec, SupervisorSpec):
            self._mark_those_below()
        else:
            self._dispose_of_mailbox(self.spec, ended.exit.in_hand, may_retry=may_retry)

    def _mark_those_below(self) -> None:
        """Mark the nodes below: they ended with their supervisor, and come back with its
        successor."""
        for below in self.walk():
            if below is not self and below.state in _COMES_BACK_WITH_ITS_SUPERVISOR:
                below.state = State.RESTARTING
                below.next_start_at = None

    def _dispose_of_mailbox(
        self, spec: ChildSpec, in_hand: Envelope | None, *, may_retry: bool
    ) -> None:
        """Decide about the message in hand and those that are queued, by the child spec.

        An ask in hand has been answered already, with `ActorUnavailable`.
        """
        if spec.mailbox_on_failure is MailboxOnFailure.DEAD_LETTER:
            self.mailbox.drain("backlog")
        if in_hand is None or in_hand.reply_to is not None:
            return
        if may_retry and spec.on_failed_message is OnFailedMessage.RETRY:
            self.mailbox.requeue(in_hand)
        else:
            self.undeliverable(in_hand, "in hand")

    def _keep_hand_over(self, incarnation: Incarnation) -> None:
        """Keep what the ended incarnation hands over for the next one, or throw it away."""
        assert incarnation.exit is not None
        value = incarnation.left if incarnation.started else self.hand_over.value
        self.hand_over = self.hand_over.left(
            None if incarnation.hand_over_failed else value,
            failed=incarnation.exit.reason in ("crash", "hang", "start"),
            proven=incarnation.started
            and incarnation.ended_at - incarnation.started_at >= self._window.period_s,
        )
        if incarnation.hand_over_failed or (value is not None and self.hand_over.value is None):
            self.hand_overs_discarded += 1
            self.runtime.observers.notify(HandOverDiscarded(self.path))

    def close(self, state: State) -> None:
        """Stop, for good or until it is wanted, with all below: queued and future messages are
        undeliverable."""
        for child in reversed(self.children):
            child.close(state)
        self.state = state
        self.mailbox.close(standby=state is State.STANDBY)
        if (
            self.incarnation is not None
            and self.incarnation.dead
            and self.incarnation.exit is not None
        ):
            self.incarnation_over(may_retry=False)

    def lasting(self, make: Callable[[], T]) -> T:
        """See `Actor.lasting`."""
        if make not in self._lasting:
            self._lasting[make] = make()
        made: T = self._lasting[make]
        return made

    def info_of_worker(self, name: str) -> NodeInfo | None:
        """What is known of the worker of this name, in this node or below; None if there is
        none."""
        node = self.worker(name)
        return None if node is None else node.info()

    def worker(self, name: str) -> ChildNode | None:
        """The worker of this name, this node or below; None if there is none."""
        return self._workers.get(name)

    @cached_property
    def _workers(self) -> dict[str, ChildNode]:
        """Who is in the tree never changes."""
        return {node.name: node for node in self.walk() if isinstance(node.spec, ChildSpec)}

    def breakers(self) -> tuple[BreakerInfo, ...]:
        """Every breaker of the tree: those of its nodes, then those around dependencies."""
        own = [
            node.circuit_breaker for node in self.root.walk() if node.circuit_breaker is not None
        ]
        return tuple(one.info() for one in (*own, *self.runtime.circuit_breakers.all()))

    def info(self) -> NodeInfo:
        """What is known of this node and those below."""
        now = self.runtime.clock()
        retry_in_s = self._retry_in_s(now)
        spec, mailbox, incarnation = self.spec, self.mailbox, self.incarnation
        in_hand = None if incarnation is None else incarnation.in_hand
        busy_since = None if incarnation is None else incarnation.busy_since
        is_supervisor = isinstance(spec, SupervisorSpec)
        return NodeInfo(
            name=self.name,
            path=self.path,
            kind="supervisor" if is_supervisor else "worker",
            strategy=spec.strategy if isinstance(spec, SupervisorSpec) else None,
            restart=spec.restart,
            state=self.state,
            uptime_s=now - self.started_at if self.state is State.RUNNING else 0.0,
            restarts_total=max(0, self.starts - 1),
            restarts_in_window=self._window.count(now),
            breaker=None if self.circuit_breaker is None else self.circuit_breaker.info(),
            handling=None if is_supervisor or in_hand is None else type(in_hand.message).__name__,
            busy_s=0.0 if is_supervisor or busy_since is None else max(0.0, now - busy_since),
            mailbox=None if is_supervisor else MailboxInfo.of(mailbox, self.dropped_on_standby),
            handled=self.latency.handled,
            failures=self.failures,
            asks_failed=self.asks_failed,
            last_failure=self.last_failure,
            latency=self.latency.info(),
            children=tuple(child.info() for child in self.children),
            hand_overs_discarded=self.hand_overs_discarded,
            last_start_at=self.last_start_at,
            last_start_s=self.last_start_s,
            retry_in_s=retry_in_s,
            retry_at=None
            if retry_in_s is None
            else self.runtime.wall_clock() + timedelta(seconds=retry_in_s),
        )

    def _retry_in_s(self, now: float) -> float | None:
        """Seconds until it is started. Its own wait continues while its supervisor waits."""
        if self.state not in (State.RESTARTING, State.SUSPENDED):
            return None
        own_s = 0.0 if self.next_start_at is None else max(0.0, self.next_start_at - now)
        supervisor_s = None if self.parent is None else self.parent._retry_in_s(now)
        return max(own_s, supervisor_s or 0.0)

    def _set_tap(self, tap: Tap | None) -> None:
        self.tap = tap

    def undeliverable(self, envelope: Envelope, reason: UndeliverableReason) -> None:
        """Handle an undeliverable message: a tell becomes a dead letter, an ask gets an error.

        A tell to an actor on standby is dropped and counted: the actor is off on purpose.
        """
        if reason == "standby":
            if envelope.reply_to is None:
                self.dropped_on_standby += 1
            else:
                envelope.reply_to.fail(ActorOnStandby(self.path))
        elif envelope.reply_to is None:
            self.runtime.observers.dead_letter(self.path, envelope.message, reason)
        elif reason == "suspended":
            envelope.reply_to.fail(ActorSuspended(self.path, self.breaker_retry_in_s))
        elif reason == "overflow":
            envelope.reply_to.fail(MailboxFull(f"{self.path}: dropped for a later message"))
        else:
            envelope.reply_to.fail(
                ActorUnavailable(f"{self.path}: {reason}, the ask is not handled")
            )
