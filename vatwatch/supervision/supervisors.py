"""Supervisor: starts its children in order, stops them in reverse, restarts those that fail.

`decision.py` decides, and states the law; this module carries out the decisions.

Receives  ChildEnded, TimeIsUp (from itself, in the hub), RestartOrdered, WantsOrdered (from the
          tree)
Sends     nothing; the observers are told
Holds     the state of its children (`Group`), and a timer for each that waits
Restart   its children are stopped, and started again in order; their nodes, mailboxes and breakers
          stay, and so does what was ordered
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import assert_never

from vatwatch.counting import counted
from vatwatch.errors import StartFailed, SupervisionError
from vatwatch.supervision import child_events, orders
from vatwatch.supervision.actor import Actor
from vatwatch.supervision.child_control import ChildControl, exit_of
from vatwatch.supervision.child_node import ChildNode
from vatwatch.supervision.decision import decide
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.failures import text_of
from vatwatch.supervision.group import Group, Mode, Phase
from vatwatch.supervision.hang_check import HangCheck
from vatwatch.supervision.incarnation import Incarnation
from vatwatch.supervision.message import Tell
from vatwatch.supervision.notices import (
    ChildOnStandby,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    Escalated,
)
from vatwatch.supervision.spec import ChildSpec, SupervisorSpec
from vatwatch.supervision.timer import Timer
from vatwatch.supervision.vocabulary import State

log = logging.getLogger(__name__)


# READY depends on more; see `_shown`.
_STATES = {
    Phase.DOWN: State.STOPPED,
    Phase.FAILED: State.FAILED,
    Phase.READY: State.RESTARTING,
    Phase.WAITING: State.RESTARTING,
    Phase.SUSPENDED: State.SUSPENDED,
    Phase.STANDBY: State.STANDBY,
    Phase.RUNNING: State.RUNNING,
    Phase.LEAVING: State.RUNNING,
}


@dataclass(frozen=True, slots=True)
class ChildEnded(Tell):
    """An incarnation has ended."""

    node: ChildNode
    incarnation: Incarnation


@dataclass(frozen=True, slots=True)
class TimeIsUp(Tell):
    """A backoff or a breaker's timeout has passed. The child may have been restarted since."""

    child: int
    due_at: float


@dataclass(frozen=True, slots=True)
class RestartOrdered(Tell):
    """The restart of a child was ordered.

    `ChildNode.restart_ordered` says which one, so the order outlives this supervisor: its successor
    finds it there.
    """


@dataclass(frozen=True, slots=True)
class WantsOrdered(Tell):
    """A child is wanted from now on, or is not: `ChildNode.want` says which one.

    A child that was not wanted for a moment is stopped all the same, and starts afresh.
    """


class Supervisor(Actor):
    """Supervises the children of one node. Created by its own supervisor, or by the tree.

    All its messages use the urgent lane, since none may wait or get lost. It waits while a child
    starts or stops, as in OTP, and handles no other event meanwhile. It does not wait for backoffs;
    a timer sends `TimeIsUp`.
    """

    _control: ChildControl

    def __init__(self, node: ChildNode, spec: SupervisorSpec) -> None:
        super().__init__()
        self._node = node
        self._group = Group.of(spec)
        self._timers: dict[int, tuple[float, Timer]] = {}
        self._hang_check: HangCheck | None = None
        self._start_failed: StartFailed | None = None

    def _bind(self, node: ChildNode, incarnation: Incarnation) -> None:
        super()._bind(node, incarnation)
        self._control = ChildControl(self.path, incarnation, Supervisor, self._child_has_ended)

    # -- hooks

    def on_start(self) -> None:
        """Start the children in order; if one fails, stop those before it."""
        self._group = self.inherited(Group) or self._group
        self._hang_check = HangCheck(self._node)
        for node in self._node.children:
            if node.incarnation is not None and node.incarnation.dead:
                # If its end was reported, then to the previous supervisor.
                node.incarnation_over(may_retry=not node.on_trial)
        self._follow(self._begin())

    def on_stop(self) -> None:
        """Stop the children in reverse."""
        self._follow(child_events.Finish(self._incarnation.stop_for_good))
        self._look_no_more()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:  # noqa: ARG002
        """Kill the children, which would have no supervisor."""
        self._look_no_more()
        for node in reversed(self._node.children):
            if node.incarnation is not None:
                node.incarnation.kill("shutdown", error)

    def hand_over(self) -> Group:
        """Keep the children's backoffs and failure counts; without them each would start fresh."""
        return self._group

    def on_receive(self, message: ChildEnded | TimeIsUp | RestartOrdered | WantsOrdered) -> None:
        """Handle one event; the module's docstring lists them."""
        match message:
            case ChildEnded(node, incarnation):
                self._child_ended(node, incarnation)
            case TimeIsUp(child, due_at):
                self._time_is_up(child, due_at)
            case RestartOrdered():
                self._restart_ordered()
            case WantsOrdered():
                self._wants_ordered()
            case _:
                assert_never(message)

    # -- events

    def _begin(self) -> child_events.Begin:
        children = self._node.children
        anew = frozenset(i for i, node in enumerate(children) if node.want.take_let_go())
        return child_events.Begin(
            first=self._node.starts == 1 and not self._node.runtime.has_started,
            ordered=self._take_orders() | anew,
            unwanted=frozenset(i for i, node in enumerate(children) if not node.want.wanted),
        )

    def _child_ended(self, node: ChildNode, incarnation: Incarnation) -> None:
        # The child may have been stopped, or restarted with a sibling, since this was sent.
        if node.incarnation is incarnation:
            ended = exit_of(incarnation)
            child = self._node.children.index(node)
            self._follow(child_events.Ended(child, ended.reason == "exit", _reason_of(ended.error)))

    def _time_is_up(self, child: int, due_at: float) -> None:
        if self._group.children[child].due_at == due_at:
            # If the timer came slightly early, there will be another one.
            self._forget_timer(child)
            self._follow(child_events.TimeCome(child))

    def _restart_ordered(self) -> None:
        # While it stops its children the orders are left for the successor.
        while self._group.mode is Mode.WORKING and (ordered := self._take_orders(1)):
            (child,) = ordered
            self._follow(child_events.RestartRequested(child))

    def _wants_ordered(self) -> None:
        while self._group.mode is Mode.WORKING and (change := self._take_change()) is not None:
            self._follow(change)

    def _take_change(self) -> child_events.WantsChanged | None:
        """The next change of what is wanted. A child that was let go is let go before it is wanted
        again."""
        for child, node in enumerate(self._node.children):
            let_go = node.want.take_let_go()
            if self._group.children[child].wanted:
                if let_go:
                    return child_events.WantsChanged(child, wanted=False)
            elif node.want.wanted:
                return child_events.WantsChanged(child, wanted=True)
        return None

    def _take_orders(self, at_most: int | None = None) -> frozenset[int]:
        children = self._node.children
        ordered = [i for i, node in enumerate(children) if node.restart_ordered][:at_most]
        for child in ordered:
            children[child].restart_ordered = False
        return frozenset(ordered)

    def _follow(self, event: child_events.ChildEvent | None) -> None:
        """Decide about the event, carry out the orders, and repeat with their outcomes."""
        runtime = self._node.runtime
        while event is not None:
            group = self._as_it_is()
            self._group, decided = decide(group, event, runtime.clock(), runtime.random)
            if log.isEnabledFor(logging.DEBUG):
                log.debug(
                    "%s, %s: %s",
                    self.path,
                    self._named(event),
                    ", ".join(map(self._named, decided)) or "nothing to do",
                )
            self._show()
            event = None
            for order in decided:
                event = self._carry_out(order)

    def _named(self, what: child_events.ChildEvent | orders.Order) -> str:
        """Describe an event or an order: its type and child."""
        child = getattr(what, "child", None)
        name = type(what).__name__
        return name if child is None else f"{name} {self._node.children[child].name}"

    @property
    def _spec(self) -> SupervisorSpec:
        """The current spec (`ChildNode.use_spec`)."""
        assert isinstance(self._node.spec, SupervisorSpec), "a supervisor stays one"
        return self._node.spec

    def _as_it_is(self) -> Group:
        """The group with the breakers and the limits as they are now.

        Messages and time change breakers, and a new spec changes both.
        """
        spec = self._spec
        children = zip(self._group.children, self._node.children, strict=True)
        return replace(
            self._group,
            backoff=spec.backoff,
            window=self._group.window.with_limits(spec.intensity, spec.period_s),
            children=tuple(
                replace(
                    known,
                    breaker=None if node.circuit_breaker is None else node.circuit_breaker.breaker,
                    failing=known.failing.with_limits(spec.intensity, spec.period_s),
                )
                for known, node in children
            ),
        )

    # -- what is shown, and the timers: both are made from the state

    def _show(self) -> None:
        now = self._node.runtime.clock()
        for child, node in enumerate(self._node.children):
            node.state = self._shown(child, node)
            node.next_start_at = self._group.starts_at(child, now)
            due_at = self._group.children[child].due_at
            armed = self._timers.get(child)
            if armed is None or armed[0] != due_at:
                self._forget_timer(child)
                if due_at is not None:
                    self._arm_timer(child, due_at, due_at - now)

    def _shown(self, child: int, node: ChildNode) -> State:
        known = self._group.children[child]
        if known.phase is Phase.READY and not node.starts:
            return State.STOPPED
        if known.phase is Phase.READY and known.on_trial:
            return State.SUSPENDED
        return _STATES[known.phase]

    def _arm_timer(self, child: int, due_at: float, delay_s: float) -> None:
        due = TimeIsUp(child, due_at)
        self._timers[child] = due_at, self._incarnation.after(delay_s, lambda: self._urgent(due))

    def _forget_timer(self, child: int) -> None:
        _due_at, timer = self._timers.pop(child, (None, None))
        if timer is not None:
            timer.cancel()

    # -- orders

    def _carry_out(self, order: orders.Order) -> child_events.ChildEvent | None:
        """Carry out an order. The outcome of `Start` and `Stop` is the next event; other orders
        have none."""
        match order:
            case orders.Start(child):
                return self._bring_up(child, self._node.children[child])
            case orders.Stop(child, for_good):
                return self._take_down(child, self._node.children[child], for_good=for_good)
            case orders.Escalate():
                self.notify(Escalated(self.path, self._spec.intensity, self._spec.period_s))
            case orders.GiveUp():
                raise SupervisionError(
                    f"{self.path}: more than {counted(self._spec.intensity, 'failure')} "
                    f"in {self._spec.period_s:g} s"
                )
            case orders.RefuseToStart():
                assert self._start_failed is not None, "no child has failed to start"
                raise self._start_failed
            case _:
                self._do_at_once(order, self._node.children[order.child])
        return None

    def _do_at_once(self, order: orders.OrderAtOnce, node: ChildNode) -> None:
        incarnation = node.incarnation
        match order:
            case orders.Report():
                assert incarnation is not None, "nobody has ended"
                self._control.report(node, exit_of(incarnation))
            case orders.TellStopped():
                self.notify(ChildStopped(node.path, killed=False))
            case orders.Release(_child, retry):
                if incarnation is not None and incarnation.dead:
                    node.incarnation_over(may_retry=retry)
            case orders.Close(_child, failed):
                node.close(State.FAILED if failed else State.STOPPED)
            case orders.Suspend(_child, breaker, reason):
                assert node.circuit_breaker is not None, "only a child with a breaker is suspended"
                node.circuit_breaker.follow(breaker, reason, failed=bool(reason))
                node.suspend()
            case orders.Try(_child, breaker):
                assert node.circuit_breaker is not None, "only a child with a breaker is tried"
                node.circuit_breaker.follow(breaker, "its timeout is over")
                node.begin_trials()
            case orders.Reset(_child, breaker, reason):
                assert node.circuit_breaker is not None, "only a child with a breaker has it reset"
                node.circuit_breaker.follow(breaker, reason)
                node.end_trials()
            case orders.StandBy():
                node.stand_by()
                for one in node.walk():
                    if isinstance(one.spec, ChildSpec):
                        self.notify(ChildOnStandby(one.path))
            case orders.StandReady():
                node.stand_ready()
            case orders.Delay(_child, attempt, delay_s):
                self.notify(ChildRestarting(node.path, attempt, delay_s))
            case _:
                assert_never(order)

    def _look_no_more(self) -> None:
        if self._hang_check is not None:
            self._hang_check.close()

    # -- starting and stopping

    def _bring_up(self, child: int, node: ChildNode) -> child_events.ChildEvent:
        """Start one child and wait until it runs or has failed."""
        try:
            self._control.start(node)
        except StartFailed as error:
            self._start_failed = error
            incarnation = node.incarnation
            if self._incarnation.stop_ordered:
                runs = incarnation is not None and not incarnation.dead
                return child_events.StartInterrupted(child, runs, self._incarnation.stop_for_good)
            return child_events.NotStarted(child, _reason_of(error.__cause__ or error))
        self.notify(ChildStarted(node.path))
        return child_events.Started(child)

    def _take_down(self, child: int, node: ChildNode, *, for_good: bool) -> child_events.ChildEvent:
        self._control.stop(node, for_good=for_good)
        return child_events.Stopped(child)

    # -- in the hub, or in a child: must not block

    def _child_has_ended(self, node: ChildNode, incarnation: Incarnation) -> None:
        self._urgent(ChildEnded(node, incarnation))

    def _stop_ordered(self) -> None:
        self._control.look_again()

    def _urgent(self, message: Tell) -> None:
        self._node.mailbox.put_urgent(Envelope(message))


def _reason_of(error: BaseException | None) -> str:
    return "stopped by itself" if error is None else f"{type(error).__name__}: {text_of(error)}"
